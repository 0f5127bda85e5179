"""The public face: sorted, complete, and cheap to import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cellctl

HEAVY = (
    "coal",
    "pybullet",
    "numba",
    "roboticstoolbox",
    "spatialmath",
    "scipy",
    "pydantic",
    "ruamel",
    "numpy",
    "rich",
    "PIL",
)


def modules_after(statement: str, checkout: Path) -> set[str]:
    """Top-level modules that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def typed_names(source: str) -> dict[str, str]:
    """Names and homes in the `if TYPE_CHECKING` block of a module."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            imports = [child for child in node.body if isinstance(child, ast.ImportFrom)]
            return {alias.name: child.module or "" for child in imports for alias in child.names}
    return {}


def shadowed(package: Path) -> list[str]:
    """Public functions of an `__init__` that a module of their name replaces as soon as somebody imports it."""
    found = []
    for init in sorted(package.rglob("__init__.py")):
        modules = {path.stem for path in init.parent.glob("*.py")} | {path.name for path in init.parent.iterdir()}
        functions = [n for n in ast.parse(init.read_text("utf-8")).body if isinstance(n, ast.FunctionDef)]
        found += [f"{init.parent.name}.{node.name}" for node in functions if node.name in modules]
    return found


def test_no_module_replaces_a_function_of_its_package(checkout: Path) -> None:
    assert shadowed(checkout / "cellctl") == []


def test_a_replaced_function_is_found(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/__init__.py").write_text("def schema(): pass\ndef load(): pass\n", "utf-8")
    (tmp_path / "files/schema.py").touch()
    assert shadowed(tmp_path) == ["files.schema"]


def test_all_is_sorted() -> None:
    assert cellctl.__all__ == sorted(cellctl.__all__)


def test_all_is_what_is_loaded_and_what_the_type_checkers_see() -> None:
    assert cellctl.__file__ is not None
    assert list(cellctl._HOMES) == cellctl.__all__
    assert typed_names(Path(cellctl.__file__).read_text("utf-8")) == cellctl._HOMES
    assert dir(cellctl) == cellctl.__all__


@pytest.mark.parametrize("name", cellctl.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(cellctl, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'cellctl' has no attribute 'weave'"):
        _ = cellctl.weave  # type: ignore[attr-defined]


def test_import_loads_nothing_heavy(checkout: Path) -> None:
    assert modules_after("import cellctl", checkout).isdisjoint(HEAVY)


def test_the_check_sees_what_is_loaded(checkout: Path) -> None:
    assert not modules_after("import cellctl; cellctl.Pose", checkout).isdisjoint(HEAVY)


def test_help_loads_nothing_heavy(checkout: Path) -> None:
    loaded = modules_after("from cellctl.cli.main import call; call(['--help'])", checkout)
    assert loaded.isdisjoint(set(HEAVY) - {"rich"})
