"""`cellctl robots`: the arms in the library and their figures."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from cellctl.cli.output import Outcome
from cellctl.errors import Finding, UsageError
from cellctl.units import deg, mm

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.jobs.robot_check import RobotCheck
    from cellctl.model.robot import Joint, Robot


def list_robots() -> Outcome:
    """List the arms in the library."""
    from cellctl import files

    arms = [files.load_robot(f"lib:robots/{name}") for name in files.library_robots()]
    rows = [
        {"name": arm.name, "title": arm.title, "kind": arm.kind, "axes": arm.dof, "payload": arm.payload}
        for arm in arms
    ]
    return Outcome(text=(_arms_table(arms),), data={"robots": rows})


def info(name: str) -> Outcome:
    """Show the figures of one arm.

    Args:
        name: As `cellctl robots list` has it.
    """
    arm = _robot_called(name)
    heads = (f"{arm.name}: {arm.title}", f"{arm.kind}, {arm.dof} axes, payload {arm.payload:g} kg")
    sources = tuple(f"{figure}: {source}" for figure, source in arm.sources.items())
    return Outcome(text=(*heads, _joints_table(arm), *sources), data=_arm_data(arm))


def check(name: str, *, poses: int = 200, seed: int = 0) -> Outcome:
    """Check one arm: kinematics, branches, self-collisions, figures.

    Kinematics is compared with PyBullet and roboticstoolbox. Figures that can hardly be true are warnings.

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
    last = f"{done.robot.name}: {'ok' if done.passed else 'not ok'}, {poses} poses"
    return Outcome(
        text=(*agreed, *counts, *((_near_table(done),) if done.near else ()), last),
        data={
            "name": done.robot.name,
            "ok": done.passed,
            "poses": poses,
            "agreement": done.agreement,
            "branches": {str(count): times for count, times in done.branches.items()},
            "near": [{"links": [pair.first, pair.second], "share": pair.share} for pair in done.near],
        },
        findings=done.findings,
        exit_code=0 if done.passed else 1,
    )


def _robot_called(name: str) -> Robot:
    """The library's robot of that name, or the one that a path leads to; raises UsageError U618."""
    from cellctl import files

    known = files.library_robots()
    if name in known:
        return files.load_robot(f"lib:robots/{name}")
    if "/" in name or name.endswith(".yaml"):
        return files.load_robot(name)
    near = get_close_matches(name, known, n=1)
    suggestion = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
    raise UsageError(Finding("U618", f"the library has no arm '{name}'", suggestion=suggestion))


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
