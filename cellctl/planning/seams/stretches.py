"""Stretches of a seam in words. Judges nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellctl.planning.seams.reach import SeamProblem


def stretch_of(problem: SeamProblem, bad: NDArray[np.bool_]) -> str:
    """`0.0 to 12.5 mm and 80.0 to 81.0 mm of the seam`: at most three stretches, then how many more."""
    s = problem.stations.s * 1e3
    runs = runs_of(bad)
    texts = [f"{s[a]:.1f} to {s[b]:.1f} mm" if b > a else f"{s[a]:.1f} mm" for a, b in runs[:3]]
    more = f" (and {len(runs) - 3} more stretches)" if len(runs) > 3 else ""
    return f"{' and '.join(texts)} of the seam{more}"


def runs_of(bad: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    marked = np.concatenate([[False], bad, [False]])
    starts, ends = np.flatnonzero(~marked[:-1] & marked[1:]), np.flatnonzero(marked[:-1] & ~marked[1:]) - 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
