"""An arm as spheres and what stands around it, as plain data. Values only; nothing is asked about them here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.kinematics.chain import Chain
from cellctl.model.pose import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class SphereArm:
    """An arm whose moving bodies are covered by spheres.

    `frames` (n,) are the chain frames 0..dof that carry the spheres, `centres` (n, 3) and `radii` (n,) lie in them (m),
    `bodies` (n,) tells which body a sphere belongs to. `names` are the bodies' names, `pairs` (p, 2) the bodies that
    must not touch each other. Spheres of frame 0 stand still: they are asked against moving bodies only.
    `joints` are the joints' names, `lower` and `upper` (dof,) their limits (rad or m).
    """

    chain: Chain
    frames: NDArray[np.intp]
    centres: FloatArray
    radii: FloatArray
    bodies: NDArray[np.intp]
    names: tuple[str, ...]
    pairs: NDArray[np.intp]
    joints: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray

    def __post_init__(self) -> None:
        n = len(self.radii)
        if self.frames.shape != (n,) or self.centres.shape != (n, 3) or self.bodies.shape != (n,):
            raise ValueError("frames, centres, radii and bodies must tell of the same spheres")
        if not (np.isfinite(self.centres).all() and np.isfinite(self.radii).all() and (self.radii > 0.0).all()):
            raise ValueError("spheres must be finite and have positive radii")
        if not (np.isfinite(self.lower).all() and np.isfinite(self.upper).all()):
            raise ValueError("limits must be finite")

    @property
    def dof(self) -> int:
        """Number of joints."""
        return len(self.chain.axes)
