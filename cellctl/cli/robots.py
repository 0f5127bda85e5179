"""`cellctl robots`: the arms in the library and their figures."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.units import deg, mm

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.jobs.robot_check import RobotCheck
    from cellctl.model.robot import Joint, Robot


def list_robots() -> Outcome:
    """List the arms in the library, and those of your project."""
    from cellctl import files

    arms = [files.load_robot(f"lib:robots/{name}") for name in files.library_robots()]
    findings: list[Finding] = []
    for folder in _own_robots():
        try:
            arms.append(files.load_robot(folder))
        except CellctlError as error:
            findings += error.findings
    rows = [
        {"name": arm.name, "title": arm.title, "kind": arm.kind, "axes": arm.dof, "payload": arm.payload}
        for arm in arms
    ]
    return Outcome(
        text=(_arms_table(arms),), data={"robots": rows}, findings=tuple(findings), exit_code=2 if findings else 0
    )


def info(name: str) -> Outcome:
    """Show the figures of one arm.

    Args:
        name: As `cellctl robots list` has it.
    """
    arm = _robot_called(name)
    heads = (f"{arm.name}: {arm.title}", f"{arm.kind}, {arm.dof} axes, payload {arm.payload:g} kg")
    sources = tuple(f"{figure}: {source}" for figure, source in arm.sources.items())
    return Outcome(text=(*heads, _joints_table(arm), *sources), data=_arm_data(arm))


def add(
    file: Path,
    *,
    name: str = "",
    srdf: Path | None = None,
    base: str | None = None,
    tip: str | None = None,
    package: tuple[str, ...] = (),
    arg: tuple[str, ...] = (),
    payload: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
) -> Outcome:
    """Make a robot folder of your project from a URDF or xacro file.

    Args:
        file: The URDF, or a xacro file, which is expanded first.
        name: What the arm is called; the file's name unless given.
        srdf: An SRDF that names the chain, states, and pairs that touch.
        base: The link where the arm begins.
        tip: The link where it ends: its flange.
        package: NAME=FOLDER, where the meshes of package://NAME lie.
        arg: NAME=VALUE, an argument of a xacro file.
        payload: What it carries, with its unit: 16kg.
    """
    from cellctl.files.quantities import FieldError, read_scalar
    from cellctl.jobs.robot_adding import add_robot

    folders = dict(_named_folder(text) for text in package)
    given = dict(_named_value(text) for text in arg)
    try:
        mass = None if payload is None else read_scalar(payload, "mass")
        if mass is not None and mass <= 0.0:
            raise FieldError("F123", "a payload is more than 0 kg")
    except FieldError as error:
        raise UsageError(Finding("U603", error.message, suggestion=error.suggestion)) from None
    done = add_robot(file, name=name, srdf=srdf, base=base, tip=tip, packages=folders, arguments=given, payload=mass)
    arm = done.robot
    solids = sum(len(link.solids) for link in arm.links)
    shown = f"robots/{done.folder.name}"
    heads = (f"{shown}: {arm.dof} axes from {arm.base} to {arm.flange}, {solids} solids", *_touching_lines(arm))
    return Outcome(
        text=(*heads, f"next: cellctl robots check {shown}"),
        data={
            "name": arm.name,
            "folder": str(done.folder),
            "axes": arm.dof,
            "base": arm.base,
            "flange": arm.flange,
            "solids": solids,
            "touching": [list(pair) for pair in arm.touching],
        },
        findings=done.findings,
    )


def _named_folder(text: str) -> tuple[str, Path]:
    name, mark, folder = text.partition("=")
    if not (name and mark and Path(folder).is_dir()):
        message = f"'{text}' is not NAME=FOLDER with a folder that is there"
        raise UsageError(Finding("U603", message, suggestion="write --package my_robot_description=../my_robot"))
    return name, Path(folder)


def _named_value(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not (name and mark):
        raise UsageError(Finding("U603", f"'{text}' is not NAME=VALUE", suggestion="write --arg prefix=left_"))
    return name, value


def _touching_lines(arm: Robot) -> tuple[str, ...]:
    pairs = ", ".join(f"{first} and {second}" for first, second in arm.touching)
    return (f"always near each other, and not asked about: {pairs}",) if pairs else ()


def check(name: str, *, poses: int = 200, seed: int = 0) -> Outcome:
    """Check one arm: kinematics, branches, self-collisions, cover of its meshes, figures.

    Kinematics is compared with PyBullet and roboticstoolbox. Pictures that stand out of the solids that are checked,
    and figures that can hardly be true, are warnings.

    Args:
        name: As `cellctl robots list` has it, or the path of a robot's folder.
        poses: How many joint values it is checked at.
        seed: What they are drawn from.
    """
    from cellctl.jobs.robot_check import check_robot

    if poses < 1 or seed < 0:
        raise UsageError(Finding("U603", "poses are a whole number from 1 on, a seed one from 0 on"))
    done = check_robot(_robot_called(name), poses=poses, seed=seed)
    agreed = [f"flange agrees with {oracle} to {worst:.1e}" for oracle, worst in done.agreement.items()]
    counts = [f"{count} answers: {times} poses" for count, times in done.branches.items()]
    solved = f"inverse kinematics: {done.form}"
    last = f"{done.robot.name}: {'ok' if done.passed else 'not ok'}, {poses} poses"
    return Outcome(
        text=(*agreed, solved, *counts, *_check_tables(done), last),
        data={
            "name": done.robot.name,
            "ok": done.passed,
            "poses": poses,
            "agreement": done.agreement,
            "inverse": done.form,
            "branches": {str(count): times for count, times in done.branches.items()},
            "near": [{"links": [pair.first, pair.second], "share": pair.share} for pair in done.near],
            "covers": [
                {"link": cover.link, "stands_out": cover.stands_out, "at": list(cover.at)} for cover in done.covers
            ],
        },
        findings=done.findings,
        exit_code=0 if done.passed else 1,
    )


def _robot_called(name: str) -> Robot:
    """The library's robot of that name, the project's, or the one that a path leads to; raises UsageError U618."""
    from cellctl import files

    if name in files.library_robots():
        return files.load_robot(f"lib:robots/{name}")
    own = {folder.name: folder for folder in _own_robots()}
    if name in own:
        return files.load_robot(own[name])
    if "/" in name or name.endswith(".yaml"):
        return files.load_robot(name)
    known = tuple(sorted({*files.library_robots(), *own}))
    near = get_close_matches(name, known, n=1)
    suggestion = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
    raise UsageError(Finding("U618", f"no arm is called '{name}'", suggestion=suggestion))


def _own_robots() -> list[Path]:
    """The robot folders of the project here, but for those that are the library's."""
    from cellctl import files
    from cellctl.files.library import project_root

    found = (project_root(Path.cwd()) / "robots").glob("*/robot.yaml")
    return sorted(file.parent for file in found if file.parent.name not in files.library_robots())


