"""The compiled screen never says more than PyBullet, numbers by hand, and dense samples along an edge bear out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cellctl.kinematics.chain import Chain
from cellctl.kinematics.forward import frames
from cellctl.model.pose import FloatArray, Pose, rotation_about
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, corners, frustum
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid
from cellctl.scene.screen import (
    ScreenArrays,
    edge_free,
    pack,
    state_bounds,
    state_free,
)
from tests.scene.displacements import motion_radii, pair_displacements

BASE = Pose.of((0.1, -0.2, 0.5), (0.0, 0.0, 0.3))


def _chain(*joints: tuple[tuple[float, float, float], tuple[float, float, float], bool]) -> Chain:
    """A chain from (xyz, axis, prismatic) of its joints."""
    return Chain(
        np.array([Pose.of(xyz).matrix for xyz, _, _ in joints]),
        np.array([axis for _, axis, _ in joints]),
        np.array([prismatic for _, _, prismatic in joints]),
        np.eye(4),
    )


SIX_AXES = _chain(
    ((0.0, 0.0, 0.675), (0.0, 0.0, -1.0), False),
    ((0.26, 0.0, 0.0), (0.0, 1.0, 0.0), False),
    ((0.68, 0.0, 0.0), (0.0, 1.0, 0.0), False),
    ((0.67, 0.0, -0.035), (-1.0, 0.0, 0.0), False),
    ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), False),
    ((0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), False),
)
LOWER = np.array([-3.2, -2.7, -2.2, -6.1, -2.2, -6.1])
UPPER = np.array([3.2, 0.6, 2.6, 6.1, 2.2, 6.1])


def _grid(points: FloatArray) -> FloatArray:
    """Steps (3,) of the grid on which Bullet puts the corners of a hull."""
    return np.ptp(points, axis=0) / 10216.0


def _hull(points: FloatArray) -> Hull:
    """The hull of `points` (n, 3), which are centred on their frame, with its corners on Bullet's grid."""
    return Hull(np.round(points / _grid(points)) * _grid(points))


def _random_pose(draw: np.random.Generator, reach: float) -> Pose:
    axis = draw.normal(size=3)
    return Pose.from_rotation(
        rotation_about(axis / np.linalg.norm(axis), draw.uniform(-3.0, 3.0)), draw.uniform(-reach, reach, 3)
    )


def _random_shape(draw: np.random.Generator) -> Shape:
    match draw.integers(4):
        case 0:
            x, y, z = draw.uniform(0.02, 0.4, 3)
            return Box((x, y, z))
        case 1:
            return Cylinder(draw.uniform(0.01, 0.15), draw.uniform(0.01, 0.4))
        case 2:
            return Sphere(draw.uniform(0.01, 0.2))
        case _:
            points = np.vstack([draw.normal(size=(60, 3)), np.eye(3), -np.eye(3)])
            return _hull(points / np.linalg.norm(points, axis=1, keepdims=True) * draw.uniform(0.05, 0.3, 3))


def _model(chain: Chain, solids: list[PlacedSolid], pairs: list[tuple[int, int]], margin: float) -> CollisionModel:
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return CollisionModel("r1", "r1", chain, BASE, tuple(solids), table, np.full(len(table), margin))


def _still_pairs(shapes: list[Shape], draw: np.random.Generator) -> CollisionModel:
    """Solids that do not move, every two consecutive ones a pair."""
    solids = [PlacedSolid(f"s{k}", shape, WORLD, _random_pose(draw, 0.4)) for k, shape in enumerate(shapes)]
    return _model(SIX_AXES, solids, [(k, k + 1) for k in range(0, len(shapes), 2)], 0.01)


