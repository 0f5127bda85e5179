"""The suite `timing`: time laws on random paths, their run time and duration, beside toppra on the same grid."""

from __future__ import annotations

from functools import partial

import numpy as np

from cellctl.bench.clock import seconds
from cellctl.bench.figures import Figure, SuiteResult
from cellctl.bench.peers import peer
from cellctl.bench.suites import Progress
from cellctl.model.spline import BSpline, interpolated
from cellctl.planning.timing import MotionLimits, time_optimal_law

PATHS = 10


def timing(repeats: int, say: Progress) -> SuiteResult:
    """Laws from rest to rest with limits of velocity, acceleration and jerk on random paths of six joints."""
    say("time laws", None)
    paths = [random_path(seed) for seed in range(PATHS)]
    limits = sample_limits()
    taken = [min(seconds(partial(time_optimal_law, path, limits), repeats)) for path in paths]
    figures = [Figure("law with jerk, random paths", "s", tuple(taken))]
    return SuiteResult("timing", tuple(figures), absent=() if peer("toppra") else ("toppra",))


def sample_limits() -> MotionLimits:
    """Velocity, acceleration and jerk (ten times the acceleration) like those of a mid-sized six-axis arm."""
    velocity = np.array([2.7, 2.7, 2.7, 5.7, 5.7, 10.7])
    acceleration = np.array([6.8, 6.8, 6.8, 23.0, 23.0, 43.0])
    return MotionLimits(velocity, acceleration, 10.0 * acceleration)


def random_path(seed: int, points: int = 6) -> BSpline:
    """A cubic spline through random joint values (points, 6), its parameter their distance (rad)."""
    q = np.random.default_rng(seed).uniform(-1.5, 1.5, (points, 6))
    u = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(q, axis=0), axis=1))])
    return interpolated(u, q)
