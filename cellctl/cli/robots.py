"""`cellctl robots`: the arms in the library and their figures."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from cellctl.cli.output import Outcome
from cellctl.errors import Finding, UsageError
from cellctl.units import deg, mm

if TYPE_CHECKING:
    from rich.table import Table

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
    from cellctl import files

    known = files.library_robots()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        suggestion = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        raise UsageError(Finding("U618", f"the library has no arm '{name}'", suggestion=suggestion))
    arm = files.load_robot(f"lib:robots/{name}")
    heads = (f"{arm.name}: {arm.title}", f"{arm.kind}, {arm.dof} axes, payload {arm.payload:g} kg")
    sources = tuple(f"{figure}: {source}" for figure, source in arm.sources.items())
    return Outcome(text=(*heads, _joints_table(arm), *sources), data=_arm_data(arm))


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
