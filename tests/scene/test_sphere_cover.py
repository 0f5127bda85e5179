"""Covers contain their solids and stand out as they say; a cell of covers is never freer than the exact one."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, frustum
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.coal.exact import CoalScene
from cellctl.scene.packed import pack
from cellctl.scene.screen import states_free
from cellctl.scene.spheres.cells import SphereCell, sphere_cell
from cellctl.scene.spheres.cover import Cover, _bounds_of, cover_of, miss
from cellctl.scene.spheres.edges import motion_free_each, spheres_free_each

SIDES = st.floats(0.01, 0.5)


def _solids() -> list[Shape]:
    points = np.random.default_rng(0).normal(size=(40, 3)) * (0.05, 0.1, 0.2)
    return [
        Box((0.3, 0.2, 0.01)),
        Cylinder(0.05, 0.4),
        Cylinder(0.2, 0.01),
        Sphere(0.1),
        Hull(points),
        frustum(0.02, 0.01, 0.08),
    ]


def _points_in(shape: Shape, count: int = 4000) -> np.ndarray:
    """Points of a solid, many of them on its skin."""
    draw = np.random.default_rng(1)
    if isinstance(shape, Sphere):
        points = draw.normal(size=(count, 3))
        return points / np.linalg.norm(points, axis=1, keepdims=True) * shape.radius * draw.uniform(0, 1, (count, 1))
    if isinstance(shape, Hull):
        weights = draw.dirichlet(np.full(len(shape.vertices), 0.2), count)
        return np.vstack([weights @ shape.vertices, shape.vertices])
    if isinstance(shape, Box):
        return np.clip(draw.uniform(-0.7, 0.7, (count, 3)), -0.5, 0.5) * shape.size
    angle, share = draw.uniform(0.0, 2.0 * np.pi, count), np.minimum(1.0, draw.uniform(0.0, 1.4, count))
    heights = np.clip(draw.uniform(-0.7, 0.7, count), -0.5, 0.5) * shape.length
    return np.stack([shape.radius * share * np.cos(angle), shape.radius * share * np.sin(angle), heights], axis=1)


def _out_of(cover: Cover, points: np.ndarray) -> float:
    apart = np.linalg.norm(points[:, None] - cover.centres, axis=2) - cover.radii
    return float(apart.min(axis=1).max())


@pytest.mark.parametrize("shape", _solids(), ids=lambda shape: type(shape).__name__)
@pytest.mark.parametrize("waste", [0.02, 0.04])
def test_every_point_of_a_solid_is_in_a_sphere(shape: Shape, waste: float) -> None:
    cover = cover_of(shape, waste)
    assert _out_of(cover, _points_in(shape)) <= 0.0
    if not isinstance(shape, Sphere):
        beyond, _, _ = _bounds_of(shape)
        ways = np.random.default_rng(2).normal(size=(200, 3))
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        skin = (cover.centres[:, None] + cover.radii[:, None, None] * ways).reshape(-1, 3)
        assert beyond(skin).max() <= cover.waste + 1e-9


@settings(max_examples=8, deadline=None)
@given(SIDES, SIDES, SIDES, st.floats(0.02, 0.06))
def test_every_box_is_covered(x: float, y: float, z: float, waste: float) -> None:
    assert _out_of(cover_of(Box((x, y, z)), waste), _points_in(Box((x, y, z)), 500)) <= 0.0


@pytest.mark.parametrize("shape", [s for s in _solids() if not isinstance(s, Sphere)], ids=lambda s: type(s).__name__)
def test_a_gap_in_a_cover_is_found(shape: Shape) -> None:
    cover = cover_of(shape, 0.03)
    beyond, low, high = _bounds_of(shape)
    assert miss(beyond, low, high, cover.centres, cover.radii) <= 6e-4
    points = _points_in(shape)
    worn = Cover(cover.centres, cover.radii - 0.03, 0.0)
    found = miss(beyond, low, high, worn.centres, worn.radii)
    assert found >= max(0.0, _out_of(worn, points))
    assert found > 1e-3


@pytest.fixture(scope="module")
def model(sample: ModuleType) -> CollisionModel:
    cell = sample.sample_cell()
    return collision_model(cell, cell.groups[0].name)


@pytest.fixture(scope="module")
def cell(sample: ModuleType, model: CollisionModel) -> SphereCell:
    return sphere_cell(model, sample.sample_cell().mechanisms[0].robot)


def test_what_covers_call_free_is_free_by_the_convex_screen_and_by_coal(
    model: CollisionModel, cell: SphereCell
) -> None:
    margins = np.array(model.margins)
    q = np.random.default_rng(4).uniform(cell.arm.lower, cell.arm.upper, (4000, cell.arm.dof))
    free, clear = np.zeros(len(q), np.bool_), np.zeros(len(q), np.bool_)
    spheres_free_each(cell.tables, cell.obstacles, cell.items(model, margins), q.astype(np.float32), free)
    states_free(pack(model), q, margins, clear)
    assert free.mean() > 0.1
    assert not (free & ~clear).any()
    with CoalScene(model) as exact:
        assert [row for row in q[free][:300] if exact.all_within(row, margins - 2e-5)] == []


def test_a_pair_that_may_touch_is_not_asked(model: CollisionModel, cell: SphereCell) -> None:
    nothing = cell.items(model, np.full(len(model.pairs), -np.inf))
    assert len(nothing.env) == len(nothing.own) == 0
    q = np.random.default_rng(5).uniform(cell.arm.lower, cell.arm.upper, (50, cell.arm.dof)).astype(np.float32)
    free = np.zeros(len(q), np.bool_)
    spheres_free_each(cell.tables, cell.obstacles, nothing, q, free)
    assert free.all()


def test_motions_that_covers_prove_are_free_in_every_sample(model: CollisionModel, cell: SphereCell) -> None:
    margins = np.array(model.margins)
    items = cell.items(model, margins)
    draw = np.random.default_rng(6)
    first = draw.uniform(cell.arm.lower, cell.arm.upper, (300, cell.arm.dof))
    last = np.clip(first + draw.normal(size=first.shape) * 0.3, cell.arm.lower, cell.arm.upper)
    proved = np.zeros(len(first), np.bool_)
    motions = np.stack([first, last], axis=1).astype(np.float32)
    motion_free_each(cell.tables, cell.obstacles, items, motions, np.float32(2e-4), proved)
    assert 0.05 < proved.mean() < 0.95
    share, packed = np.linspace(0.0, 1.0, 60)[:, None], pack(model)
    for a, b in zip(first[proved], last[proved], strict=True):
        clear = np.zeros(60, np.bool_)
        states_free(packed, a + share * (b - a), margins, clear)
        assert clear.all()
