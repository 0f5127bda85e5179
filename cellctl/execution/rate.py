"""How fast path time may run: from 0 (stand) to 1 (as planned), changed no faster than the joints allow.

With path time tau and rate r = dtau/dt a joint has the acceleration q'' r^2 + q' dr/dt (derivatives by tau), so each
joint bounds dr/dt, and slowing down never leaves the path. Nothing is sent from here.
"""

from __future__ import annotations

import numpy as np

from cellctl.model.pose import FloatArray

STEEPEST_RISE = 1.0
"""1/s: a higher override comes in over a second."""
STEEPEST_FALL = 25.0
"""1/s: a stop takes 40 ms even where the joints would allow less."""


def next_rate(
    rate: float,
    *,
    wanted: float,
    dt: float,
    velocity: FloatArray,
    acceleration: FloatArray,
    limit: FloatArray,
    rise: float = STEEPEST_RISE,
) -> float:
    """The rate one cycle of `dt` s later, on the way to `wanted`.

    `velocity` and `acceleration` (dof,) are q' and q'' by path time, `limit` (dof,) the joint acceleration to keep,
    `rise` (1/s) the steepest rise.
    Where the plan itself uses all of a joint's limit to slow down, the rate waits and the plan does the braking.
    """
    moving = np.abs(velocity) > 1e-9
    own = acceleration[moving] * (rate * rate)
    one, other = (limit[moving] - own) / velocity[moving], (-limit[moving] - own) / velocity[moving]
    fall = max(np.minimum(one, other).max(initial=-STEEPEST_FALL), -STEEPEST_FALL)
    steepest = min(np.maximum(one, other).min(initial=rise), rise)
    change = min(max((wanted - rate) / dt, min(fall, 0.0)), max(steepest, 0.0))
    result = rate + change * dt
    return wanted if abs(result - wanted) < 1e-9 else float(result)
