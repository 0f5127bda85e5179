"""The suite `timing`: time-optimal profiles and laws on random paths, beside toppra on the same grid."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from cellctl.bench.clock import seconds, times
from cellctl.bench.figures import OURS, Figure, Goal, SuiteResult, ratio
from cellctl.bench.peers import peer
from cellctl.bench.suites import Progress
from cellctl.model.pose import FloatArray
from cellctl.model.spline import BSpline, interpolated
from cellctl.planning.free.rounding import rounded
from cellctl.planning.laws.limits import MotionLimits, hardest_use
from cellctl.planning.laws.profile import time_optimal_profile
from cellctl.planning.laws.timing import time_optimal_law

GRIDS = {100: 1e-3, 2000: 5e-3}
"""Grid points, and the goal for the profile on them (s)."""
COMPARED = 200
PATHS = 20
SIX_SECONDS = 7
"""Way points of a random path that takes about six seconds."""


def timing(repeats: int, say: Progress) -> SuiteResult:
    """Profiles with limits of velocity and acceleration, and laws with limits of jerk, from rest to rest."""
    limits = sample_limits()
    say("profiles", None)
    figures: list[Figure] = []
    name = peer("toppra")
    for points, goal in GRIDS.items():
        path = random_path(0)
        grid = np.linspace(path.start, path.end, points)
        find = partial(time_optimal_profile, path, limits.velocity, limits.acceleration, u=grid)
        label = f"profile, {points} grid points"
        found = times(find, repeats)
        ours = found.elapsed
        theirs = seconds(partial(toppra_duration, path, limits, grid), repeats) if name else ()
        if name is None:
            figures.append(Figure(label, "s", ours, goal=Goal(goal), processor=found.processor))
        else:
            over = ratio(ours, theirs)
            figures.append(Figure(label, "s", ours, OURS, "lower", Goal(goal), "toppra", over, found.processor))
            figures.append(Figure(label, "s", theirs, of=name))
    if name:
        say("profiles beside toppra", None)
        figures.append(_durations_beside_toppra(limits))
    say("laws", None)
    figures += _laws(limits, repeats)
    return SuiteResult("timing", tuple(figures), absent=() if name else ("toppra",))


def _durations_beside_toppra(limits: MotionLimits) -> Figure:
    """By how much our durations differ from toppra's on the same grid, as a share of them."""
    apart = []
    for seed in range(COMPARED):
        path = random_path(seed)
        grid = np.linspace(path.start, path.end, 100)
        ours = time_optimal_profile(path, limits.velocity, limits.acceleration, u=grid).t[-1]
        apart.append(abs(float(ours) / toppra_duration(path, limits, grid) - 1.0))
    return Figure(f"durations apart from toppra's, {COMPARED} paths", "", tuple(apart), goal=Goal(1e-3, "max"))


def _laws(limits: MotionLimits, repeats: int) -> list[Figure]:
    """What jerk limits cost in duration, how well limits hold, and how long a law takes to find."""
    paths = [random_path(seed) for seed in range(PATHS)]
    profiles = [time_optimal_profile(path, limits.velocity, limits.acceleration) for path in paths]
    laws = [time_optimal_law(path, limits) for path in paths]
    longer = [law.end / float(profile.t[-1]) - 1.0 for law, profile in zip(laws, profiles, strict=True)]
    uses = [hardest_use(path, law, limits).slowdown for path, law in zip(paths, laws, strict=True)]
    sampled = [use_at_1_khz(path, law, limits) for path, law in zip(paths, laws, strict=True)]
    long_path = random_path(1, SIX_SECONDS)
    corners = rounded(np.random.default_rng(0).uniform(-1.0, 1.0, (5, 6)))
    taken = [times(partial(time_optimal_law, path, limits), repeats) for path in (long_path, corners)]
    name = f"law with jerk, path of {time_optimal_law(long_path, limits).end:.1f} s"
    return [
        Figure("law with jerk, longer than without, by", "", tuple(longer), goal=Goal(0.05, "median")),
        Figure("law with jerk, longer than without, at most by", "", tuple(longer), goal=Goal(0.08, "max")),
        Figure("largest share of a limit, curve", "", tuple(uses), goal=Goal(1.001, "max")),
        Figure("largest share of a limit, sampled at 1 kHz", "", tuple(sampled), goal=Goal(1.001, "max")),
        Figure(name, "s", taken[0].elapsed, goal=Goal(80e-3), processor=taken[0].processor),
        Figure("law with jerk, rounded way of 5 points", "s", taken[1].elapsed, processor=taken[1].processor),
    ]


def use_at_1_khz(path: BSpline, law: BSpline, limits: MotionLimits) -> float:
    """The largest share of a limit in differences of the output sampled at 1 kHz, rest before and after included."""
    q = path(law(np.arange(-3e-3, law.end + 4e-3, 1e-3))[:, 0])
    shares = []
    for limit in (limits.velocity, limits.acceleration, limits.jerk):
        q = np.diff(q, axis=0) / 1e-3
        shares.append(float(np.max(np.abs(q) / limit)))
    return max(shares)


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


def toppra_duration(path: BSpline, limits: MotionLimits, grid: FloatArray) -> float:
    """The duration (s) that toppra finds on `grid` (n,), with its interpolation scheme and its quickest solver."""
    toppra: Any = import_module("toppra")
    constraint: Any = import_module("toppra.constraint")
    toppra.setup_logging("ERROR")
    scheme = constraint.DiscretizationType.Interpolation
    bounds = [np.stack([-limit, limit], axis=1) for limit in (limits.velocity, limits.acceleration)]
    problem = toppra.algorithm.TOPPRA(
        [
            constraint.JointVelocityConstraint(bounds[0]),
            constraint.JointAccelerationConstraint(bounds[1], discretization_scheme=scheme),
        ],
        _toppra_path(path),
        gridpoints=grid,
        solver_wrapper="seidel",
    )
    _, speeds, _ = problem.compute_parameterization(0.0, 0.0)
    return float(np.sum(2.0 * np.diff(grid) / (speeds[1:] + speeds[:-1])))


def _toppra_path(path: BSpline) -> object:
    """`path` as toppra asks for it."""
    interpolator: Any = import_module("toppra.interpolator")

    def values(_: object, u: FloatArray, order: int = 0) -> FloatArray:
        found = path(np.atleast_1d(u), order)
        result: FloatArray = found if np.ndim(u) else found[0]
        return result

    interval = np.array([path.start, path.end])
    members = {"dof": path.dim, "path_interval": interval, "waypoints": None, "__call__": values}
    kind: Any = type("Path", (interpolator.AbstractGeometricPath,), members)
    return kind()