@pytest.fixture(scope="module")
def arm() -> CollisionModel:
    """An arm of simple solids with a torch, among boxes and cylinders."""
    draw = np.random.default_rng(5)
    arm_solids: list[tuple[Shape, int, Pose]] = [
        (Cylinder(0.2, 0.3), 0, Pose.of((0.0, 0.0, 0.15))),
        (Box((0.45, 0.4, 0.3)), 1, Pose.of((0.1, 0.0, -0.1))),
        (Box((0.8, 0.15, 0.2)), 2, Pose.of((0.34, -0.15, 0.0))),
        (_hull(np.vstack([corners((0.6, 0.2, 0.2)), corners((0.7, 0.1, 0.15))])), 3, Pose.of((0.1, 0.05, 0.0))),
        (Cylinder(0.07, 0.3), 4, Pose.of((-0.12, 0.0, 0.0), (0.0, np.pi / 2, 0.0))),
        (Sphere(0.09), 5, Pose.of((0.05, 0.0, 0.0))),
        (Cylinder(0.03, 0.25), 6, Pose.of((0.28, 0.0, 0.0), (0.0, np.pi / 2, 0.0))),
        (_hull(frustum(0.02, 0.01, 0.12).vertices - (0.0, 0.0, 0.06)), 6, Pose.of((0.4, 0.0, 0.0), (0.0, 2.0, 0.0))),
    ]
    solids = [PlacedSolid(f"a{k}", shape, frame, pose) for k, (shape, frame, pose) in enumerate(arm_solids)]
    moving = range(len(solids))
    pairs = [(i, j) for i in moving for j in moving if solids[j].frame - solids[i].frame > 1]
    for k in range(8):
        shape: Shape = Box((0.3, 0.2, 0.05)) if k % 2 else Cylinder(0.04, 0.3)
        place = Pose.of(draw.uniform((0.4, -0.7, 0.3), (1.2, 0.7, 1.3)), draw.uniform(-3.0, 3.0, 3))
        solids.append(PlacedSolid(f"o{k}", shape, WORLD, place))
        pairs += [(i, len(solids) - 1) for i in moving if solids[i].frame > 0]
    return _model(SIX_AXES, solids, pairs, 0.01)


class Exact:
    """Distances by PyBullet: `getClosestPoints` of lone bodies without collision margin."""

    def __init__(self, bullet: object, model: CollisionModel) -> None:
        self.bullet, self.model = bullet, model
        self.client = bullet.connect(bullet.DIRECT)
        self.bodies = [self._body(solid.shape) for solid in model.solids]

    def _body(self, shape: Shape) -> int:
        p = self.bullet
        match shape:
            case Box(size):
                arguments = {"shapeType": p.GEOM_BOX, "halfExtents": [0.5 * edge for edge in size]}
            case Cylinder(radius, length):
                arguments = {"shapeType": p.GEOM_CYLINDER, "radius": radius, "height": length}
            case Sphere(radius):
                arguments = {"shapeType": p.GEOM_SPHERE, "radius": radius}
            case Hull(vertices):
                inside_the_step = 0.25 * _grid(vertices) * np.sign(vertices)
                given = np.clip(vertices + inside_the_step, vertices.min(axis=0), vertices.max(axis=0))
                arguments = {"shapeType": p.GEOM_MESH, "vertices": given.tolist()}
        collision = p.createCollisionShape(**arguments, physicsClientId=self.client)
        body = p.createMultiBody(0.0, collision, physicsClientId=self.client)
        p.changeDynamics(body, -1, collisionMargin=0.0, physicsClientId=self.client)
        return body

    def distances(self, q: FloatArray, limit: float = 10.0) -> FloatArray:
        """Distance of every pair (p,) at `q`, `limit` where it is more; at most zero where two overlap."""
        chain_frames = frames(self.model.chain, q)
        for solid, body in zip(self.model.solids, self.bodies, strict=True):
            pose = solid.pose
            if solid.frame != WORLD:
                pose = (
                    BASE
                    @ Pose.from_rotation(chain_frames[solid.frame, :3, :3], chain_frames[solid.frame, :3, 3])
                    @ pose
                )
            self.bullet.resetBasePositionAndOrientation(
                body, pose.position.tolist(), pose.quat_xyzw.tolist(), physicsClientId=self.client
            )
        return np.array([self._distance(self.bodies[a], self.bodies[b], limit) for a, b in self.model.pairs])

    def _distance(self, first: int, second: int, limit: float) -> float:
        points = self.bullet.getClosestPoints(first, second, limit, physicsClientId=self.client)
        return min((point[8] for point in points), default=limit)

    def close(self) -> None:
        self.bullet.disconnect(self.client)


@pytest.fixture
def exact(request: pytest.FixtureRequest) -> Iterator[type]:
    bullet = pytest.importorskip("pybullet")
    opened: list[Exact] = []

    def of(model: CollisionModel) -> Exact:
        opened.append(Exact(bullet, model))
        return opened[-1]

    yield of
    for engine in opened:
        engine.close()


def _refined(screen: ScreenArrays, q: FloatArray) -> FloatArray:
    bounds = np.empty(len(screen.pairs))
    state_bounds(screen, q, np.full(len(bounds), np.inf), bounds)
    return bounds


