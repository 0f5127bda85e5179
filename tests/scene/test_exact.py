"""Exact distances against quadratic programming, and overlaps that must never be missed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation

from cellctl.kinematics.chain import Chain
from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, corners
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid, collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.bullet.quaternions import quats_xyzw
from cellctl.scene.bullet.solids import prism_around, standing_out
from cellctl.scene.engine import PAD

STILL = Chain(np.zeros((0, 4, 4)), np.zeros((0, 3)), np.zeros(0, dtype=np.bool_), np.eye(4))


def points_of(shape: Shape) -> np.ndarray:
    if isinstance(shape, Sphere):
        return np.zeros((1, 3))
    if isinstance(shape, Box):
        return corners(shape.size)
    return shape.vertices if isinstance(shape, Hull) else prism_around(shape)


def radius_of(shape: Shape) -> float:
    return shape.radius if isinstance(shape, Sphere) else 0.0


def true_distance(first: tuple[Shape, Pose], second: tuple[Shape, Pose]) -> float:
    """Distance of two separate shapes by non-negative least squares over their corners, checked by its own dual."""
    a, b = (pose.apply(points_of(shape)) for shape, pose in (first, second))
    middle = a.mean(axis=0)
    a, b = a - middle, b - middle
    weight = 1e3
    ones = np.zeros((2, len(a) + len(b)))
    ones[0, : len(a)] = ones[1, len(a) :] = weight
    x, _ = nnls(np.vstack([np.hstack([a.T, -b.T]), ones]), np.r_[0.0, 0.0, 0.0, weight, weight], maxiter=5000)
    v = x[: len(a)] @ a / x[: len(a)].sum() - x[len(a) :] @ b / x[len(a) :].sum()
    n = v / np.linalg.norm(v)
    assert np.linalg.norm(v) - ((a @ n).min() - (b @ n).max()) < 1e-6
    return float(np.linalg.norm(v)) - radius_of(first[0]) - radius_of(second[0])


def random_shape(rng: np.random.Generator, kind: int) -> Shape:
    size = 10.0 ** rng.uniform(-2.5, -0.2, 3)
    if kind == 0:
        return Box(tuple(size))
    if kind == 1:
        return Sphere(size[0] / 2.0)
    if kind == 2:
        return Cylinder(size[0] / 2.0, size[1])
    directions = rng.normal(size=(rng.integers(8, 120), 3))
    return Hull(directions / np.linalg.norm(directions, axis=1, keepdims=True) * size / 2.0 + rng.uniform(-0.1, 0.1, 3))


def random_pose(rng: np.random.Generator, reach: float) -> Pose:
    turns = (Rotation.random(random_state=rng), Rotation.create_group("O")[rng.integers(24)])
    return Pose.from_rotation(turns[rng.integers(2)].as_matrix(), rng.uniform(-reach, reach, 3))


def scene_of(placed: list[tuple[Shape, Pose]], pairs: list[tuple[int, int]]) -> ExactScene:
    solids = tuple(PlacedSolid(f"s{i}", shape, WORLD, pose) for i, (shape, pose) in enumerate(placed))
    return ExactScene(
        CollisionModel("g", "m", STILL, Pose.identity(), solids, np.array(pairs, dtype=np.intp), np.zeros(len(pairs)))
    )


def all_pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i + 1, count)]


def test_distances_are_the_true_ones_and_never_more() -> None:
    rng = np.random.default_rng(1)
    placed = [(random_shape(rng, i % 4), random_pose(rng, 1.2)) for i in range(36)]
    pairs = all_pairs(len(placed))
    checked = 0
    with scene_of(placed, pairs) as scene:
        for k, (i, j) in enumerate(pairs):
            contact = scene.query(k, 9.0)
            assert contact is not None
            if contact.distance < 1e-4:
                continue
            truth = true_distance(placed[i], placed[j])
            assert truth - 2e-4 < contact.distance <= truth
            checked += 1
            between = np.subtract(contact.point_first_world, contact.point_second_world)
            assert np.linalg.norm(between) - contact.distance == pytest.approx(PAD, abs=1.5e-4)
            assert (contact.first, contact.second) == (f"s{i}", f"s{j}")
    assert checked > 400


def test_points_lie_on_the_solids_they_are_said_to() -> None:
    placed = [(Sphere(0.1), Pose.of((1.0, 0.0, 0.0))), (Box((0.2, 0.2, 0.2)), Pose.identity())]
    with scene_of(placed, [(0, 1), (1, 0)]) as scene:
        one, two = scene.query(0, 2.0), scene.query(1, 2.0)
    assert one is not None
    assert two is not None
    assert one.point_first_world == pytest.approx((0.9, 0.0, 0.0))
    assert one.point_second_world == pytest.approx((0.1, 0.0, 0.0))
    assert two.point_first_world == pytest.approx((0.1, 0.0, 0.0))
    assert two.point_second_world == pytest.approx((0.9, 0.0, 0.0))


def test_no_overlap_is_missed() -> None:
    rng = np.random.default_rng(2)
    shapes = [random_shape(rng, i % 4) for i in range(40)]
    placed = []
    for shape in shapes:
        turn = random_pose(rng, 0.0)
        weights = rng.dirichlet(np.full(len(points_of(shape)), rng.choice((0.3, 1.0, 5.0))))
        inner = turn.apply(weights @ points_of(shape))
        placed.append((shape, Pose.from_rotation(turn.rotation, -inner)))
    pairs = all_pairs(len(placed))
    with scene_of(placed, pairs) as scene:
        for k in range(len(pairs)):
            contact = scene.query(k, 0.0)
            assert contact is not None
            assert contact.distance < 0.0


def test_a_shape_in_its_own_place_overlaps_itself() -> None:
    rng = np.random.default_rng(3)
    for kind in range(4):
        shape, pose = random_shape(rng, kind), random_pose(rng, 1.0)
        with scene_of([(shape, pose), (shape, pose)], [(0, 1)]) as scene:
            contact = scene.query(0, 0.0)
        assert contact is not None
        assert contact.distance < 0.0


def test_none_means_further_apart() -> None:
    gap = 0.0123
    placed = [(Box((0.1, 0.1, 0.1)), Pose.identity()), (Box((0.1, 0.1, 0.1)), Pose.of((0.1 + gap, 0.0, 0.0)))]
    with scene_of(placed, [(0, 1)]) as scene:
        assert scene.query(0, gap - 2 * PAD) is None
        assert scene.query(0, -np.inf) is None
        contact = scene.query(0, gap - PAD / 2)
    assert contact is not None
    assert contact.distance == pytest.approx(gap - PAD, abs=1e-9)


def test_gaps_down_to_ten_micrometres_are_told_from_contact() -> None:
    for gap, apart in ((1.2e-5, True), (0.8e-5, False)):
        placed = [(Box((0.4, 0.4, 0.004)), Pose.identity()), (Sphere(0.0006), Pose.of((0.13, 0.07, 0.0026 + gap)))]
        with scene_of(placed, [(0, 1)]) as scene:
            contact = scene.query(0, 1e-3)
        assert contact is not None
        assert (contact.distance > 0.0) is apart


def test_moved_solids_are_where_the_chain_puts_them(sample) -> None:
    model = collision_model(sample.sample_cell(), "r1")
    rng = np.random.default_rng(4)
    nozzle, plate = model.index("r1.torch.nozzle"), model.index("tray.plate")
    pair = next(k for k, p in enumerate(model.pairs.tolist()) if p == [nozzle, plate])
    with ExactScene(model) as scene:
        for _ in range(12):
            frames = sample.frames_of(model.chain, np.array(sample.HOME) + rng.uniform(-0.4, 0.4, 6))
            scene.move_to_frames(frames)
            solid = model.solids[nozzle]
            pose = Pose.from_rotation(frames[solid.frame, :3, :3], frames[solid.frame, :3, 3])
            placed = model.pose_world_base @ pose @ solid.pose
            truth = true_distance((solid.shape, placed), (model.solids[plate].shape, model.solids[plate].pose))
            contact = scene.query(pair, 9.0)
            assert contact is not None
            assert truth - 5e-5 < contact.distance <= truth


def test_bodies_that_stay_are_the_same_as_bodies_placed_anew(sample) -> None:
    model = collision_model(sample.sample_cell(), "r1")
    rng = np.random.default_rng(5)
    q = np.array(sample.HOME)
    with ExactScene(model) as walked, ExactScene(model) as fresh:
        for joint in (5, 3, 0, 4, 1, 2):
            q[joint] += rng.uniform(-0.3, 0.3)
            frames = sample.frames_of(model.chain, q)
            walked.move_to_frames(frames)
        fresh.move_to_frames(frames)
        assert walked.query_all(0.6) == fresh.query_all(0.6)


def test_nearest_and_all_within_agree_with_asking_every_pair(sample) -> None:
    model = collision_model(sample.sample_cell(), "r1")
    rng = np.random.default_rng(6)
    limits = rng.uniform(0.0, 0.8, len(model.pairs))
    limits[::7] = -np.inf
    with ExactScene(model) as scene:
        for _ in range(5):
            scene.move_to_frames(sample.frames_of(model.chain, np.array(sample.HOME) + rng.uniform(-0.5, 0.5, 6)))
            every = [scene.query(k, 3.0) for k in range(len(model.pairs))]
            smallest = min((c for c in every if c is not None), key=lambda c: c.distance)
            nearest = scene.query_nearest(3.0)
            assert nearest is not None
            assert nearest.distance == pytest.approx(smallest.distance, abs=1e-9)
            expected = [k for k in range(len(model.pairs)) if (c := scene.query(k, float(limits[k]))) is not None and c]
            assert [contact.pair for contact in scene.query_all(limits)] == expected


def test_closing_gives_the_bodies_back(sample) -> None:
    model = collision_model(sample.sample_cell(), "r1")
    scene = ExactScene(model)
    client = scene._client
    count = client.getNumBodies()
    scene.close()
    scene.close()
    assert client.getNumBodies() == count - len(model.solids)


def test_what_a_hull_stands_out_of_another_is_bounded_from_above() -> None:
    rng = np.random.default_rng(7)
    held = rng.normal(size=(60, 3)) * (0.3, 0.2, 0.02)
    assert standing_out(held, held) < 1e-8
    for direction in np.vstack([np.eye(3), rng.normal(size=(6, 3))]):
        direction = direction / np.linalg.norm(direction)
        tip = held[np.argmax(held @ direction)] + 0.001 * direction
        truth = true_distance((Hull(np.vstack([held, held[:1]])), Pose.identity()), (Sphere(0.0), Pose.of(tuple(tip))))
        assert truth <= standing_out(np.vstack([held, tip]), held) + 1e-9 < 1.5 * truth + 1e-9


def test_a_prism_contains_its_cylinder() -> None:
    for radius in (0.0006, 0.009, 0.03, 0.26):
        prism = prism_around(Cylinder(radius, 0.1))
        sides = prism[: len(prism) // 2, :2]
        middles = (sides + np.roll(sides, 1, axis=0)) / 2.0
        assert np.linalg.norm(middles, axis=1).min() >= radius * (1.0 - 1e-12)
        assert np.linalg.norm(sides, axis=1).max() <= radius * 1.005
        assert (prism[:, 2].min(), prism[:, 2].max()) == (-0.05, 0.05)


def test_quaternions_are_those_of_scipy() -> None:
    rotations = Rotation.concatenate([Rotation.random(200, random_state=8), Rotation.create_group("O")])
    ours = quats_xyzw(rotations.as_matrix())
    assert np.abs(Rotation.from_quat(ours).as_matrix() - rotations.as_matrix()).max() < 1e-12
