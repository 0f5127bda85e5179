"""Misses of eight joint vectors at a time against frames that numpy multiplies one by one."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.files import load_robot
from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.solvers.misses import ROOM, fill_misses, sine_cosine
from cellctl.model.pose import FloatArray, Pose


def misses_of(chain: Chain, target: FloatArray, q: FloatArray) -> FloatArray:
    room = np.full(ROOM, np.nan)
    fill_misses(*chain, target, q, room)
    return room[: len(q)].copy()


def expected(chain: Chain, target: FloatArray, q: FloatArray) -> FloatArray:
    apart = (flange_matrices(chain, q) - target)[:, :3]
    return np.linalg.norm(apart, axis=1).max(axis=1)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("name", ["kuka_kr16_2", "ur5e", "franka_panda_fer"])
def test_misses_are_those_of_the_forward_kinematics(name: str, count: int) -> None:
    chain = chain_of(load_robot(name))
    q = np.random.default_rng(count).uniform(-6.0, 6.0, (count + 1, len(chain.axes)))
    target = flange_matrices(chain, q)[-1]
    assert misses_of(chain, target, q[:-1]) == pytest.approx(expected(chain, target, q[:-1]), abs=1e-13)
    assert misses_of(chain, target, q)[-1] < 1e-14


def test_slides_are_moved_along_not_turned() -> None:
    before = np.array([Pose.of((0.1 * k, 0.2, -0.1), (0.3 * k, 0.2, 0.1)).matrix for k in range(4)])
    axes = np.array([(0.6, 0.0, 0.8), (0.0, 1.0, 0.0), (0.0, -0.6, 0.8), (1.0, 0.0, 0.0)])
    chain = Chain(before, axes, np.array([True, False, True, False]), Pose.of((0.0, 0.1, 0.2), (0.5, 0.0, 0.0)).matrix)
    q = np.random.default_rng(0).uniform(-2.0, 2.0, (8, 4))
    target = flange_matrices(chain, np.zeros(4))[0]
    assert misses_of(chain, target, q) == pytest.approx(expected(chain, target, q), abs=1e-13)


def test_a_value_that_is_no_number_is_no_hit() -> None:
    chain = chain_of(load_robot("kuka_kr16_2"))
    q = np.zeros((8, 6))
    q[3, 2] = np.nan
    misses = misses_of(chain, flange_matrices(chain, np.zeros(6))[0], q)
    assert np.isnan(misses[3])
    assert (np.delete(misses, 3) < 1e-14).all()


def test_sines_and_cosines_are_good_to_the_last_digits() -> None:
    angles = np.concatenate([np.linspace(-13.0, 13.0, 20_001), np.pi * np.arange(-4.0, 4.5, 0.5)])
    sines, cosines = np.array([sine_cosine(angle) for angle in angles]).T
    assert np.abs(sines - np.sin(angles)).max() < 4e-15
    assert np.abs(cosines - np.cos(angles)).max() < 4e-15
