"""Where a part is that a mechanism carries on its flange: how far it has moved from where it lies in the cell.

A cell places such a part as it lies with all joints of its carrier at zero. It knows no seam and no torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.pose import FloatArray


def carried_motions(mechanism: Mechanism, joints: ArrayLike) -> FloatArray:
    """Motions (n, 4, 4) in the world that take what `mechanism` carries from where it lies to where it is at joint
    values (n, dof).
    """
    chain, base = chain_of(mechanism.robot), mechanism.pose_world_base.matrix
    lying = base @ flange_matrices(chain, np.zeros(mechanism.robot.dof))[0]
    result: FloatArray = base @ flange_matrices(chain, joints) @ np.linalg.inv(lying)
    return result


def part_motions(cell: Cell, group: str, part: str, joints: FloatArray) -> FloatArray:
    """`carried_motions` of a part for joint values (n, dof) of a group; (1, 4, 4), unity, where the part stands
    still.
    """
    carrier = cell.carrier(part, group)
    if carrier is None:
        return np.eye(4)[None]
    own = np.ascontiguousarray(joints[:, cell.axes(group).joints_of(carrier.name)])
    return carried_motions(carrier, own)
