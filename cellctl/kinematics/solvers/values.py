"""What each way to solve six joints knows of an arm, as plain values: no kernel is compiled or loaded for them.

The form of most arms is `cellctl.kinematics.solvers.opw`; what solves the others is imported when such an arm comes.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cellctl.kinematics.chain import BoolArray, Chain
from cellctl.model.pose import FloatArray

CAPACITY: Final = 16
"""No six joints have more answers than this (Primrose 1986)."""
SAME: Final = 1e-5
"""Two answers are one where no joint differs by more (rad, m)."""


class ParallelArrays(NamedTuple):
    """An arm's closed form as arrays for kernels, which take them unpacked.

    At zero, in the base frame: `axes` (6, 3), `points` (6, 3) on them, 2 to 4 in one plane across these axes, 5 and 6
    where they meet; `signs` (6,) of axes 3 and 4 against axis 2; the flange's inverse `zero_inverse` (4, 4). Then the
    chain, for the verification.
    """

    axes: FloatArray
    points: FloatArray
    signs: FloatArray
    zero_inverse: FloatArray
    before: FloatArray
    prime: FloatArray
    prismatic: BoolArray
    after: FloatArray


class SphericalArrays(NamedTuple):
    """An arm's closed form as arrays for kernels, which take them unpacked.

    At zero and in the base frame, or, where the arm is turned round, in the flange's with the axes from there:
    `axes` (6, 3); `points` (6, 3) on them, 4 to 6 where they meet, 1 and 2 too unless 2 and 3 are parallel; the sign of
    axis 3 against axis 2 where they are, else 0. `backwards` is 1.0 for an arm that is turned round, else 0.
    `zero_inverse` (4, 4) is the inverse of the far end at zero. Then the chain, for the verification.
    """

    axes: FloatArray
    points: FloatArray
    sign: float
    backwards: float
    zero_inverse: FloatArray
    before: FloatArray
    prime: FloatArray
    prismatic: BoolArray
    after: FloatArray


class OffsetArrays(NamedTuple):
    """An arm whose axes 4 and 5 meet, but not 6, as arrays for kernels, which take them unpacked.

    As `SphericalArrays`, with `points` 4 to 6 where axes 4 and 5 meet, and a point `last` (3,) on axis 6.
    """

    axes: FloatArray
    points: FloatArray
    last: FloatArray
    sign: float
    backwards: float
    zero_inverse: FloatArray
    before: FloatArray
    prime: FloatArray
    prismatic: BoolArray
    after: FloatArray


class SearchArrays(NamedTuple):
    """Six joints for the kernel, which takes them unpacked: `starts` (m, 6) of every search, then the chain."""

    starts: FloatArray
    before: FloatArray
    axes: FloatArray
    prismatic: BoolArray
    after: FloatArray


class DecomposedArm(NamedTuple):
    """EAIK's own arm, the rotation of the flange at zero (3, 3), and the chain for the verification."""

    solver: Any
    zero: FloatArray
    chain: Chain
