"""A picture of why there is no plan: the arm in the pose where it is least wrong, and what is in the way in red."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Camera
from cellctl.model.pose import FloatArray, unit
from cellctl.model.task import Task

DISTANCE = 1.0
SIDE = (0.5, -1.0, 0.8)


def write_refusal(task: Task, findings: Iterable[Finding], path: Path) -> bool:
    """Draw the first finding that names a pose and a pair; False where none does."""
    from cellctl.reports.picture import picture, save_png

    for finding in findings:
        joints, pair = finding.data.get("joints"), finding.data.get("pair")
        if isinstance(joints, list) and joints and isinstance(pair, tuple):
            pose = {task.cell.groups[0].name: np.array(joints)}
            camera = _close_up(task, pose)
            save_png(picture(task.cell, pose, highlight=[str(name) for name in pair], camera=camera), path)
            return True
    return False


def _close_up(task: Task, joints: Mapping[str, FloatArray]) -> Camera:
    """A camera near the tip of the tool, from the side that the cell's own camera looks from."""
    from cellctl.kinematics.chain import chain_of
    from cellctl.kinematics.forward import flange_matrices

    mechanism = task.cell.mechanisms[0]
    own = joints[task.cell.groups[0].name][: mechanism.robot.dof]
    flange = flange_matrices(chain_of(mechanism.robot), own)[0]
    tip = flange[:3, :3] @ mechanism.pose_flange_tip().position + flange[:3, 3]
    target = mechanism.pose_world_base.apply(tip)
    seen_from = np.array(SIDE) if task.cell.camera is None else np.array(task.cell.camera.eye) - target
    x, y, z = target + DISTANCE * unit(seen_from)
    return Camera((float(x), float(y), float(z)), (float(target[0]), float(target[1]), float(target[2])))
