"""A floor imports the floors below it: never a peer, never a floor above; at any depth, lazily or not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LADDER = (
    {"errors", "realtime", "units"},
    {"catalogue"},
    {"model"},
    {"files", "processes"},
    {"kinematics"},
    {"scene"},
    {"planning", "proof", "drivers"},
    {"execution"},
    {"jobs"},
    {"reports", "bench"},
    {"cli", "pendant", "pytest_plugin"},
    {"__main__"},
)
FLOORS = {name: level for level, names in enumerate(LADDER) for name in names}

# Beside the ladder: the other end of the wire. It sees the values and the scene, and only the roof, and what measures
# both ends together, may name it.
EMULATORS_MAY = {"errors", "realtime", "units", "catalogue", "model", "files", "processes", "kinematics", "scene"}

# What stands outside of the rule, by file: each with its reason.
EXCEPTIONS = {
    # `Cell.load` and its kind belong to the value, and read through the file layer by name when they are called
    ("model/cell.py", "files"),
    ("model/plan.py", "files"),
    ("model/task.py", "files"),
    # the wire to our own simulated arm is written down once, at its controller's end
    ("drivers/simulated.py", "emulators"),
}
DOTTED = re.compile(r"cellctl\.([a-z_]+)[\w.:]*")


def may_import(importer: str, imported: str) -> bool:
    if importer == imported:
        return True
    if importer == "emulators":
        return imported in EMULATORS_MAY
    if imported == "emulators":
        return importer in ("cli", "bench")
    return FLOORS[imported] < FLOORS[importer]


def imported_floors(tree: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """Every floor that a module names in an import statement, or in a string where it imports by name."""
    by_name = any(
        isinstance(node, ast.Name | ast.Attribute) and _last(node) == "import_module" for node in ast.walk(tree)
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("cellctl."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module or "").split(".")) if node.module else base
            if module == ("cellctl",):
                yield from (alias.name for alias in node.names if alias.name != "__version__")
            elif module[0] == "cellctl":
                yield module[1]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "cellctl" and node.attr != "__version__":
            yield node.attr
        elif by_name and isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = DOTTED.fullmatch(node.value)
            if found:
                yield found[1]


def broken_floors(package: Path) -> list[str]:
    findings = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if name == "__init__.py":
            continue
        importer = name.split("/")[0].removesuffix(".py")
        if importer not in FLOORS and importer != "emulators":
            findings.append(f"{name} stands on no floor")
            continue
        folders = ("cellctl", *path.relative_to(package).parent.parts)
        for imported in sorted(set(imported_floors(ast.parse(path.read_text("utf-8")), folders))):
            if imported not in FLOORS and imported != "emulators":
                findings.append(f"{name} imports {imported}, which stands on no floor")
            elif not may_import(importer, imported) and (name, imported) not in EXCEPTIONS:
                findings.append(f"{name} imports {imported}")
    return findings


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def test_every_floor_imports_only_floors_below(checkout: Path) -> None:
    assert broken_floors(checkout / "cellctl") == []


@pytest.mark.parametrize(
    ("name", "code", "finding"),
    [
        ("planning/a.py", "from cellctl.proof import certify", "planning/a.py imports proof"),
        ("model/a.py", "import cellctl.files.reader", "model/a.py imports files"),
        ("scene/a.py", "def f():\n    from cellctl.planning import x", "scene/a.py imports planning"),
        ("scene/a.py", "from ..planning import x", "scene/a.py imports planning"),
        ("scene/a.py", "from cellctl import jobs", "scene/a.py imports jobs"),
        ("jobs/a.py", "import cellctl\ncellctl.run", "jobs/a.py imports run, which stands on no floor"),
        ("drivers/a.py", "from cellctl import Plan", "drivers/a.py imports Plan, which stands on no floor"),
        ("emulators/a.py", "from cellctl.execution.clock import Clock", "emulators/a.py imports execution"),
        ("execution/a.py", "import cellctl.emulators", "execution/a.py imports emulators"),
        ("files/a.py", "import importlib\nimportlib.import_module('cellctl.jobs.run')", "files/a.py imports jobs"),
        ("helpers/a.py", "", "helpers/a.py stands on no floor"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, name: str, code: str, finding: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(code, "utf-8")
    assert broken_floors(tmp_path) == [finding]


def test_a_downward_import_is_let_through(tmp_path: Path) -> None:
    (tmp_path / "planning").mkdir()
    (tmp_path / "planning/a.py").write_text(
        "import cellctl\ncellctl.__version__\nfrom cellctl.scene import bodies", "utf-8"
    )
    assert broken_floors(tmp_path) == []
