"""Many states asked of an engine at once: the same answers as one by one, and only far pairs left out."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.engine import EngineName, open_engine
from cellctl.scene.near_pairs import CHUNK, NearPairs


@pytest.fixture(scope="module")
def model(sample: ModuleType) -> CollisionModel:
    return collision_model(sample.sample_cell(), "r1")


def random_joints(model: CollisionModel, count: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(-2.5, 2.5, (count, len(model.chain.axes)))


@pytest.mark.parametrize("engine", ["bullet", "coal"])
@pytest.mark.parametrize("within", [-2e-5, 0.03])
def test_many_states_are_answered_as_one_by_one(model: CollisionModel, engine: EngineName, within: float) -> None:
    joints = random_joints(model, CHUNK + 40)
    with open_engine(engine, model) as exact:
        wanted = [bool(exact.all_within(q, within)) for q in joints]
        assert 50 < sum(wanted) < CHUNK
        assert exact.any_within(joints, within).tolist() == wanted
        assert bool(exact.all_within(joints[0], within)) is wanted[0]


def test_pairs_left_out_are_further_apart(model: CollisionModel) -> None:
    joints, within = random_joints(model, 60), 0.05
    left_out = 0
    with open_engine("bullet", model) as exact:
        for _, near in NearPairs(model).at(joints, within):
            asked = set(zip(near.rows.tolist(), near.pairs.tolist(), strict=True))
            for row, q in enumerate(joints):
                nearer = {(row, contact.pair) for contact in exact.all_within(q, within - 1e-4)}
                assert nearer <= asked
            left_out += len(joints) * len(model.pairs) - len(asked)
    assert left_out > 30 * len(model.pairs)


def test_no_states_are_no_answers(model: CollisionModel) -> None:
    with open_engine("bullet", model) as exact:
        assert exact.any_within(np.empty((0, len(model.chain.axes))), 0.0).tolist() == []
