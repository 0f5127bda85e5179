"""Where parts are that a gripper has moved, as planned or as a run has measured it. It draws nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellctl.execution.records.record import EVENTS, TRACE
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.plan import GripperAction, Plan
from cellctl.model.pose import FloatArray, Pose
from cellctl.processes.handling import Handling, gripped, opened, released


def grips(plan: Plan) -> bool:
    """Whether a plan moves parts with a gripper."""
    return any(segment.gripper is not None for segment in plan.segments)


def planned_handling(plan: Plan, cell: Cell, index: int) -> Handling:
    """What the gripper has done before segment `index`, as planned."""
    handling = Handling()
    for segment in plan.segments[:index]:
        if segment.gripper is not None:
            handling = _after(cell, handling, segment.gripper, _flange(plan, cell, segment.path.control[-1]))
    return handling


def measured_handling(plan: Plan, cell: Cell, folder: Path) -> tuple[Handling, FloatArray]:
    """What the gripper had done at the end of a recorded run, and the joints (dof,) as they were measured last, or as
    planned where a run ended before it began.
    """
    trace = read_trace(folder / TRACE)
    own = trace.segment[trace.segment >= 0]
    handling = planned_handling(plan, cell, int(own[0]) if len(own) else 0)
    for time, action in _actions(folder):
        handling = _after(cell, handling, action, _flange(plan, cell, _joints_at(trace, time)))
    (start,) = plan.start.values()
    return handling, trace.measured[-1] if len(trace.measured) else start


def moved_bodies(plan: Plan, cell: Cell, handling: Handling, joints: FloatArray) -> dict[str, Pose]:
    """Poses in the world of the bodies of parts that the gripper holds or has put elsewhere, by `PART.BODY`."""
    places = {placed.part: placed.pose_world_part for placed in handling.placed}
    if handling.carried is not None:
        places[handling.carried.part] = _flange(plan, cell, joints) @ handling.carried.pose_flange_part
    return {
        f"{name}.{body.name}": pose @ body.pose
        for name, pose in places.items()
        for body in cell.placement(name).part.bodies
    }


def _after(cell: Cell, before: Handling, action: GripperAction, pose_world_flange: Pose) -> Handling:
    if action.command == "close":
        return gripped(cell, before, action.part, pose_world_flange)
    return opened(released(before, "", pose_world_flange)) if before.carried is not None else before


def _actions(folder: Path) -> Iterator[tuple[float, GripperAction]]:
    """What the gripper confirmed and when (s), without a torn last line."""
    for line in (folder / EVENTS).read_bytes().split(b"\n")[:-1]:
        event = json.loads(line)
        if event["kind"] == "gripper_done":
            yield event["time"], GripperAction(event["data"]["command"], event["data"]["part"])


def _joints_at(trace: Trace, time: float) -> FloatArray:
    row: FloatArray = trace.measured[min(int(np.searchsorted(trace.time, time)), len(trace) - 1)]
    return row


def _flange(plan: Plan, cell: Cell, joints: FloatArray) -> Pose:
    """The flange of the arm that grips, in the world."""
    mechanism = _mechanism(plan, cell)
    own = joints[: mechanism.robot.dof]
    return mechanism.pose_world_base @ Pose(flange_matrices(chain_of(mechanism.robot), own[None])[0])


def _mechanism(plan: Plan, cell: Cell) -> Mechanism:
    (group,) = plan.start
    return cell.mechanism(cell.group(group).mechanisms[0])
