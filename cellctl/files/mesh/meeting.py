"""Where two faces meet, piece by piece, as the values that seams are made of. It finds none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellctl.model.pose import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """Where two faces meet: `points` (n, 3) in the part's frame, and the outward normals of the two faces of each of
    the n - 1 straight pieces, `first` and `second` (n - 1, 3).
    """

    points: FloatArray
    first: FloatArray
    second: FloatArray

    def distance_to(self, point: FloatArray) -> float:
        """How far the nearest corner or middle of a piece is from `point` (3,), m."""
        middles = (self.points[1:] + self.points[:-1]) / 2.0
        return float(np.linalg.norm(np.vstack([self.points, middles]) - point, axis=1).min())

    @property
    def closed(self) -> bool:
        """Whether it goes round."""
        return bool(np.linalg.norm(self.points[0] - self.points[-1]) < 1e-9)

    def turned(self) -> Meeting:
        """The same the other way round."""
        return Meeting(self.points[::-1], self.first[::-1], self.second[::-1])
