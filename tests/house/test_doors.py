"""Each outside library has one door, and so have sleeping, printing, and making a `CertifiedPlan`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARIES = {
    "cascadio": ("files/mesh/step.py",),
    "coal": ("scene/coal/",),
    "cyclopts": ("cli/",),
    "eaik": ("kinematics/solvers/decomposed.py",),
    "ompl": ("bench/",),
    "pybullet": ("scene/bullet/",),
    "pybullet_data": (),
    "pydantic": ("files/",),
    "pymodbus": ("drivers/modbus/", "emulators/modbus/"),
    "roboticstoolbox": ("kinematics/solvers/numeric.py",),
    "ruamel": ("files/",),
    "serial": ("drivers/",),
    "spatialmath": ("kinematics/solvers/numeric.py",),
    "toppra": ("bench/",),
    "xacrodoc": ("files/urdf/xacro.py",),
}
CALLS = {
    "CertifiedPlan": ("proof/",),
    "input": ("cli/", "pendant/"),
    "print": ("cli/", "pendant/"),
    "time.sleep": ("execution/clock.py", "emulators/clock.py"),
}


def libraries_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def guarded_names_in(tree: ast.AST) -> Iterator[str]:
    """Guarded calls, and imports that would rename what is guarded."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            dotted = ast.unparse(node.func)
            yield dotted if dotted in CALLS else dotted.rsplit(".", 1)[-1]
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (alias.name for alias in node.names if alias.asname not in (None, alias.name))


def open_doors(package: Path) -> list[str]:
    findings = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        for table, found in ((LIBRARIES, libraries_in(tree)), (CALLS, guarded_names_in(tree))):
            used = sorted(set(found) & table.keys())
            findings += [f"{name} uses {word}" for word in used if not name.startswith((*table[word], "\0"))]
    return findings


def test_every_library_stays_behind_its_door(checkout: Path) -> None:
    assert open_doors(checkout / "cellctl") == []


@pytest.mark.parametrize(
    ("name", "code", "finding"),
    [
        ("proof/a.py", "import pybullet", "proof/a.py uses pybullet"),
        ("proof/a.py", "def f():\n    import pybullet_data as d", "proof/a.py uses pybullet_data"),
        ("kinematics/a.py", "from spatialmath import SE3", "kinematics/a.py uses spatialmath"),
        ("cli/a.py", "import serial.tools.list_ports", "cli/a.py uses serial"),
        ("jobs/a.py", "from ruamel.yaml import YAML", "jobs/a.py uses ruamel"),
        ("drivers/a.py", "import time\ntime.sleep(1)", "drivers/a.py uses time.sleep"),
        ("drivers/a.py", "from time import sleep", "drivers/a.py uses time.sleep"),
        ("scene/a.py", "print(1)", "scene/a.py uses print"),
        ("jobs/a.py", "from cellctl.model import plan\nplan.CertifiedPlan(1, 2)", "jobs/a.py uses CertifiedPlan"),
        ("jobs/a.py", "from cellctl.model.plan import CertifiedPlan as P", "jobs/a.py uses CertifiedPlan"),
    ],
)
def test_a_planted_use_is_found(tmp_path: Path, name: str, code: str, finding: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(code, "utf-8")
    assert open_doors(tmp_path) == [finding]


def test_a_use_behind_the_door_is_let_through(tmp_path: Path) -> None:
    (tmp_path / "proof").mkdir()
    code = "from cellctl.model.plan import CertifiedPlan\ndef f() -> CertifiedPlan:\n    return CertifiedPlan(1, 2)"
    (tmp_path / "proof/a.py").write_text(code, "utf-8")
    assert open_doors(tmp_path) == []
