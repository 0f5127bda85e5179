"""`cellctl doctor`: the packages that are here, and whether the collision engines answer as it was built for."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellctl import __version__
from cellctl.cli.output import Outcome
from cellctl.cli.progress import progress
from cellctl.errors import CheckFailed, EnvironmentMissing, Finding

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.scene.engine import EngineName
    from cellctl.scene.traps import SelfTestResult

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "roboticstoolbox-python",
    "rtb-data",
    "spatialmath-python",
    "pydantic",
    "ruamel.yaml",
    "pyserial",
    "pillow",
)
ENGINES: dict[EngineName, str] = {"bullet": "pybullet", "coal": "coal"}
"""The distribution behind each engine; one of them is enough for proofs, the simulated arm needs PyBullet."""
COMPILED = ("cellctl.kinematics", "cellctl.scene", "cellctl.planning", "cellctl.proof", "cellctl.execution")
"""Packages that hold compiled code. Importing a module compiles it once and keeps it on disk."""


def doctor(
    port: str | None = None,
    *,
    arm: str | None = None,
    warm: Annotated[bool, Parameter(negative="")] = False,
) -> Outcome:
    """Look whether everything that cellctl needs is here and answers right, or who is on a serial port.

    Args:
        port: A serial port: say which servos are there and how they are; nothing is written and nothing moves.
        arm: The arm that should be there: one of the library, or a wiring file.
        warm: Compile now what would otherwise be compiled during the first plan.
    """
    if port is not None:
        from cellctl.cli.port_doctor import examine

        return examine(port, arm)
    versions = {name: _version(name) for name in (*PACKAGES, *ENGINES.values())}
    text: list[str | Table] = [f"cellctl {__version__}, Python {platform.python_version()}, {platform.platform()}"]
    text.append(_versions_line(versions))
    data: dict[str, object] = {"cellctl": __version__, "python": platform.python_version(), "packages": versions}
    findings = list(_missing(versions))
    exit_code = EnvironmentMissing.exit_code if any(found.severity == "error" for found in findings) else 0
    rows: list[dict[str, object]] = []
    with progress() as say:
        for engine, package in ENGINES.items():
            if not versions[package]:
                continue
            say(f"asking the collision engine {engine}", None)
            results = _selftest(engine)
            text.append(_selftest_table(engine, results))
            rows += [_selftest_data(engine, result) for result in results]
            wrong = [_wrong(engine, result) for result in results if not result.passed]
            findings += wrong
            exit_code = exit_code or (CheckFailed.exit_code if wrong else 0)
        data["selftest"] = rows
        if warm:
            seconds = _warm()
            text.append(f"compiled code is ready ({seconds:.1f} s)")
            data["warm"] = seconds
    return Outcome(text=tuple(text), data=data, findings=tuple(findings), exit_code=exit_code)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _versions_line(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())


def _missing(versions: dict[str, str | None]) -> Iterator[Finding]:
    for name, version in versions.items():
        if version is None and name not in ENGINES.values():
            yield Finding("E510", f"package {name} is missing", suggestion="install it again")
    if not any(versions[package] for package in ENGINES.values()):
        yield Finding("E506", "neither PyBullet nor coal is installed", suggestion="pip install 'cellctl[coal]'")
    elif versions["pybullet"] is None:
        yield Finding(
            "E501",
            "PyBullet is missing: no simulated arm and no pictures",
            suggestion="it has wheels for Python 3.11 on Linux x86-64",
            severity="warning",
        )


def _selftest(engine: EngineName) -> Sequence[SelfTestResult]:
    if engine == "bullet":
        from cellctl.scene.bullet.selftest import run_selftest
    else:
        from cellctl.scene.coal.selftest import run_selftest
    return run_selftest()


def _selftest_table(engine: EngineName, results: Sequence[SelfTestResult]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (f"trap of the engine {engine}", "truth", f"{engine} alone", "cellctl", ""):
        table.add_column(heading)
    for result in results:
        table.add_row(result.name, result.truth, result.raw, result.ours, "ok" if result.passed else "WRONG")
    return table


def _selftest_data(engine: EngineName, result: SelfTestResult) -> dict[str, object]:
    return {
        "engine": engine,
        "name": result.name,
        "truth": result.truth,
        "alone": result.raw,
        "cellctl": result.ours,
        "passed": result.passed,
    }


def _wrong(engine: EngineName, result: SelfTestResult) -> Finding:
    message = f"{engine}, self-test '{result.name}': the truth is {result.truth}, cellctl answers {result.ours}"
    return Finding("E511", message, suggestion="trust no plan of this installation")


def _warm() -> float:
    """Import every module that holds compiled code, late ones too, and say how long that took (s)."""
    from cellctl.kinematics.compiled import settle_late

    began = time.perf_counter()
    for name in COMPILED:
        for module in walk_packages(import_module(name).__path__, name + "."):
            if "bullet" not in module.name or find_spec("pybullet"):
                settle_late(import_module(module.name))
    return time.perf_counter() - began
