"""xacro to URDF text through the package `xacrodoc`, which is imported on first use. Judges nothing of it.

A xacro file is a program of its author's: it includes other files and computes. Give it only what you trust.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from cellctl.errors import EnvironmentMissing, FileError, Finding, Place


def is_xacro(path: Path) -> bool:
    """Whether a file is to be expanded before it is read, by its ending."""
    return path.suffix.lower() == ".xacro"


def expanded_xacro(path: Path, shown: str, packages: Mapping[str, Path], given: Mapping[str, str]) -> bytes:
    """The URDF text of a xacro file with its arguments as `given`.

    Raises FileError F189, and EnvironmentMissing E540 without xacrodoc.
    """
    try:
        xacrodoc = import_module("xacrodoc")
    except ImportError:
        hint = "pip install 'cellctl[urdf]', or expand it elsewhere and give the URDF"
        raise EnvironmentMissing(Finding("E540", "the package 'xacrodoc' is not installed", None, hint)) from None
    finder = xacrodoc.packages
    try:
        finder.reset()
        finder.walk_up_from(path.parent)
        for name, folder in packages.items():
            finder.update_package_cache({name: str(folder)})
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            document = xacrodoc.XacroDoc.from_file(str(path), subargs=dict(given), resolve_packages=False)
            text: str = document.to_urdf_string()
    except (Exception, SystemExit) as error:  # an expression in the file can raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        hint = "give it: --arg NAME=VALUE" if "argument" in reason.lower() else ""
        raise FileError(Finding("F189", f"xacro cannot expand it: {reason}", Place(shown), hint)) from None
    return text.encode()
