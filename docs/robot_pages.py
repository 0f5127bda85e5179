"""The page of a robot and the list of all, as Markdown: from the same files that a cell is read from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cellctl.files import library_robots, load_robot
from cellctl.model.robot import Joint, Robot
from cellctl.units import deg, mm

ROBOTS = Path(__file__).parents[1] / "robots"
READ = cache(load_robot)


def robot_list() -> str:
    """One row a robot."""
    rows = [row(READ(name)) for name in library_robots()]
    return "\n".join(["| robot | kind | axes | payload | inverse kinematics |", "|---|---|---|---|---|", *rows])


def row(robot: Robot) -> str:
    """The robot's row in the list of all."""
    inverse = "closed form" if robot.opw else ""
    return f"| [{robot.title}]({robot.name}.md) | {robot.kind} | {robot.dof} | {robot.payload:g} kg | {inverse} |"


def robot_page(name: str) -> str:
    """What the README says, then limits, links and sources as the robot's file has them."""
    robot = READ(name)
    parts = (call_it(robot), readme(name), limits(robot), closed_form(robot), links(robot), sources(robot))
    return "\n\n".join(part for part in parts if part)


def call_it(robot: Robot) -> str:
    """How a cell file names the robot."""
    flange = f"Tools are mounted on `{robot.flange}`, whose z points out of the flange."
    carries = f"Parts are mounted on `{robot.flange}`." if robot.kind == "positioner" else flange
    return f"```yaml\nmechanisms:\n  r1:\n    model: lib:robots/{robot.name}\n```\n\n{carries}"


def readme(name: str) -> str:
    """The README without its title."""
    text = (ROBOTS / name / "README.md").read_text("utf-8")
    return text.split("\n", 1)[1].strip()


def limits(robot: Robot) -> str:
    """One row a joint that moves."""
    head = "| joint | from | to | velocity | acceleration | jerk | effort |"
    return "\n".join(["## Limits", "", head, "|---|" + "---:|" * 6, *(limit_row(joint) for joint in robot.axes)])


def limit_row(joint: Joint) -> str:
    """The joint's row in the table of limits."""
    assert joint.limits is not None
    unit, word, effort = (deg, "deg", "Nm") if joint.kind == "revolute" else (mm, "mm", "N")
    turn = [f"{value / unit:.6g} {word}" for value in (joint.limits.lower, joint.limits.upper)]
    rates = [joint.limits.velocity, joint.limits.acceleration, joint.limits.jerk]
    names = [f"{word}/s", f"{word}/s²", f"{word}/s³"]
    cells = [f"{value / unit:.0f} {name}" for value, name in zip(rates, names, strict=True)]
    return " | ".join([f"| `{joint.name}`", *turn, *cells, f"{joint.limits.effort:g} {effort} |"])


def closed_form(robot: Robot) -> str:
    """The lengths of the closed form, where the robot has one."""
    if robot.opw is None:
        return ""
    names = ("a1", "a2", "b", "c1", "c2", "c3", "c4")
    lengths = ", ".join(f"{name} {getattr(robot.opw, name) / mm:.6g}" for name in names)
    return f"## Closed form\n\nOrtho-parallel with a spherical wrist: {lengths} mm."


def links(robot: Robot) -> str:
    """One row a link that has a body or a mass."""
    rows = [
        f"| `{link.name}` | {link.inertia.mass:.3g} kg | {link.inertia.basis} | {len(link.solids)} |"
        for link in robot.links
        if link.solids or link.inertia.mass
    ]
    return "\n".join(["## Links", "", "| link | mass | from | convex solids |", "|---|---:|---|---:|", *rows])


def sources(robot: Robot) -> str:
    """One row a group of figures."""
    rows = [f"| {figure.replace('_', ' ')} | {source} |" for figure, source in robot.sources.items()]
    return "\n".join(["## Sources", "", "| figures | where they come from |", "|---|---|", *rows])
