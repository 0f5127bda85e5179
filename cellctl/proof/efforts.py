"""What a motion asks of the motors, and what hangs on the flange. Masses come from the plan's own inputs."""

from __future__ import annotations

import numpy as np

from cellctl.errors import Finding, Severity
from cellctl.kinematics.dynamics import arm_efforts
from cellctl.kinematics.masses import masses_are_estimates
from cellctl.model.cell import Mechanism
from cellctl.model.certificate import LimitUse
from cellctl.model.plan import Segment

EFFORT_RATE = 250.0
"""Instants a second at which torques are taken; the curve has no frequencies near it."""


def effort_use(segment: Segment, mechanism: Mechanism) -> LimitUse:
    """The largest share of a motor's torque (or force) that a segment needs, friction and motors' inertia left out.

    Joints past those of `mechanism` are not judged: nothing says what hangs on them.
    """
    robot, own = mechanism.robot, slice(mechanism.robot.dof)
    t = np.linspace(0.0, segment.duration, max(2, int(np.ceil(segment.duration * EFFORT_RATE)) + 1))
    s, rate, bend = segment.law(t)[:, 0], segment.law(t, 1), segment.law(t, 2)
    places, first, second = (np.ascontiguousarray(segment.path(s, order)[:, own]) for order in range(3))
    rates, accelerations = first * rate, second * rate**2 + first * bend
    efforts = arm_efforts(robot, mechanism.tool, mechanism.pose_world_base, places, rates, accelerations)
    ratios = np.abs(efforts) / robot.limit_array("effort")
    row, joint = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    return LimitUse("effort", robot.axes[int(joint)].name, float(ratios[row, joint]), float(t[row]))


def effort_findings(use: LimitUse, mechanism: Mechanism, where: str) -> tuple[Finding, ...]:
    """C307 where a motor is asked for more than it can give: an error only where every mass was published."""
    if use.ratio <= 1.0:
        return ()
    guess = masses_are_estimates(mechanism.robot, mechanism.tool)
    over = f"{use.ratio:.2f} times what {use.joint} can give at {use.at:.3f} s"
    basis = "; masses of this arm or tool are estimates" if guess else ""
    severity: Severity = "warning" if guess else "error"
    data = {"joint": use.joint, "ratio": use.ratio}
    return (Finding("C307", f"{where}: the motion needs {over}{basis}", severity=severity, data=data),)


def check_payload(mechanism: Mechanism) -> tuple[Finding, ...]:
    """C308 where the tool, with what is in it, weighs more than the arm may carry."""
    if mechanism.tool is None or mechanism.tool.inertia.mass <= mechanism.robot.payload:
        return ()
    mass, allowed = mechanism.tool.inertia.mass, mechanism.robot.payload
    load = " with its load" if mechanism.tool.carried else ""
    text = f"{mechanism.tool.name}{load} weighs {mass:g} kg, and {mechanism.robot.title} may carry {allowed:g} kg"
    hint = "mount a lighter tool, or put the payload of the arm's data sheet into its robot file"
    return (Finding("C308", text, suggestion=hint, data={"mass": mass, "payload": allowed}),)