def _check_tables(done: RobotCheck) -> tuple[Table, ...]:
    return (*((_near_table(done),) if done.near else ()), *((_cover_table(done),) if done.covers else ()))


def _cover_table(done: RobotCheck) -> Table:
    from rich.table import Table

    heads = ("link", "picture stands out of its solids", "watertight", "longest edge")
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for cover in done.covers:
        tight = "yes" if all(figures.watertight for _, figures in cover.meshes) else "no"
        extent = max(figures.extent for _, figures in cover.meshes)
        table.add_row(cover.link, f"{cover.stands_out / mm:.2f} mm", tight, f"{extent / mm:.0f} mm")
    return table


def _near_table(done: RobotCheck) -> Table:
    from rich.table import Table

    table = Table("links that come within the margin", "", "share", box=None, pad_edge=False, header_style="bold")
    for pair in done.near:
        table.add_row(pair.first, pair.second, f"{100.0 * pair.share:.1f}%")
    return table


def _arms_table(arms: list[Robot]) -> Table:
    from rich.table import Table

    table = Table("robot", "kind", "axes", "payload", "", box=None, pad_edge=False, header_style="bold")
    for arm in arms:
        table.add_row(arm.name, arm.kind, str(arm.dof), f"{arm.payload:g} kg", arm.title)
    return table


def _joints_table(arm: Robot) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("joint")
    for heading in ("from", "to", "velocity", "acceleration", "jerk", "effort"):
        table.add_column(heading, justify="right")
    for joint in arm.axes:
        table.add_row(joint.name, *_limit_cells(joint))
    return table


def _limit_cells(joint: Joint) -> tuple[str, ...]:
    limits = joint.limits
    if limits is None:
        return ()
    unit, word, effort = (deg, "deg", "Nm") if joint.kind == "revolute" else (mm, "mm", "N")
    return (
        f"{limits.lower / unit:g} {word}",
        f"{limits.upper / unit:g} {word}",
        f"{limits.velocity / unit:.0f} {word}/s",
        f"{limits.acceleration / unit:.0f} {word}/s^2",
        f"{limits.jerk / unit:.0f} {word}/s^3",
        f"{limits.effort:.0f} {effort}",
    )


def _arm_data(arm: Robot) -> dict[str, object]:
    quantities = ("lower", "upper", "velocity", "acceleration", "jerk", "effort")
    joints = [
        {"name": joint.name, "kind": joint.kind, **{key: getattr(joint.limits, key) for key in quantities}}
        for joint in arm.axes
    ]
    return {
        "name": arm.name,
        "title": arm.title,
        "kind": arm.kind,
        "payload": arm.payload,
        "joints": joints,
        "sources": dict(arm.sources),
    }
