"""Where the meshes lie that a URDF names: by rules that are told, never by a search of this machine. Reads no mesh.

A relative path and `file://` count from the folder of the URDF. `package://NAME/path` is looked for in this order: the
folder that was given for NAME; the nearest folder above the URDF that is called NAME, or whose `package.xml` gives
that name; the nearest folder above it that holds a folder NAME.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from cellctl.errors import CellctlError
from cellctl.files.quantities import FieldError, did_you_mean
from cellctl.files.xml_tree import XmlElement, parse_xml
from cellctl.files.yaml_tree import read_bytes


@dataclass(frozen=True, slots=True)
class PackageRules:
    """Where to look: `start` is the folder of the URDF, `named` are the folders that were given for packages."""

    start: Path
    named: Mapping[str, Path]

    def path_of(self, reference: str) -> Path:
        """The file that a reference means, whether it is there or not; raises FieldError F189."""
        scheme, mark, rest = reference.partition("://")
        if not mark:
            return self.start / reference
        if scheme == "file":
            return self.start / unquote(rest)
        if scheme in ("package", "model"):
            name, _, inner = rest.partition("/")
            return self.folder_of(name) / inner
        hint = "write package://NAME/path, or a path from the folder of the file"
        raise FieldError("F189", f"'{reference}' is not a file of this machine", hint)

    def folder_of(self, name: str) -> Path:
        """The folder of a package; raises FieldError F189."""
        if name in self.named:
            return self.named[name]
        above = (self.start.resolve(), *self.start.resolve().parents)
        for folder in above:
            if name and name not in (".", "..") and (folder.name == name or package_name(folder) == name):
                return folder
        for folder in above:
            if name and name not in (".", "..") and (folder / name).is_dir():
                return folder / name
        hint = f"say where it lies: --package {name}=FOLDER"
        if self.named:
            hint = f"{did_you_mean(name, self.named)} - {hint}"
        raise FieldError("F189", f"package '{name}' is not above the file", hint)


def package_name(folder: Path) -> str:
    """The name that the `package.xml` of a folder gives; empty without one."""
    root = package_description(folder)
    element = None if root is None else root.first("name")
    return "" if element is None else element.text.strip()


def package_licence(path: Path) -> str:
    """The licences that the nearest `package.xml` above a file states; empty without one."""
    for folder in path.resolve().parents:
        root = package_description(folder)
        if root is not None:
            return ", ".join(element.text.strip() for element in root.all("license"))
    return ""


def package_description(folder: Path) -> XmlElement | None:
    """The `package.xml` of a folder, where there is one that can be read."""
    file = folder / "package.xml"
    if not file.is_file():
        return None
    try:
        return parse_xml(read_bytes(file, file.name), file.name)
    except CellctlError:
        return None
