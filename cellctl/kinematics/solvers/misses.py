"""How far the flange of a chain is off its target at several joint values at once, eight side by side.

The compiler makes vectors of the loops over the eight lanes: sines and cosines are power series, so that no call stands
in its way, and it is not told how many lanes there are, or it would write them out one by one.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Final

from cellctl.kinematics.chain import BoolArray
from cellctl.kinematics.compiled import COUNT, FLAG, NOTHING, REAL, compiled, reads, several, writes
from cellctl.model.pose import FloatArray

ROOM: Final = 17 * 8
"""Size of the room that `fill_misses` needs, rows of eight: twelve numbers of a frame, a joint value and its sine and
cosine; in the place of the last two come the squares for four columns.
"""
_TURN_HIGH: Final = 6.28125
_TURN_LOW: Final = 2.0 * pi - 6.28125
_ROUNDS: Final = 6755399441055744.0
"""Adding and taking it off again rounds a float64 to a whole number."""


@compiled(several(2), REAL, inlined=True, bare=True)
def sine_cosine(angle: float) -> tuple[float, float]:
    """Sine and cosine to 4e-15 for angles (rad) of a few turns: power series at half the angle, then doubled."""
    turns = (angle * (0.5 / pi) + _ROUNDS) - _ROUNDS
    h = (angle - turns * _TURN_HIGH - turns * _TURN_LOW) * 0.5
    x = h * h
    s = x * (1.0 / 51090942171709440000.0) - 1.0 / 121645100408832000.0
    s = s * x + 1.0 / 355687428096000.0
    s = s * x - 1.0 / 1307674368000.0
    s = s * x + 1.0 / 6227020800.0
    s = s * x - 1.0 / 39916800.0
    s = s * x + 1.0 / 362880.0
    s = s * x - 1.0 / 5040.0
    s = s * x + 1.0 / 120.0
    s = s * x - 1.0 / 6.0
    s = s * x * h + h
    c = x * (-1.0 / 1124000727777607680000.0) + 1.0 / 2432902008176640000.0
    c = c * x - 1.0 / 6402373705728000.0
    c = c * x + 1.0 / 20922789888000.0
    c = c * x - 1.0 / 87178291200.0
    c = c * x + 1.0 / 479001600.0
    c = c * x - 1.0 / 3628800.0
    c = c * x + 1.0 / 40320.0
    c = c * x - 1.0 / 720.0
    c = c * x + 1.0 / 24.0
    c = c * x - 0.5
    c = c * x + 1.0
    return 2.0 * s * c, 1.0 - 2.0 * s * s


@compiled(NOTHING, reads(2), reads(1), FLAG, writes(1), bare=True)
def _turn_frames(before: FloatArray, axis: FloatArray, prismatic: bool, room: FloatArray) -> None:
    """Put eight frames, twelve rows of `room`, behind the next joint; its values are the thirteenth row."""
    x, y, z = axis[0], axis[1], axis[2]
    xx, yx, zx, tx = before[0, 0], before[1, 0], before[2, 0], before[0, 3]
    xy, yy, zy, ty = before[0, 1], before[1, 1], before[2, 1], before[1, 3]
    xz, yz, zz, tz = before[0, 2], before[1, 2], before[2, 2], before[2, 3]
    turning = 0.0 if prismatic else 1.0
    for lane in range(room.shape[0] // 17):
        value = room[96 + lane]
        room[104 + lane], room[112 + lane] = sine_cosine(turning * value)
    for i in range(3):
        row = room[32 * i : 32 * i + 32]
        for lane in range(room.shape[0] // 17):
            p, q, r = row[lane], row[lane + 8], row[lane + 16]
            s, c, value = room[104 + lane], room[112 + lane], room[96 + lane]
            a = p * xx + q * yx + r * zx
            b = p * xy + q * yy + r * zy
            d = p * xz + q * yz + r * zz
            straight = a * x + b * y + d * z
            along = straight - c * straight
            row[lane] = along * x + c * a + s * (b * z - d * y)
            row[lane + 8] = along * y + c * b + s * (d * x - a * z)
            row[lane + 16] = along * z + c * d + s * (a * y - b * x)
            row[lane + 24] += p * tx + q * ty + r * tz + (value - turning * value) * straight


@compiled(REAL, reads(1), COUNT, COUNT, REAL, REAL, REAL, REAL, REAL, inlined=True, bare=True)
def _square_off(room: FloatArray, lane: int, i: int, x: float, y: float, z: float, last: float, wanted: float) -> float:
    """The square of how far row i of a point or direction (x, y, z) of a frame is off what is wanted."""
    at = 32 * i + lane
    off: float = room[at] * x + room[at + 8] * y + room[at + 16] * z + room[at + 24] * last - wanted
    return off * off


@compiled(NOTHING, reads(2), reads(2), COUNT, REAL, writes(1), bare=True)
def _square_misses(after: FloatArray, target: FloatArray, j: int, last: float, room: FloatArray) -> None:
    """Fill row 13 + j of `room` with the squares of how far column j of the eight flanges is off."""
    x, y, z = after[0, j], after[1, j], after[2, j]
    a, b, c = target[0, j], target[1, j], target[2, j]
    for lane in range(room.shape[0] // 17):
        room[104 + 8 * j + lane] = (
            _square_off(room, lane, 0, x, y, z, last, a)
            + _square_off(room, lane, 1, x, y, z, last, b)
            + _square_off(room, lane, 2, x, y, z, last, c)
        )


@compiled(NOTHING, reads(3), reads(2), reads(1, FLAG), reads(2), reads(2), reads(2), writes(1), bare=True)
def fill_misses(
    before: FloatArray,
    axes: FloatArray,
    prismatic: BoolArray,
    after: FloatArray,
    target: FloatArray,
    branches: FloatArray,
    room: FloatArray,
) -> None:
    """Fill the first numbers of `room` (ROOM,) with how far the flange is off `target` (4, 4) at up to eight `branches`
    (b, dof): the largest distance of its origin (m) or of the tip of one of its axes (rad) from where it should be.
    """
    last = branches.shape[0] - 1
    room[:96] = 0.0
    for lane in range(8):
        room[lane] = room[40 + lane] = room[80 + lane] = 1.0
    for k in range(axes.shape[0]):
        for lane in range(8):
            room[96 + lane] = branches[min(lane, last), k]
        _turn_frames(before[k], axes[k], prismatic[k], room)
    for j in range(4):
        _square_misses(after, target, j, 1.0 if j == 3 else 0.0, room)
    for lane in range(8):
        turned = max(room[104 + lane], room[112 + lane], room[120 + lane])
        room[lane] = sqrt(max(turned, room[128 + lane]))