def test_random_convex_pairs_are_never_nearer_than_said(exact) -> None:
    draw = np.random.default_rng(11)
    model = _still_pairs([_random_shape(draw) for _ in range(1200)], draw)
    said, true = _refined(pack(model), np.zeros(6)), exact(model).distances(np.zeros(6))
    assert np.all(said <= np.maximum(true, 0.0) + 1e-6)
    apart = true > 1e-3
    assert apart.sum() > 300
    assert np.abs(said - true)[apart].max() < 2e-4
    assert np.all(said[true < -1e-4] <= 0.0)


def test_spheres_and_boxes_by_hand() -> None:
    draw = np.random.default_rng(12)
    shapes: list[Shape] = []
    for _ in range(300):
        size = draw.uniform(0.05, 0.5, 3)
        shapes += [Sphere(draw.uniform(0.01, 0.1)), Box((size[0], size[1], size[2]))]
    model = _still_pairs(shapes, draw)
    for (ball, box), said in zip(model.pairs, _refined(pack(model), np.zeros(6)), strict=True):
        size = np.array(model.solids[box].shape.size)
        centre = model.solids[box].pose.inverse().apply(model.solids[ball].pose.position)
        outside = np.linalg.norm(np.maximum(np.abs(centre) - 0.5 * size, 0.0))
        true = outside - model.solids[ball].shape.radius
        assert said <= true + 1e-12 if outside > 0.0 else said <= 0.0
        if outside > 1e-3:
            assert said == pytest.approx(true, abs=2e-6)


def test_parallel_cylinders_and_a_flat_hull() -> None:
    flat = Hull(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))
    solids = [
        PlacedSolid("a", Cylinder(0.1, 1.0), WORLD, Pose.identity()),
        PlacedSolid("b", Cylinder(0.2, 1.0), WORLD, Pose.of((0.5, 0.0, 0.3))),
        PlacedSolid("flat", flat, WORLD, Pose.of((-0.5, -0.5, 0.9))),
    ]
    said = _refined(pack(_model(SIX_AXES, solids, [(0, 1), (0, 2), (1, 2)], 0.0)), np.zeros(6))
    np.testing.assert_allclose(said, [0.2, 0.4, 0.1], atol=2e-6)


def test_states_of_an_arm_are_never_nearer_than_said(arm: CollisionModel, exact) -> None:
    engine, screen = exact(arm), pack(arm)
    draw = np.random.default_rng(13)
    bounds = np.empty(len(arm.pairs))
    proved = 0
    for q in draw.uniform(LOWER, UPPER, (80, 6)):
        true = engine.distances(q)
        for threshold in (0.01, 0.2, np.inf):
            state_bounds(screen, q, np.full(len(bounds), threshold), bounds)
            assert np.all(bounds <= np.maximum(true, 0.0) + 1e-6)
            assert np.all(bounds[true > threshold + 1e-5] >= threshold)
        free = state_free(screen, q, arm.margins)
        assert free == bool(np.all(true >= 0.01)) or abs(true.min() - 0.01) < 1e-5
        proved += free
    assert 10 < proved < 75


def test_an_edge_is_proved_up_to_its_true_clearance_and_no_further(arm: CollisionModel, exact) -> None:
    engine, screen = exact(arm), pack(arm)
    draw = np.random.default_rng(14)
    tried = 0
    while tried < 12:
        start = draw.uniform(LOWER, UPPER)
        end = start + draw.uniform(-0.5, 0.5, 6)
        samples = start + np.linspace(0.0, 1.0, int(np.abs(end - start).max() / 0.002))[:, None] * (end - start)
        clearance = min(_refined(screen, q).min() for q in samples)
        if clearance <= 0.0:
            assert not edge_free(screen, start, end, np.zeros(len(arm.pairs)), 1e-3)
        if clearance < 1e-3:
            continue
        tried += 1
        margin = clearance - 5e-4
        assert edge_free(screen, start, end, np.full(len(arm.pairs), margin), 1e-5)
        assert min(engine.distances(q, margin + 0.01).min() for q in samples) >= margin - 1e-6
        assert not edge_free(screen, start, end, np.full(len(arm.pairs), clearance + 1e-6), 1e-5)


def test_an_edge_past_a_wall_is_proved_up_to_its_true_clearance() -> None:
    chain = _chain(((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), False))
    solids = [
        PlacedSolid("ball", Sphere(0.05), 1, Pose.of((1.0, 0.0, 0.0))),
        PlacedSolid("wall", Box((0.1, 4.0, 4.0)), WORLD, BASE @ Pose.of((1.15, 0.0, 0.0))),
    ]
    screen = pack(_model(chain, solids, [(0, 1)], 0.0))
    ends = np.array([-1.0]), np.array([1.3])
    assert edge_free(screen, *ends, np.array([0.05 - 1e-4]), 1e-4)
    assert not edge_free(screen, *ends, np.array([0.05 + 1e-4]), 1e-4)
    assert not edge_free(screen, *ends, np.array([0.05 - 1e-4]), 0.2)
    assert edge_free(screen, *ends, np.array([-np.inf]), 1e-4)


