"""Distances from coal against quadratic programming, closed forms and the other engine; its traps; whom one opens."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from cellctl.errors import EnvironmentMissing
from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, corners, frustum
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid, collision_model
from cellctl.scene.bullet.client import bullet
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.coal.exact import CoalScene
from cellctl.scene.coal.library import coal
from cellctl.scene.coal.solids import coal_solid
from cellctl.scene.engine import PAD, open_engine
from tests.scene.test_exact import STILL, all_pairs, points_of, radius_of, random_pose, random_shape, true_distance

Placed = tuple[Shape, Pose]


def model_of(placed: list[Placed], pairs: list[tuple[int, int]]) -> CollisionModel:
    solids = tuple(PlacedSolid(f"s{i}", shape, WORLD, pose) for i, (shape, pose) in enumerate(placed))
    table = np.array(pairs, dtype=np.intp)
    return CollisionModel("g", "m", STILL, Pose.identity(), solids, table, np.zeros(len(pairs)))


def distance_of(first: Placed, second: Placed, within: float = 9.0) -> float:
    with CoalScene(model_of([first, second], [(0, 1)])) as scene:
        contact = scene.query(0, within)
    assert contact is not None
    return contact.distance


def test_distances_are_the_true_ones_and_never_more() -> None:
    rng = np.random.default_rng(1)
    placed = [(random_shape(rng, i % 4), random_pose(rng, 1.2)) for i in range(36)]
    pairs = all_pairs(len(placed))
    checked = 0
    with CoalScene(model_of(placed, pairs)) as scene:
        for k, (i, j) in enumerate(pairs):
            contact = scene.query(k, 9.0)
            assert contact is not None
            if contact.distance < 1e-4:
                continue
            between = np.subtract(contact.point_first_world, contact.point_second_world)
            assert np.linalg.norm(between) - contact.distance == pytest.approx(PAD, abs=1e-7)
            assert (contact.first, contact.second) == (f"s{i}", f"s{j}")
            checked += 1
            if any(isinstance(placed[n][0], Cylinder) for n in (i, j)):
                # the oracle takes the prism round a cylinder
                assert contact.distance + PAD >= true_distance(placed[i], placed[j]) - 1e-6
            else:
                assert contact.distance + PAD == pytest.approx(true_distance(placed[i], placed[j]), abs=1e-6)
    assert checked > 400


def side_by_side(rng: np.random.Generator, gap: float) -> tuple[Placed, Placed]:
    """Two shapes whose distance is known: face to face, mantle to face or mantle to mantle, turned together."""
    kind = rng.integers(4)
    (r, length), size = 10.0 ** rng.uniform(-3.0, -0.4, 2), 10.0 ** rng.uniform(-2.5, -0.2, 3)
    other = 10.0 ** rng.uniform(-2.5, -0.2, 3)
    first: Shape = Cylinder(r, length)
    second: Shape = Box(tuple(size))
    along = rng.uniform(-0.4, 0.4)
    if kind == 0:
        first, apart = Box(tuple(other)), (along * size[0], along * size[1], (other[2] + size[2]) / 2.0 + gap)
    elif kind == 1:
        apart = (along * size[0], along * size[1], (length + size[2]) / 2.0 + gap)
    elif kind == 2:
        apart = (r + size[0] / 2.0 + gap, along * size[1], along * (length + size[2]))
    else:
        angle = rng.uniform(0.0, 6.28)
        reach = r + size[0] + gap
        second = Cylinder(size[0], size[1])
        apart = (reach * np.cos(angle), reach * np.sin(angle), along * (length + size[1]))
    turn = Rotation.random(random_state=rng).as_matrix()
    centre = rng.uniform(-2.0, 2.0, 3)
    return (first, Pose.from_rotation(turn, centre)), (second, Pose.from_rotation(turn, centre + turn @ apart))


@pytest.mark.parametrize(
    ("gap", "slack"),
    [(1e-2, 1e-8), (1e-4, 1e-7), (1e-5, 1e-6), (1e-7, 5e-6), (0.0, 1e-4), (-1e-6, 5e-6), (-1e-4, 1e-6)],
)
def test_known_gaps_down_to_contact_and_below(gap: float, slack: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(150):
        answer = distance_of(*side_by_side(rng, gap)) + PAD
        assert gap - slack <= answer <= gap + 1e-13


def true_overlap(first: Placed, second: Placed) -> float:
    """How far two shapes that overlap are inside each other (below 0), from the faces of their Minkowski difference;
    a cylinder counts as the prism round it.
    """
    a, b = (pose.apply(points_of(shape)) for shape, pose in (first, second))
    if len(a) * len(b) == 1:
        return -float(np.linalg.norm(a - b)) - radius_of(first[0]) - radius_of(second[0])
    faces = ConvexHull((a[:, None] - b[None]).reshape(-1, 3)).equations
    return float(faces[:, 3].max()) - radius_of(first[0]) - radius_of(second[0])


def test_no_overlap_is_missed_and_its_depth_is_right() -> None:
    rng = np.random.default_rng(2)
    placed = []
    for i in range(40):
        shape, turn = random_shape(rng, i % 4), random_pose(rng, 0.0)
        weights = rng.dirichlet(np.full(len(points_of(shape)), rng.choice((0.3, 1.0, 5.0))))
        inner = turn.apply(weights @ points_of(shape))
        placed.append((shape, Pose.from_rotation(turn.rotation, -inner)))
    pairs = all_pairs(len(placed))
    with CoalScene(model_of(placed, pairs)) as scene:
        for k, (i, j) in enumerate(pairs):
            contact = scene.query(k, 0.0)
            assert contact is not None
            assert contact.distance < 0.0
            if k % 8 == 0:
                depth = contact.distance + PAD - true_overlap(placed[i], placed[j])
                assert -1e-6 < depth < (2e-4 if any(isinstance(placed[n][0], Cylinder) for n in (i, j)) else 1e-12)


def test_a_ball_deep_in_a_disc_is_as_deep_as_its_nearer_face() -> None:
    rng = np.random.default_rng(12)
    for _ in range(60):
        disc, ball = Cylinder(rng.uniform(0.1, 0.4), rng.uniform(0.004, 0.05)), Sphere(rng.uniform(0.001, 0.02))
        height, turn = rng.uniform(-0.4, 0.4) * disc.length, random_pose(rng, 1.0)
        place = turn @ Pose.of((*rng.uniform(-0.02, 0.02, 2), height))
        truth = abs(height) - disc.length / 2.0 - ball.radius
        assert distance_of((disc, turn), (ball, place)) + PAD == pytest.approx(truth, abs=1e-6)


def test_both_engines_agree_on_random_pairs() -> None:
    rng = np.random.default_rng(11)
    placed = [(random_shape(rng, i % 4), random_pose(rng, 0.4)) for i in range(90)]
    pairs = all_pairs(len(placed))
    model = model_of(placed, pairs)
    with CoalScene(model) as scene, ExactScene(model) as other:
        apart = [(scene.query(k, 9.0), other.query(k, 9.0)) for k in range(len(pairs))]
    misses = np.array([ours.distance - theirs.distance for ours, theirs in apart if ours and theirs])
    assert len(misses) == len(pairs)
    # The other engine's bodies contain ours: prisms round cylinders, hulls less what they miss.
    assert misses.min() > -1e-6
    assert misses.max() < 0.5e-3


def test_a_shape_in_its_own_place_overlaps_itself() -> None:
    rng = np.random.default_rng(3)
    for kind in range(4):
        here = random_shape(rng, kind), random_pose(rng, 1.0)
        assert distance_of(here, here) < 0.0


def test_none_means_further_apart() -> None:
    gap = 0.0123
    placed = [(Box((0.1, 0.1, 0.1)), Pose.identity()), (Box((0.1, 0.1, 0.1)), Pose.of((0.1 + gap, 0.0, 0.0)))]
    with CoalScene(model_of(placed, [(0, 1)])) as scene:
        assert scene.query(0, gap - 2 * PAD) is None
        assert scene.query(0, -np.inf) is None
        contact = scene.query(0, gap - PAD / 2)
    assert contact is not None
    assert contact.distance == pytest.approx(gap - PAD, abs=1e-9)


def test_an_answer_does_not_depend_on_what_was_asked_before() -> None:
    placed = [(Box((0.2, 0.3, 0.1)), Pose.identity())]
    placed += [(Cylinder(0.05, 0.2), Pose.of((x, 0.0, 0.0))) for x in (0.65, 0.3)]
    with CoalScene(model_of(placed, [(0, 1), (0, 2)])) as scene:
        before = scene.query(0, 9.0)
        assert scene.query(1, 9.0) is not None
        assert scene.query(0, 9.0) == before


def test_points_lie_on_the_solids_they_are_said_to() -> None:
    placed = [(Sphere(0.1), Pose.of((1.0, 0.0, 0.0))), (Box((0.2, 0.2, 0.2)), Pose.identity())]
    with CoalScene(model_of(placed, [(0, 1), (1, 0)])) as scene:
        one, two = scene.query(0, 2.0), scene.query(1, 2.0)
    assert one is not None
    assert two is not None
    assert one.point_first_world == pytest.approx((0.9, 0.0, 0.0))
    assert one.point_second_world == pytest.approx((0.1, 0.0, 0.0))
    assert two.point_first_world == pytest.approx((0.1, 0.0, 0.0))
    assert two.point_second_world == pytest.approx((0.9, 0.0, 0.0))


def test_a_wrong_direction_can_only_make_a_distance_smaller() -> None:
    rng = np.random.default_rng(5)
    first, second = (random_shape(rng, 3), random_pose(rng, 0.0)), (random_shape(rng, 2), Pose.of((0.9, 0.1, 0.2)))
    truth = distance_of(first, second) + PAD
    with CoalScene(model_of([first, second], [(0, 1)])) as scene:
        directions = rng.normal(size=(200, 3))
        answers = [scene._apart(0, 1, d / np.linalg.norm(d)) for d in directions]
    assert truth > 0.1
    assert max(answers) <= truth
    assert min(answers) < 0.0


def test_supports_are_those_of_the_corners() -> None:
    rng = np.random.default_rng(6)
    ring = frustum(0.2, 0.2, 0.6, 4000).vertices - (0.0, 0.0, 0.3)
    for shape, points in (
        (Box((0.1, 0.2, 0.3)), corners((0.1, 0.2, 0.3))),
        (Cylinder(0.2, 0.6), ring),
        (Hull(ring[::100]), ring[::100]),
        (Sphere(0.2), 0.2 * Rotation.random(20000, random_state=7).as_matrix()[:, 0]),
    ):
        for direction in rng.normal(size=(20, 3)):
            along = direction / np.linalg.norm(direction)
            assert coal_solid(shape).support.reach(along) == pytest.approx((points @ along).max(), abs=1e-4)


def test_a_flat_face_of_many_corners_is_taken() -> None:
    drum = Hull(frustum(0.3, 0.3, 0.4, 900).vertices)
    assert distance_of((drum, Pose.identity()), (Sphere(0.1), Pose.of((0.05, 0.02, 0.6)))) == pytest.approx(0.1 - PAD)


def test_moved_solids_are_where_the_chain_puts_them(sample) -> None:
    model = collision_model(sample.sample_cell(), "r1")
    rng = np.random.default_rng(4)
    worst = 0.0
    with CoalScene(model) as scene, ExactScene(model) as other:
        for _ in range(40):
            frames = sample.frames_of(model.chain, np.array(sample.HOME) + rng.uniform(-0.6, 0.6, 6))
            scene.move_to_frames(frames)
            other.move_to_frames(frames)
            ours, theirs = scene.query_all(0.3), {contact.pair: contact for contact in other.query_all(0.301)}
            assert ours
            worst = max(worst, *(abs(contact.distance - theirs[contact.pair].distance) for contact in ours))
    assert worst < 0.5e-3


def test_closing_twice_does_nothing(sample) -> None:
    scene = CoalScene(collision_model(sample.sample_cell(), "r1"))
    scene.close()
    scene.close()


def test_the_asked_engine_is_opened() -> None:
    model = model_of([(Sphere(0.1), Pose.identity()), (Sphere(0.1), Pose.of((1.0, 0.0, 0.0)))], [(0, 1)])
    for name in ("bullet", "coal"):
        with open_engine(name, model) as engine:
            assert engine.name == name
            assert engine.version
    with open_engine(None, model) as engine:
        assert engine.name == "bullet"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """Hide packages from the interpreter."""

    def hide(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)
        bullet.cache_clear()
        coal.cache_clear()

    yield hide
    monkeypatch.undo()
    bullet.cache_clear()
    coal.cache_clear()


def test_coal_takes_the_place_of_a_missing_pybullet(without) -> None:
    without("pybullet")
    model = model_of([(Sphere(0.1), Pose.identity()), (Sphere(0.1), Pose.of((1.0, 0.0, 0.0)))], [(0, 1)])
    with open_engine(None, model) as engine:
        assert engine.name == "coal"
    with pytest.raises(EnvironmentMissing, match="PyBullet is not installed"):
        bullet()


def test_a_missing_engine_is_a_finding(without) -> None:
    without("coal", "pybullet")
    model = model_of([(Sphere(0.1), Pose.identity()), (Sphere(0.1), Pose.of((1.0, 0.0, 0.0)))], [(0, 1)])
    for name, code in (("coal", "E505"), (None, "E506")):
        with pytest.raises(EnvironmentMissing, match=r"pip install 'cellctl\[coal\]'") as caught:
            open_engine(name, model)
        assert [finding.code for finding in caught.value.findings] == [code]
