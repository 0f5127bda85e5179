"""Where the content of a reference comes from: the disk, or the inputs in a plan file. Understands no content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from cellctl.errors import EnvironmentMissing, FileError, Finding, Place
from cellctl.files.library import library_root, package_folder, project_root, split_reference
from cellctl.files.quantities import did_you_mean
from cellctl.files.yaml_tree import YamlList, YamlMap, read_yaml
from cellctl.model.inputs import Input
from cellctl.model.shapes import Hull
from cellctl.model.wps import Range

if TYPE_CHECKING:
    from cellctl.files.mesh.edges import EdgeChain
    from cellctl.files.mesh.reading import Mesh


CHAIN_KEYS: Final = ("points", "left", "right")


def parts_reference(reference: str, most: int) -> str:
    """What the parts of a mesh are called among the inputs of a plan."""
    return f"{reference}#parts={most}"


def surface_reference(reference: str) -> str:
    """What the triangles of a mesh are called among the inputs of a plan."""
    return f"{reference}#surface"


def chains_reference(reference: str, opening: Range) -> str:
    """What the edges of a mesh are called among the inputs of a plan."""
    return f"{reference}#edges={np.degrees(opening.minimum):.6g}..{np.degrees(opening.maximum):.6g}"


class Source(Protocol):
    """Gives the parsed tree or the mesh hull behind an absolute reference."""

    def shown(self, reference: str) -> str:
        """How findings call the file of `reference`."""
        ...

    def tree(self, reference: str) -> YamlMap:
        """The parsed YAML file; raises CellctlError."""
        ...

    def hull(self, reference: str, unit: float) -> Hull:
        """The convex hull of a mesh, in the mesh's own unit, which is to be `unit` (m); raises CellctlError."""
        ...

    def parts(self, reference: str, unit: float, most: int) -> tuple[Hull, ...]:
        """At most `most` convex parts that cover a closed mesh, in the mesh's own unit; raises CellctlError."""
        ...

    def chains(self, reference: str, unit: float, opening: Range) -> tuple[EdgeChain, ...]:
        """The edges of a mesh whose faces open by `opening` (rad), in the mesh's own unit; raises CellctlError."""
        ...

    def surface(self, reference: str, unit: float) -> Mesh:
        """The triangles of a mesh, in the mesh's own unit; raises CellctlError."""
        ...

    def require(self, reference: str) -> None:
        """Raise CellctlError when a file that only pictures need is not there."""
        ...