def test_an_edge_through_a_thin_plate_is_never_proved() -> None:
    chain = _chain(((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), True))
    solids = [
        PlacedSolid("ball", Sphere(0.01), 1, Pose.identity()),
        PlacedSolid("plate", Box((1e-4, 1.0, 1.0)), WORLD, BASE @ Pose.of((0.777, 0.0, 0.0))),
    ]
    screen = pack(_model(chain, solids, [(0, 1)], 0.0))
    assert not edge_free(screen, np.array([0.0]), np.array([2.0]), np.array([0.0]), 1e-4)
    assert edge_free(screen, np.array([0.0]), np.array([0.766]), np.array([0.0]), 1e-4)
    assert edge_free(screen, np.array([0.7]), np.array([0.7]), np.array([0.06]), 1e-4)
    assert not edge_free(screen, np.array([0.7]), np.array([0.7]), np.array([0.07]), 1e-4)


def test_no_pair_comes_nearer_than_its_displacement(arm: CollisionModel) -> None:
    draw = np.random.default_rng(15)
    screen = pack(arm)
    largest = 0.0
    for _ in range(150):
        middle, half_steps = draw.uniform(LOWER, UPPER), draw.uniform(0.0, 0.3, 6)
        moved = pair_displacements(screen, middle, half_steps)
        corner = middle + half_steps * draw.choice([-1.0, 1.0, 0.5], 6)
        change = np.abs(np.maximum(_refined(screen, middle), 0.0) - np.maximum(_refined(screen, corner), 0.0))
        assert np.all(change <= moved + 3e-6)
        largest = max(largest, (change / moved).max())
    assert 0.5 < largest <= 1.0


def test_motion_radii_cover_every_vertex(arm: CollisionModel) -> None:
    draw = np.random.default_rng(16)
    screen = pack(arm)
    for q in draw.uniform(LOWER, UPPER, (20, 6)):
        radii = motion_radii(screen, q)
        chain_frames = frames(arm.chain, q)
        for k, solid in enumerate(arm.solids):
            if not isinstance(solid.shape, Hull):
                continue
            points = solid.pose.apply(solid.shape.vertices) @ chain_frames[solid.frame, :3, :3].T
            points += chain_frames[solid.frame, :3, 3]
            for j in range(6):
                axis = chain_frames[j + 1, :3, :3] @ arm.chain.axes[j]
                away = np.linalg.norm(np.cross(points - chain_frames[j + 1, :3, 3], axis), axis=1)
                assert away.max() <= radii[k, j] + 1e-12
                assert radii[k, j] <= away.max() + screen.spheres[k, 3]


def test_pairs_that_share_the_moving_joints_do_not_move() -> None:
    solids = [
        PlacedSolid("a", Sphere(0.1), 6, Pose.identity()),
        PlacedSolid("b", Sphere(0.1), 6, Pose.of((1.0, 0.0, 0.0))),
    ]
    solids.append(PlacedSolid("c", Sphere(0.1), 5, Pose.identity()))
    screen = pack(_model(SIX_AXES, solids, [(0, 1), (2, 1)], 0.0))
    moved = pair_displacements(screen, np.zeros(6), np.full(6, 0.1))
    assert moved[0] == 0.0
    assert moved[1] == pytest.approx(0.1 * 0.1)


def test_allowed_contacts_are_left_out(arm: CollisionModel) -> None:
    screen = pack(arm)
    q = np.zeros(6)
    margins = np.array(arm.margins)
    assert not state_free(screen, q, margins)
    margins[_refined(screen, q) < 0.01] = -np.inf
    margins.setflags(write=False)
    assert state_free(screen, q, margins)


def test_a_model_without_pairs_is_free() -> None:
    screen = pack(_model(SIX_AXES, [], [], 0.0))
    assert state_free(screen, np.zeros(6), np.empty(0))
    assert edge_free(screen, np.zeros(6), np.ones(6), np.empty(0), 1e-3)


def test_the_same_question_has_the_same_answer_whatever_was_asked_before(arm: CollisionModel) -> None:
    screen = pack(arm)
    asked = np.random.default_rng(17).uniform(LOWER, UPPER, (10, 6))
    forwards = [_refined(screen, q).tobytes() for q in asked]
    assert [_refined(pack(arm), q).tobytes() for q in asked[::-1]] == forwards[::-1]
