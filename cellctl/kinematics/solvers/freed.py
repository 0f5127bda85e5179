"""Arms with fewer than six axes: what they cannot choose becomes axes in the mind, through the tip of the tool.

A torch that may turn freely about its wire is an arm with one more axis, along the wire; an arm of four axes has also
one that leans the wire across its own plane. What these axes come out at is what the arm makes of the pose it is asked
for: whoever asks has to look at it, nothing is let go silently.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final, Literal, NamedTuple

import numpy as np

from cellctl.kinematics.chain import Chain
from cellctl.kinematics.forward import frames
from cellctl.kinematics.jacobian import jacobians, normalised_sigma_min
from cellctl.model.pose import FloatArray, Pose

Freedom = Literal["lean", "spin"]
_PROBES: Final = 24
_GOOD_ENOUGH: Final = 0.1
_SINGULAR: Final = 1e-6


class FreedChain(NamedTuple):
    """A chain of six joints, the last `len(freed)` of them in the mind; its flange is the one that is asked for."""

    chain: Chain
    freed: tuple[Freedom, ...]


def freed_chain(chain: Chain, pose_flange_tcp: Pose, lower: FloatArray, upper: FloatArray) -> FreedChain | None:
    """`chain` with as many axes more through the tool centre point as it lacks; None where these cannot make up for it.

    Spin is about the tool's z; a lean is about an axis across z: along the last joint's, or across that one too. The
    set is the first in this order with which the arm is well away from singular: spin rather than lean.
    """
    lacking = 6 - len(chain.axes)
    toward = (chain.after[:3, :3] @ pose_flange_tcp.rotation).T @ chain.axes[-1]
    across = _across_z(toward)
    spin: tuple[Freedom, FloatArray] = ("spin", np.array([0.0, 0.0, 1.0]))
    lean: tuple[Freedom, FloatArray] = ("lean", np.cross(across, (0.0, 0.0, 1.0)))
    other: tuple[Freedom, FloatArray] = ("lean", across)
    joints = np.random.default_rng(0).uniform(lower, upper, (_PROBES, len(chain.axes)))
    rated: list[tuple[float, FreedChain]] = []
    for chosen in combinations((spin, lean, other), lacking):
        ordered = chosen[::-1]
        extended = _extended(chain, pose_flange_tcp, [axis for _, axis in ordered])
        padded = np.hstack([joints, np.zeros((_PROBES, lacking))])
        rating = float(np.median(normalised_sigma_min(jacobians(extended, padded), _reach(chain))))
        rated.append((rating, FreedChain(extended, tuple(name for name, _ in ordered))))
    best = max((rating for rating, _ in rated), default=0.0)
    if best < _SINGULAR:
        return None
    return next(candidate for rating, candidate in rated if rating >= _GOOD_ENOUGH * best)


def _reach(chain: Chain) -> float:
    """Length (m) that makes this arm's metres comparable with angles."""
    return max(1e-3, float(np.linalg.norm(frames(chain, np.zeros(len(chain.axes)))[-1][:3, 3])))


def _across_z(direction: FloatArray) -> FloatArray:
    """The unit vector (3,) of `direction` (3,) across z, or y where there is none."""
    flat = np.array([direction[0], direction[1], 0.0])
    length = float(np.linalg.norm(flat))
    return flat / length if length > 1e-3 else np.array([0.0, 1.0, 0.0])


def _extended(chain: Chain, pose_flange_tcp: Pose, axes: list[FloatArray]) -> Chain:
    """`chain`, then an axis through the tool centre point for each of `axes` (3,), then back to the flange."""
    first = chain.after @ pose_flange_tcp.matrix
    before = [*chain.before, first, *[np.eye(4)] * (len(axes) - 1)]
    return Chain(
        np.ascontiguousarray(before),
        np.ascontiguousarray([*chain.axes, *axes]),
        np.concatenate([chain.prismatic, np.zeros(len(axes), dtype=np.bool_)]),
        np.array(pose_flange_tcp.inverse().matrix),
    )
