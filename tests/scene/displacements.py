"""How far solids are from the axes and how much nearer pairs can come, for all of them at once."""

from __future__ import annotations

import numpy as np

from cellctl.model.pose import FloatArray
from cellctl.scene.screen import ScreenArrays, fill_radii, pair_displacement, place


def motion_radii(screen: ScreenArrays, q: FloatArray) -> FloatArray:
    """What `fill_radii` fills in, (n, dof), for joint values `q` (dof,)."""
    solids, dof = len(screen.frames), len(screen.axes)
    frames, places, centres = np.empty((dof + 1, 4, 4)), np.empty((solids, 3, 4)), np.empty((solids, 3))
    radii = np.empty((solids, dof))
    place(screen, q, frames, places, centres)
    fill_radii(screen, frames, centres, radii)
    return radii


def pair_displacements(screen: ScreenArrays, q: FloatArray, half_steps: FloatArray) -> FloatArray:
    """The `pair_displacement` (p,) of every pair about joint values `q` (dof,)."""
    radii = motion_radii(screen, q)
    return np.array([pair_displacement(screen, radii, pair, half_steps) for pair in range(len(screen.pairs))])