class DiskSource:
    """Files under a project root, the shipped library, or an installed package."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._meshes: dict[str, Mesh] = {}

    def shown(self, reference: str) -> str:
        """The path of the file as seen from the working directory where it is below it, else the reference."""
        scheme, path = split_reference(reference)
        folder = self.root if scheme == "project" else library_root() if scheme == "lib" else None
        if folder is None:
            return reference
        try:
            return str((folder / path).relative_to(Path.cwd()))
        except ValueError:
            return reference if scheme == "lib" else str(folder / path)

    def tree(self, reference: str) -> YamlMap:
        return read_yaml(self.locate(reference), self.shown(reference))

    def hull(self, reference: str, unit: float) -> Hull:
        from cellctl.files.mesh.reading import convex_hull

        return convex_hull(self._mesh(reference, unit).vertices, reference)

    def parts(self, reference: str, unit: float, most: int) -> tuple[Hull, ...]:
        from cellctl.files.mesh.parts_cache import kept_parts

        mesh = self._mesh(reference, unit)
        try:
            return tuple(Hull(corners) for corners in kept_parts(mesh, most))
        except ValueError as error:
            hint = "close the mesh, or write 'hull_of'"
            message = f"it cannot be cut into parts, for it is not closed: {error}"
            raise FileError(Finding("F147", message, Place(reference), hint)) from None

    def chains(self, reference: str, unit: float, opening: Range) -> tuple[EdgeChain, ...]:
        from cellctl.files.mesh.edges import edge_chains

        return edge_chains(self._mesh(reference, unit), opening.minimum, opening.maximum)

    def surface(self, reference: str, unit: float) -> Mesh:
        return self._mesh(reference, unit)

    def _mesh(self, reference: str, unit: float) -> Mesh:
        from cellctl.files.mesh.reading import read_mesh

        if reference not in self._meshes:
            self._meshes[reference] = read_mesh(self.locate(reference), reference)
        mesh = self._meshes[reference]
        if mesh.unit is not None and abs(mesh.unit - unit) > 1e-9:
            names = {1.0: "m", 1e-3: "mm", 1e-2: "cm", 25.4e-3: "in"}
            stated = names.get(mesh.unit, f"{mesh.unit:g} m")
            raise FileError(Finding("F146", f"the file says that its numbers are {stated}", Place(reference)))
        return mesh

    def require(self, reference: str) -> None:
        self.locate(reference)

    def locate(self, reference: str) -> Path:
        """The file on this disk; raises CellctlError when it is not there or a link leads out of its root."""
        scheme, path = split_reference(reference)
        folder = self._folder(reference)
        target = folder / (path.partition("/")[2] if scheme == "pkg" else path)
        place = Place(self.shown(reference))
        try:
            real = target.resolve()
            inside = real.is_relative_to(folder.resolve())
            there = target.exists()
        except (OSError, RuntimeError, ValueError) as error:
            raise FileError(Finding("F101", f"cannot be read: {error}", place)) from None
        if not inside:
            raise FileError(Finding("F131", "a link leads out of its root", place, "copy the file into the project"))
        if not there:
            above = self._above(reference) if scheme == "project" else {}
            raise FileError(Finding("F101", "there is no such file", place, _neighbours(target), data=above))
        return target

    def _above(self, reference: str) -> dict[str, object]:
        """Where a file of that name lies in a folder further up, as it is shown; empty where there is none."""
        path = PurePosixPath(split_reference(reference)[1])
        for folder in path.parent.parents:
            if (self.root / folder / path.name).is_file():
                return {"above": self.shown(f"project:{folder / path.name}")}
        return {}

    def _folder(self, reference: str) -> Path:
        scheme, path = split_reference(reference)
        if scheme == "project":
            return self.root
        if scheme == "lib":
            library = library_root()
            if library is None:
                hint = "install cellctl again"
                raise EnvironmentMissing(Finding("E504", "the shipped library is missing", suggestion=hint))
            return library
        package = path.partition("/")[0]
        folder = package_folder(package)
        if folder is None:
            message = f"package '{package}' is not installed"
            raise EnvironmentMissing(Finding("E504", message, suggestion="install cellctl with its dependencies"))
        return folder


class ArchiveSource:
    """The inputs of a plan: the same trees and hulls without positions, whatever the disk holds now."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self._inputs = {item.reference: item for item in inputs}

    def shown(self, reference: str) -> str:
        return reference

    def tree(self, reference: str) -> YamlMap:
        tree = _without_positions(self._parsed(reference))
        if not isinstance(tree, YamlMap):
            raise FileError(Finding("F183", "the stored input is not a mapping", Place(reference)))
        return tree

    def hull(self, reference: str, unit: float) -> Hull:
        del unit  # it was the right one when the hull was stored
        return self._hull(reference, self._parsed(reference))

    def parts(self, reference: str, unit: float, most: int) -> tuple[Hull, ...]:
        del unit
        name = parts_reference(reference, most)
        stored = self._parsed(name)
        return tuple(self._hull(name, corners) for corners in (stored if isinstance(stored, list) else [stored]))

    def chains(self, reference: str, unit: float, opening: Range) -> tuple[EdgeChain, ...]:
        from cellctl.files.mesh.edges import EdgeChain

        del unit
        name = chains_reference(reference, opening)
        stored: Any = self._parsed(name)
        try:
            arrays = [[np.array(chain[key], dtype=np.float64) for key in CHAIN_KEYS] for chain in stored]
            if any(array.ndim != 2 or array.shape[1] != 3 for chain in arrays for array in chain):
                raise ValueError("not arrays of points")
        except (ValueError, TypeError, KeyError) as error:
            raise FileError(Finding("F183", f"the stored edges are unusable: {error}", Place(name))) from None
        return tuple(EdgeChain(*chain) for chain in arrays)

    def surface(self, reference: str, unit: float) -> Mesh:
        from cellctl.files.mesh.reading import Mesh

        del unit
        name = surface_reference(reference)
        stored: Any = self._parsed(name)
        try:
            vertices = np.array(stored["vertices"], dtype=np.float64)
            faces = np.array(stored["faces"], dtype=np.intp)
            if (
                vertices.shape[1:] != (3,)
                or faces.shape[1:] != (3,)
                or not 0 <= faces.min() <= faces.max() < len(vertices)
            ):
                raise ValueError("not triangles")
        except (ValueError, TypeError, KeyError) as error:
            raise FileError(Finding("F183", f"the stored surface is unusable: {error}", Place(name))) from None
        return Mesh(vertices, faces)

    def _hull(self, name: str, corners: Any) -> Hull:
        try:
            return Hull(corners)
        except (ValueError, TypeError) as error:
            raise FileError(Finding("F183", f"the stored hull is unusable: {error}", Place(name))) from None

    def require(self, reference: str) -> None:
        del reference  # a plan holds what is proved, not what is only shown

    def _parsed(self, reference: str) -> object:
        item = self._inputs.get(reference)
        if item is None:
            suggestion = did_you_mean(reference, self._inputs)
            raise FileError(Finding("F183", "the plan does not hold this input", Place(reference), suggestion))
        try:
            parsed: object = json.loads(item.content)
        except (ValueError, RecursionError) as error:
            raise FileError(Finding("F183", f"the stored input is not JSON: {error}", Place(reference))) from None
        return parsed


