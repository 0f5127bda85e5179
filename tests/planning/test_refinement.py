"""Refinement against a general optimiser on a small problem with a linear inverse, where the least is unique."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from cellctl.planning.seams.refinement import BETA, Box, Torches, refined

S = np.linspace(0.0, 0.1, 13)
WEIGHTS = np.array([1.0, 0.5, 2.0])


def inverse(z: np.ndarray, near: np.ndarray) -> np.ndarray:
    """A made-up arm: a bend that depends on the station, mixed with the three torch angles."""
    drift = np.stack([np.sin(20.0 * S), np.cos(17.0 * S), 3.0 * S], axis=1)
    return drift + z @ np.array([[1.0, 0.2, 0.0], [0.3, 1.0, -0.4], [0.0, -1.0, 0.5]])


def cost(z: np.ndarray, box: Box) -> float:
    q = inverse(z, z)
    h = S[1] - S[0]
    first = np.sum(WEIGHTS * np.diff(q, axis=0) ** 2) / h
    second = BETA * np.sum(WEIGHTS * np.diff(q, 2, axis=0) ** 2) / h**3
    return float(first + second + np.sum(box.pull * (z - box.wanted) ** 2))


def box_of(limit: float) -> Box:
    n = len(S)
    bound = np.tile([np.inf, limit, limit], (n, 1))
    return Box(-bound, bound, np.zeros((n, 3)), np.tile([0.0, 0.05, 0.05], (n, 1)))


def test_refinement_finds_what_a_general_optimiser_finds() -> None:
    box = box_of(0.2)
    rng = np.random.default_rng(4)
    z = np.clip(rng.normal(scale=0.1, size=(len(S), 3)), -0.2, 0.2)
    ours = refined(Torches(z, inverse(z, z)), S, box, WEIGHTS, inverse, rounds=100)
    bounds = [(None, None) if k % 3 == 0 else (-0.2, 0.2) for k in range(3 * len(S))]
    theirs = minimize(
        lambda x: cost(x.reshape(-1, 3), box),
        z.ravel(),
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 5000, "maxfun": 10**6},
    )
    assert cost(ours.z, box) <= theirs.fun * 1.001


def test_bounds_hold_and_cost_falls() -> None:
    box = box_of(0.05)
    z = np.random.default_rng(1).uniform(-0.05, 0.05, (len(S), 3))
    now = refined(Torches(z, inverse(z, z)), S, box, WEIGHTS, inverse)
    assert np.abs(now.z[:, 1:]).max() <= 0.05
    assert cost(now.z, box) < 0.5 * cost(z, box)


def test_no_step_is_taken_where_the_inverse_ends() -> None:
    box = box_of(0.2)
    z = np.zeros((len(S), 3))

    def broken(z: np.ndarray, near: np.ndarray) -> np.ndarray:
        q = inverse(z, near)
        q[np.abs(z[:, 0]) > 1e-3] = np.nan
        return q

    now = refined(Torches(z, inverse(z, z)), S, box, WEIGHTS, broken)
    assert np.isfinite(now.q).all()
    assert np.abs(now.z[:, 0]).max() <= 1e-3
