"""Weld positions against gravity, computed after the definitions of ISO 6947; production ranges are our own choice."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, atan2, degrees

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class WeldPosition:
    """`name` (PA, PB, PC, PD, PE, PF, PG), slope of the weld axis and rotation of the face, rad."""

    name: str
    slope: float
    rotation: float


def weld_position(tangent: ArrayLike, normal: ArrayLike) -> WeldPosition:
    """The position of a weld with travel `tangent` and face `normal` (3,), unit vectors in a world with z up.

    Slope S = asin(t . z), rising travel positive; rotation R is the angle of n to the vertical plane through t.
    Beyond 45 degrees of slope it is PF (up) or PG (down); else by |R|: 30 PA, 67.5 PB, 112.5 PC, 150 PD, above PE.
    """
    t, n = np.asarray(tangent, dtype=np.float64), np.asarray(normal, dtype=np.float64)
    slope = asin(float(np.clip(t[2], -1.0, 1.0)))
    up = np.array([0.0, 0.0, 1.0]) - t[2] * t
    side = np.cross(t, up)
    rotation = atan2(float(n @ side), float(n @ up)) if np.linalg.norm(up) > 1e-9 else 0.0
    if abs(degrees(slope)) > 45.0:
        return WeldPosition("PF" if slope > 0.0 else "PG", slope, rotation)
    turned = abs(degrees(rotation))
    for limit, name in ((30.0, "PA"), (67.5, "PB"), (112.5, "PC"), (150.0, "PD")):
        if turned <= limit:
            return WeldPosition(name, slope, rotation)
    return WeldPosition("PE", slope, rotation)
