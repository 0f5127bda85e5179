"""The screen of spheres never calls free what an exact engine calls touching, in states and all along motions."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Sphere
from cellctl.scene.coal.exact import CoalScene
from cellctl.scene.spheres.contacts import nearest_at, obstacle_gaps, sphere_centres
from cellctl.scene.spheres.edges import all_items, motion_free_each, new_room, spheres_free_each, states_hit
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import Obstacles, obstacles_from
from cellctl.scene.spheres.tables import ArmTables, arm_tables


@pytest.fixture(scope="session")
def arms() -> ModuleType:
    spec = spec_from_file_location("sphere_arms", Path(__file__).with_name("sphere_arms.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["sphere_arms"] = module
    spec.loader.exec_module(module)
    return module


def _clear_states(tables: ArmTables, obstacles: Obstacles, q: FloatArray, margin: float = 0.0) -> np.ndarray:
    free = np.zeros(len(q), np.bool_)
    items = all_items(tables, obstacles, np.float32(margin))
    spheres_free_each(tables, obstacles, items, q.astype(np.float32), free)
    return free


def _gap(arm: SphereArm, tables: ArmTables, obstacles: Obstacles, q: FloatArray) -> float:
    return nearest_at(arm, tables, obstacles, q)[2]


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("which", ["six_axis_arm", "arm_with_slides"])
def test_a_state_is_free_where_every_distance_by_hand_is_positive(arms: ModuleType, which: str, mixed: bool) -> None:
    arm = getattr(arms, which)()
    tables = arm_tables(arm, mixed=mixed)
    obstacles = obstacles_from(arms.random_scene(3))
    q = arms.postures(arm, 1500)
    free = _clear_states(tables, obstacles, q)
    gaps = np.array([_gap(arm, tables, obstacles, row) for row in q])
    assert 0.1 < free.mean() < 0.95
    assert not (free & (gaps <= 0.0)).any()
    assert not (~free & (gaps > 1e-4)).any()


@pytest.mark.parametrize("which", ["six_axis_arm", "arm_with_slides"])
def test_sixteen_states_at_once_are_told_what_each_is_told_alone(arms: ModuleType, which: str) -> None:
    arm = getattr(arms, which)()
    tables, obstacles = arm_tables(arm, mixed=True), obstacles_from(arms.random_scene(3))
    items = all_items(tables, obstacles, np.float32(0.0))
    room = new_room(tables, items)
    q = arms.postures(arm, 1600).astype(np.float32).reshape(100, 16, arm.dof)
    hit = [states_hit(tables, obstacles, items, room, np.ascontiguousarray(some.T).ravel()) for some in q]
    free = _clear_states(tables, obstacles, q.reshape(1600, arm.dof).astype(np.float64))
    assert [(mask >> lane) & 1 for mask in hit for lane in range(16)] == [not one for one in free]


def test_no_verdict_depends_on_what_was_asked_before(arms: ModuleType) -> None:
    arm = arms.six_axis_arm()
    tables, obstacles = arm_tables(arm, mixed=True), obstacles_from(arms.random_scene(5))
    motions = arms.postures(arm, 1200).reshape(600, 2, arm.dof).astype(np.float32)
    motions[:, 1] = motions[:, 0] + 0.2 * (motions[:, 1] - motions[:, 0])
    used = all_items(tables, obstacles, np.float32(0.0))
    verdicts = []
    for items in (all_items(tables, obstacles, np.float32(0.0)), used, used):
        free = np.zeros(len(motions), np.bool_)
        motion_free_each(tables, obstacles, items, motions, np.float32(2e-4), free)
        verdicts.append(free)
    assert not np.array_equal(used.env, all_items(tables, obstacles, np.float32(0.0)).env)
    assert 0 < verdicts[0].sum() < len(motions)
    assert np.array_equal(verdicts[0], verdicts[1])
    assert np.array_equal(verdicts[0], verdicts[2])


def test_a_margin_is_kept(arms: ModuleType) -> None:
    arm = arms.six_axis_arm()
    tables, obstacles = arm_tables(arm, mixed=True), obstacles_from(arms.random_scene(4))
    q = arms.postures(arm, 800)
    free = _clear_states(tables, obstacles, q, 0.02)
    gaps = np.array([_gap(arm, tables, obstacles, row) for row in q])
    assert not (free & (gaps <= 0.02)).any()
    assert not (~free & (gaps > 0.0201)).any()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_free_is_free_in_coal(arms: ModuleType, seed: int) -> None:
    arm = arms.six_axis_arm()
    scene = arms.random_scene(seed)
    q = arms.postures(arm, 3000, seed)
    free = q[_clear_states(arm_tables(arm, mixed=True), obstacles_from(scene), q)]
    assert len(free) > 300
    with CoalScene(arms.collision_model(arm, scene)) as exact:
        assert [row for row in free if exact.all_within(row, -2e-5)] == []


@pytest.mark.parametrize("which", ["six_axis_arm", "arm_with_slides"])
@pytest.mark.parametrize("seed", range(3))
def test_a_motion_that_is_proved_free_is_free_in_every_sample(arms: ModuleType, which: str, seed: int) -> None:
    arm = getattr(arms, which)()
    tables, obstacles = arm_tables(arm, mixed=True), obstacles_from(arms.random_scene(10 + seed))
    q = arms.postures(arm, 1200, seed)
    q = q[_clear_states(tables, obstacles, q)]
    draw = np.random.default_rng(seed)
    ends = q + draw.normal(size=q.shape) * 0.4
    motions = np.stack([q, np.clip(ends, arm.lower, arm.upper)], axis=1)
    proved = np.zeros(len(motions), np.bool_)
    items = all_items(tables, obstacles, np.float32(0.0))
    motion_free_each(tables, obstacles, items, motions.astype(np.float32), np.float32(2e-4), proved)
    share = np.linspace(0.0, 1.0, 400)[:, None]
    dense = [_clear_states(tables, obstacles, a + share * (b - a)).all() for a, b in motions]
    assert 0.2 < proved.mean() < 0.98
    assert not (proved & ~np.array(dense)).any()
    assert (np.array(dense) & ~proved).mean() < 0.03


def test_a_thin_wall_between_two_samples_is_seen(arms: ModuleType) -> None:
    arm = arms.six_axis_arm()
    tables = arm_tables(arm, mixed=True)
    wall = obstacles_from([(Box((0.4, 1e-4, 2.0)), Pose.of((0.9, 0.0, 0.5)))])
    motion = np.array([[[-1.0, 0.3, -0.3, 0.0, 0.0, 0.0], [1.0, 0.3, -0.3, 0.0, 0.0, 0.0]]], np.float32)
    proved = np.ones(1, np.bool_)
    ends = motion[0].astype(np.float64)
    assert _clear_states(tables, wall, ends).all()
    motion_free_each(tables, wall, all_items(tables, wall, np.float32(0.0)), motion, np.float32(2e-4), proved)
    assert not proved[0]


@pytest.mark.parametrize("which", ["six_axis_arm", "arm_with_slides"])
def test_no_sphere_moves_further_than_its_reach_says(arms: ModuleType, which: str) -> None:
    arm = getattr(arms, which)()
    tables = arm_tables(arm, mixed=True)
    a = arms.postures(arm, 300, 5)
    b = np.clip(a + np.random.default_rng(6).normal(size=a.shape) * 0.1, arm.lower, arm.upper)
    for one, other in zip(a, b, strict=True):
        moved = np.linalg.norm(sphere_centres(arm, one) - sphere_centres(arm, other), axis=1)[tables.order]
        assert (moved <= np.abs(one - other) @ tables.reach + 1e-9).all()


def test_spheres_lie_in_their_groups(arms: ModuleType) -> None:
    tables = arm_tables(arms.six_axis_arm(), mixed=True)
    for group, (_, _, first, last) in zip(tables.groups, tables.spans, strict=True):
        inside = tables.spheres[first:last].astype(np.float64)
        far = np.linalg.norm(inside[:, :3] - group[:3], axis=1) + inside[:, 3]
        assert far.max() <= group[3] + 1e-7
        assert last - first <= 8


def test_a_pair_that_always_touches_is_not_asked(arms: ModuleType) -> None:
    arm = arms.six_axis_arm()
    every = np.array([(a, b) for a in range(7) for b in range(a)], dtype=np.intp)
    crowded = SphereArm(
        arm.chain, arm.frames, arm.centres, arm.radii, arm.bodies, arm.names, every, arm.joints, arm.lower, arm.upper
    )
    tables = arm_tables(crowded, mixed=True)
    nothing = obstacles_from([(Sphere(0.01), Pose.of((9.0, 0.0, 0.0)))])
    free = _clear_states(tables, nothing, arms.postures(arm, 500))
    assert free.any()


def test_a_hull_is_never_further_than_its_corners_say(arms: ModuleType) -> None:
    draw = np.random.default_rng(8)
    points = draw.normal(size=(500, 3))
    for shape, pose in arms.random_scene(8, 20):
        obstacles = obstacles_from([(shape, pose)])
        gaps = obstacle_gaps(obstacles, 0, points)
        if hasattr(shape, "vertices"):
            corners = np.linalg.norm(points[:, None] - pose.apply(shape.vertices), axis=2).min(axis=1)
            assert (gaps <= corners + 1e-6).all()


@pytest.mark.parametrize("bad", ["centres", "radii", "lower"])
def test_numbers_that_are_none_are_refused(arms: ModuleType, bad: str) -> None:
    arm = arms.six_axis_arm()
    fields = {name: np.array(getattr(arm, name)) for name in ("centres", "radii", "lower")}
    fields[bad][0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        SphereArm(
            arm.chain, arm.frames, fields["centres"], fields["radii"], arm.bodies, arm.names, arm.pairs, arm.joints,
            fields["lower"], arm.upper,
        )  # fmt: skip


def test_what_is_no_number_is_never_free(arms: ModuleType) -> None:
    arm = arms.six_axis_arm()
    tables, obstacles = arm_tables(arm, mixed=True), obstacles_from(arms.random_scene(1))
    assert not _clear_states(tables, obstacles, np.full((1, 6), np.nan)).any()
