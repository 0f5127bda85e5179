"""Where a weave puts the wire: how far from the middle of its seam, and how often at a travel speed. Knows no robot."""

from __future__ import annotations

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.model.weave import Weave
from cellctl.model.wps import Wps
from cellctl.processes.seam import SeamFrames


def swing(weave: Weave, s: FloatArray) -> FloatArray:
    """How far (n,) along b a weave that has a wavelength is from its seam at arc lengths `s` (n,), m.

    It begins in the middle and swings towards b = n x t first, which is the left of who looks along the travel.
    """
    result: FloatArray = weave.amplitude * np.sin(2.0 * np.pi / weave.wavelength * s)
    return result


def woven_points(frames: SeamFrames, offsets: FloatArray) -> FloatArray:
    """Points (n, 3) that lie `offsets` (n,) along b from those of a seam."""
    result: FloatArray = frames.points + offsets[:, None] * np.cross(frames.normals, frames.tangents)
    return result


def allows_weave(wps: Wps, weave: Weave, travel_speed: float) -> bool:
    """Whether amplitude and frequency at a travel speed (m/s) lie in the windows of a procedure, if it has any."""
    if wps.weave is None:
        return False
    amplitude = wps.weave.amplitude.holds(weave.amplitude, 1e-9)
    return amplitude and wps.weave.frequency.holds(weave.frequency_at(travel_speed), 1e-9)