class LibrarySource:
    """Stored inputs, and the disk for what is not among them."""

    def __init__(self, inputs: Iterable[Input], disk: DiskSource) -> None:
        kept = tuple(inputs)
        self._known = {item.reference for item in kept}
        self._archive = ArchiveSource(kept)
        self._disk = disk

    def _of(self, name: str) -> Source:
        return self._archive if name in self._known else self._disk

    def shown(self, reference: str) -> str:
        return reference

    def tree(self, reference: str) -> YamlMap:
        return self._of(reference).tree(reference)

    def hull(self, reference: str, unit: float) -> Hull:
        return self._of(reference).hull(reference, unit)

    def parts(self, reference: str, unit: float, most: int) -> tuple[Hull, ...]:
        return self._of(parts_reference(reference, most)).parts(reference, unit, most)

    def chains(self, reference: str, unit: float, opening: Range) -> tuple[EdgeChain, ...]:
        return self._of(chains_reference(reference, opening)).chains(reference, unit, opening)

    def surface(self, reference: str, unit: float) -> Mesh:
        return self._of(surface_reference(reference)).surface(reference, unit)

    def require(self, reference: str) -> None:
        del reference  # what is only shown is not looked for


def reference_of(path: str | Path) -> tuple[str, DiskSource]:
    """The absolute reference of a file named on the command line or in Python, and the source to read it from.

    `lib:` and `pkg:` references stay; a path becomes `project:` under its project's root, or `lib:` inside the library.
    """
    text = str(path)
    if text.startswith(("lib:", "pkg:")):
        return text, DiskSource(Path.cwd())
    absolute = Path(path).absolute()
    real = Path(absolute.parent.resolve(), absolute.name)
    root = project_root(real)
    library = library_root()
    if library is not None and real.is_relative_to(library) and root == real.parent and root != library:
        return f"lib:{real.relative_to(library).as_posix()}", DiskSource(library)
    return f"project:{real.relative_to(root).as_posix()}", DiskSource(root)


def _neighbours(target: Path) -> str:
    """Names beside a file that is not there: in its folder, or beside its folder when that is missing too."""
    folder, name = target.parent, target.name
    while not folder.is_dir() and folder != folder.parent:
        folder, name = folder.parent, folder.name
    try:
        names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return ""
    return did_you_mean(name, names)


def _without_positions(value: Any) -> Any:
    """JSON values as the containers that the readers know; line 0 means the file as a whole."""
    if isinstance(value, dict):
        tree = YamlMap()
        for key, item in value.items():
            tree.put(key, _without_positions(item), (0, 0), (0, 0))
        return tree
    if isinstance(value, list):
        items = YamlList()
        for item in value:
            items.put(_without_positions(item), (0, 0))
        return items
    return value
