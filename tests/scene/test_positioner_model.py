"""An arm and a positioner in one collision model: where everything is, what is asked, and what a motion may come to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cellctl.files import load_cell
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import frames
from cellctl.kinematics.groups import carried_motions
from cellctl.model.cell import Cell
from cellctl.model.pose import Pose, rotation_about
from cellctl.proof.clearance import AGREEMENT
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.packed import pack
from cellctl.scene.screen import edge_free, state_bounds
from tests.scene.displacements import pair_displacements

CELL = "lib:sim/positioner_cell/cell.yaml"


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell(CELL)


@pytest.fixture(scope="module")
def model(cell: Cell) -> CollisionModel:
    return collision_model(cell, "cell")


@pytest.fixture(scope="module")
def exact(model: CollisionModel) -> Iterator[ExactScene]:
    with ExactScene(model) as scene:
        yield scene


def random_joints(cell: Cell, count: int, seed: int) -> np.ndarray:
    axes = cell.axes("cell")
    return np.random.default_rng(seed).uniform(axes.limit_array("lower"), axes.limit_array("upper"), (count, axes.dof))


def test_every_frame_is_where_its_own_mechanism_has_it(cell: Cell, model: CollisionModel, exact: ExactScene) -> None:
    arm, table = cell.mechanisms
    for q in random_joints(cell, 20, 1):
        exact.move(q)
        world = exact._frames_world
        np.testing.assert_allclose(
            world[:7], arm.pose_world_base.matrix @ frames(chain_of(arm.robot), q[:6])[:7], atol=1e-12
        )
        np.testing.assert_allclose(
            world[7:], table.pose_world_base.matrix @ frames(chain_of(table.robot), q[6:])[1:3], atol=1e-12
        )


def test_what_the_table_carries_turns_about_its_axes(cell: Cell) -> None:
    """The positioner tilts about -y through 380 mm over its base, and then turns about -z of what it has tilted."""
    part, table = cell.placement("ring"), cell.mechanism("table")
    tilt, turn = 0.7, -1.9
    turned = Pose.from_rotation(rotation_about((0.0, -1.0, 0.0), tilt) @ rotation_about((0.0, 0.0, -1.0), turn))
    place = table.pose_world_base @ Pose.of((0.0, 0.0, 0.38)) @ turned @ Pose.of((0.0, 0.0, 0.15 + 0.064))
    moved = carried_motions(table, [[tilt, turn]])[0] @ part.pose_world_part.matrix
    np.testing.assert_allclose(moved, place.matrix, atol=1e-12)


def test_what_the_table_carries_is_asked_against_all_that_it_can_meet(model: CollisionModel) -> None:
    asked = {frozenset(model.pair_names(k)) for k in range(len(model.pairs))}
    for pair in (
        ("r1.torch.nozzle", "ring.plate"),
        ("r1.link_3", "table.link_2.table"),
        ("r1.base_link", "ring.plate"),
        ("ring.plate", "table.base_link.drive"),
        ("ring.plate", "table.link_1.arm"),
        ("ring.plate", "pedestal"),
        ("chuck", "plinth"),
    ):
        assert frozenset(pair) in asked
    still = ("r1.base_link", "table.base_link.foot")
    for pair in (("ring.plate", "chuck"), ("ring.plate", "table.link_2.table"), still):
        assert frozenset(pair) not in asked


def test_bounds_hold_against_the_exact_engine(cell: Cell, model: CollisionModel, exact: ExactScene) -> None:
    screen, bounds = pack(model), np.empty(len(model.pairs))
    thresholds = np.full(len(model.pairs), 0.3)
    met = 0
    for q in random_joints(cell, 60, 2):
        state_bounds(screen, q, thresholds, bounds)
        exact.move(q)
        for pair in np.flatnonzero(bounds < 0.3):
            contact = exact.query(int(pair), 0.4)
            if contact is not None and contact.distance > 0.0:
                met += 1
                assert bounds[pair] <= contact.distance + AGREEMENT
    assert met > 100


def test_no_pair_comes_nearer_than_its_displacement_allows(
    cell: Cell, model: CollisionModel, exact: ExactScene
) -> None:
    """All joints move at once, those of the positioner too; some pairs use most of the bound."""
    screen = pack(model)
    rng = np.random.default_rng(3)
    largest = 0.0
    for q in random_joints(cell, 12, 4):
        half = rng.uniform(0.0, 0.05, len(q))
        bound = pair_displacements(screen, q, half)
        start = np.empty(len(bound))
        state_bounds(screen, q, np.full(len(bound), np.inf), start)
        for share in rng.choice([-1.0, 1.0], (6, len(q))):
            ends = np.empty(len(bound))
            state_bounds(screen, q + share * half, np.full(len(bound), np.inf), ends)
            apart = (start > 0.0) & (ends > 0.0)
            assert np.all(np.abs(ends - start)[apart] <= bound[apart] + 1e-5)
            largest = max(largest, float((np.abs(ends - start)[apart] / bound[apart]).max()))
    assert largest > 0.5


def test_edges_called_free_are_free(cell: Cell, model: CollisionModel, exact: ExactScene) -> None:
    screen, rng = pack(model), np.random.default_rng(5)
    free = 0
    for q in random_joints(cell, 400, 6):
        to = q + rng.uniform(-0.2, 0.2, len(q))
        if edge_free(screen, q, to, np.array(model.margins), 2e-3):
            free += 1
            for share in np.linspace(0.0, 1.0, 9):
                found = exact.all_within(q + share * (to - q), np.array(model.margins) - 1e-5)
                assert found == []
    assert free > 20
