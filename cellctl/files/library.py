"""Where content lies: the project root, the shipped library, installed packages; and how references are joined.

A reference is `lib:PATH`, `project:PATH` or `pkg:PACKAGE/PATH`, never a path of this machine. Reads no content.
"""

from __future__ import annotations

import posixpath
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cellctl.files.quantities import FieldError

LIBRARY_FOLDERS: Final = ("robots", "sim", "tasks")
PROJECT_FILE: Final = "cellctl.yaml"
_SCHEMES: Final = ("lib", "pkg", "project")


@cache
def library_root() -> Path | None:
    """The folder of shipped content: inside the package, or the checkout's top level; None when there is neither."""
    package = Path(__file__).resolve().parents[1]
    if (package / "_library").is_dir():
        return package / "_library"
    checkout = package.parent
    return checkout if _is_our_checkout(checkout) else None


def library_robots(file: str = "robot.yaml") -> tuple[str, ...]:
    """Names of the robots in the shipped library: the folders of `robots/` that hold a file of that name."""
    library = library_root()
    return () if library is None else tuple(sorted(path.parent.name for path in library.glob(f"robots/*/{file}")))


def _is_our_checkout(folder: Path) -> bool:
    import tomllib

    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(project.get("project", {}).get("name") == "cellctl")


def project_root(path: Path) -> Path:
    """The folder of the nearest `cellctl.yaml` from `path` upwards; without one, the folder of `path` itself."""
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    return start


def package_folder(name: str) -> Path | None:
    """The folder of an installed package, without importing it; None when it is not installed."""
    if not name.isidentifier():
        return None
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def split_reference(reference: str) -> tuple[str, str]:
    """Scheme and path of an absolute reference."""
    scheme, _, path = reference.partition(":")
    return scheme, path


def joined_reference(base: str, text: str) -> str:
    """The absolute reference that `text` means in the file `base`; raises FieldError when it leaves its root."""
    scheme, colon, path = text.partition(":")
    if colon and scheme not in _SCHEMES:
        hint = f"write a path inside the project, or one that starts with {', '.join(f'{s}:' for s in _SCHEMES)}"
        raise FieldError("F131", f"'{text}' does not lie under the project, the library or a package", hint)
    if not colon:
        scheme, base_path = split_reference(base)
        path = posixpath.join(posixpath.dirname(base_path), text) if not text.startswith("/") else text
    normal = posixpath.normpath(path) if path else ""
    outside = normal.split("/")[0] in ("", ".", "..") or "\\" in text or "\0" in text
    if outside or (scheme == "pkg" and "/" not in normal):
        hint = f"every path must lie under the folder of {PROJECT_FILE}, the library (lib:) or a package (pkg:NAME/...)"
        raise FieldError("F131", f"'{text}' lies outside its root", hint)
    return f"{scheme}:{normal}"
