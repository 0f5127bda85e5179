"""Closed-form inverse by EAIK for six-axis arms that none of our own forms fits: the one door to it. An optional extra.

D. Ostermeier, J. Kuelz, M. Althoff, "Automatic geometric decomposition for analytical inverse kinematics", 2025. Its
answers have no order. Those that only come near (where figures are rounded, or out of reach) are corrected along the
chain and kept if they then arrive.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import Chain
from cellctl.kinematics.solvers.newton import verified
from cellctl.kinematics.solvers.screws import screws_of
from cellctl.kinematics.solvers.values import CAPACITY, SAME, DecomposedArm
from cellctl.model.pose import FloatArray


def decomposed_arm(chain: Chain) -> DecomposedArm | None:
    """`chain` as EAIK has it, or None without EAIK, or where it knows no decomposition."""
    if len(chain.axes) != 6 or chain.prismatic.any():
        return None
    screws = screws_of(chain)
    points = np.vstack([np.zeros(3), screws.points, screws.zero[:3, 3]])
    try:
        eaik = import_module("eaik.pybindings.EAIK")
        solver = eaik.Robot(screws.axes.T, np.diff(points, axis=0).T, np.eye(3), [], True)
    except (ImportError, RuntimeError):
        return None
    return DecomposedArm(solver, screws.zero[:3, :3], chain) if solver.has_known_decomposition() else None


def decomposed_answers(arm: DecomposedArm, targets: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Joint values (n, CAPACITY, 6) for flange poses (n, 4, 4), those that are `valid` (n, CAPACITY) first."""
    out = np.zeros((len(targets), CAPACITY, 6))
    valid = np.zeros((len(targets), CAPACITY), dtype=np.bool_)
    for n, target in enumerate(targets):
        asked = target.copy()
        asked[:3, :3] = target[:3, :3] @ arm.zero.T
        answer = arm.solver.calculate_IK(asked)
        k = 0
        for q in answer.Q:
            if k == CAPACITY or not np.all(np.isfinite(q)):
                continue
            out[n, k] = np.angle(np.exp(1j * q))
            new = verified(*arm.chain, target, out[n, k]) and not _among(out[n, k], out[n, :k])
            valid[n, k] = new
            k += int(new)
    return out, valid


def _among(q: FloatArray, others: FloatArray) -> bool:
    """Whether `q` (6,) is one of `others` (k, 6), whole turns not counted."""
    away = np.abs(np.angle(np.exp(1j * (others - q)))).max(axis=1, initial=0.0)
    return bool(np.any(away < SAME))
