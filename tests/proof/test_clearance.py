"""Certified gaps against dense exact sampling, against closed forms, and in small cells that are made to hurt."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

from cellctl.files import load_robot, task_from_inputs
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell, Fixture, Group, Margins, Mechanism
from cellctl.model.certificate import SegmentRecord
from cellctl.model.part import Body
from cellctl.model.plan import FixedSegment, Plan
from cellctl.model.pose import Pose
from cellctl.model.robot import Inertia, Joint, JointLimits, Link, Robot, Tool
from cellctl.model.shapes import Box, Cylinder, Shape, Solid, Sphere
from cellctl.model.spline import BSpline, clamped_knots, interpolated
from cellctl.planning.free.rounding import rounded
from cellctl.proof import Verdict
from cellctl.proof.clearance import FAR, LOOKS, Checker, ClearanceResult, check_clearance
from cellctl.scene.bodies import collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.engine import Contact, EngineName
from cellctl.scene.screen import pack
from tests.proof.conftest import ROUNDING, Proving, smallest_gap

NOTHING = Inertia(0.0, (0.0, 0.0, 0.0), (0.0,) * 6)
LAW = BSpline(3, clamped_knots([0.0, 1.0]), [[0.0], [0.0], [1.0], [1.0]])
ENGINE = 2e-5
"""What the engine takes off a distance (m), with room for its own rounding."""
PRISM = 1e-4
"""By how much (m) the engine's prism may stand out of a cylinder of the torch, so that it reads less than is true."""

# The first job -------------------------------------------------------------------------------------------------------


def least_slack(verdict: Verdict) -> list[SegmentRecord]:
    """The six segments with the least room over a margin."""
    return sorted(verdict.records, key=lambda r: min(g.observed - g.margin for g in r.gaps))[:6]


def test_dense_sampling_of_the_first_job_finds_no_smaller_gap(
    verdict: Verdict, proving: Proving, tray_corner: Plan
) -> None:
    """Some 3000 configurations, most of them evenly spread, the others around where the smallest gap was met."""
    model, engine = proving.checker.model, proving.checker.engine
    assert isinstance(engine, ExactScene)
    for record in least_slack(verdict):
        segment = tray_corner.segments[record.index]
        margins = model.margins_with(segment.contacts)
        span = segment.path.end - segment.path.start
        near = [gap.at + span * np.linspace(-0.01, 0.01, 80) for gap in record.gaps]
        u = np.clip(np.concatenate([np.linspace(segment.path.start, segment.path.end, 400), *near]), 0, None)
        proved = {gap.margin: gap.proved for gap in record.gaps}
        within = np.array([proved.get(margin, -1.0) for margin in margins.tolist()])
        for q in segment.path(u):
            nearer = [c for c in engine.all_within(q, within) if c.distance < within[c.pair] - ENGINE]
            assert nearer == []


def test_every_margin_of_the_first_job_is_reported(verdict: Verdict) -> None:
    for record in verdict.records:
        kind = {gap.margin for gap in record.gaps}
        assert 0.010 in kind
        assert (0.001 in kind) == (record.kind in ("approach", "process", "retract"))
        for gap in record.gaps:
            assert gap.margin <= gap.proved <= gap.observed


# A closed form: a ball on an arm of one joint goes past a ball --------------------------------------------------------


def one_joint(shape: Shape, at: ArrayLike) -> Robot:
    """An arm that turns about z and carries `shape` at `at`."""
    limits = JointLimits(-3.0, 3.0, 3.0, 10.0, 100.0, 10.0)
    joints = (
        Joint("turn", "revolute", "base", "beam", Pose.identity(), (0.0, 0.0, 1.0), limits),
        Joint("end", "fixed", "beam", "flange", Pose.identity()),
    )
    links = (
        Link("base", NOTHING),
        Link("beam", NOTHING, (Solid("beam", shape, Pose.of(at)),)),
        Link("flange", NOTHING),
    )
    return Robot("one", "one", joints, links, "base", "flange", 1.0)


def cell_of(robot: Robot, fixtures: dict[str, Solid], margin: float, tool: Tool | None = None) -> Cell:
    return Cell(
        "small",
        (Mechanism("a", robot, Pose.identity(), tool, {}),),
        (Group("a", ("a",)),),
        tuple(Fixture(name, Body(name, (s,)), "world", Pose.identity()) for name, s in fixtures.items()),
        (),
        margins=Margins(clearance=margin),
    )


def transit(path: BSpline) -> FixedSegment:
    law = BSpline(3, LAW.knots, path.start + LAW.control * (path.end - path.start))
    return FixedSegment(0, "transit", "a", "", path, law)


def judged(cell: Cell, path: BSpline) -> ClearanceResult:
    model = collision_model(cell, "a")
    with ExactScene(model) as engine:
        return check_clearance(Checker(model, pack(model), engine), transit(path), "here")


SWING = BSpline(3, clamped_knots([0.0, 1.0]), [[-1.0], [-0.2], [0.3], [1.2]])


@pytest.mark.parametrize("radius", [0.001, 0.02, 0.2])
@pytest.mark.parametrize("angle", [-0.91, 0.123, 1.0])
@pytest.mark.parametrize("gap", [0.002, 0.05])
def test_a_ball_past_a_ball_is_known_exactly(radius: float, angle: float, gap: float) -> None:
    """Moving at 1 m from the axis past a ball on the same bearing: the smallest gap is the radial one."""
    away = 1.0 + 2.0 * radius + gap
    post = Solid("post", Sphere(radius), Pose.of((away * np.cos(angle), away * np.sin(angle), 0.0)))
    robot = one_joint(Sphere(radius), (1.0, 0.0, 0.0))
    for margin, proved in ((gap - 1e-4, True), (gap + 1e-4, False)):
        result = judged(cell_of(robot, {"post": post}, margin), SWING)
        assert (not result.findings) == proved
        assert {f.code for f in result.findings} <= {"C301"}
        for found in result.gaps:
            assert found.proved <= gap <= found.observed + ENGINE
            assert found.proved >= min(0.94 * gap, margin)


def test_a_gap_that_stays_at_its_margin_is_not_proved() -> None:
    """A ball on the axis: the distance is the margin all along, which can neither be proved nor refuted."""
    post = Solid("post", Sphere(0.1), Pose.identity())
    result = judged(cell_of(one_joint(Sphere(0.1), (0.21, 0.0, 0.0)), {"post": post}, 0.01), SWING)
    assert {f.code for f in result.findings} <= {"C301", "C302"}
    assert result.findings
    assert result.gaps == ()


def test_a_gap_that_stays_a_little_over_its_margin_is_proved() -> None:
    post = Solid("post", Sphere(0.1), Pose.identity())
    result = judged(cell_of(one_joint(Sphere(0.1), (0.2101, 0.0, 0.0)), {"post": post}, 0.01), SWING)
    assert result.findings == ()
    (gap,) = result.gaps
    assert 0.01 <= gap.proved <= 0.0101


def test_nothing_near_is_nothing_reported() -> None:
    post = Solid("post", Sphere(0.1), Pose.of((5.0, 0.0, 0.0)))
    cell = cell_of(one_joint(Sphere(0.1), (1.0, 0.0, 0.0)), {"post": post}, 0.01)
    assert judged(cell, SWING) == ClearanceResult((), ())


@pytest.mark.parametrize(
    ("margin", "gap", "held"), [(0.3, 0.27, False), (0.26, 0.27, True), (0.6, 0.55, False), (0.5, 0.55, True)]
)
def test_a_margin_beyond_what_is_looked_into_is_held(margin: float, gap: float, held: bool) -> None:
    post = Solid("post", Sphere(0.1), Pose.of((1.2 + gap, 0.0, 0.0)))
    result = judged(cell_of(one_joint(Sphere(0.1), (1.0, 0.0, 0.0)), {"post": post}, margin), SWING)
    assert {f.code for f in result.findings} == (set() if held else {"C301"})
    assert all(margin <= found.proved <= found.observed <= gap + ENGINE for found in result.gaps)


# Two ways to measure that contradict each other -----------------------------------------------------------------------


@dataclass
class Lying:
    """An exact engine that is off by `error` metres."""

    engine: ExactScene
    error: float

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)

    def distance(self, pair: int, q: np.ndarray, within: float) -> Contact | None:
        contact = self.engine.distance(pair, q, within)
        return None if contact is None else contact._replace(distance=contact.distance + self.error)


@pytest.mark.parametrize(("error", "disagree"), [(-1e-3, True), (-1e-4, False), (0.0, False), (20e-3, True)])
def test_engines_that_disagree_are_named(error: float, disagree: bool) -> None:
    """The post is 4 mm away where 10 mm are asked for: too much is as wrong as too little."""
    gap = 0.004 if error > 0.0 else 0.05
    post = Solid("post", Sphere(0.1), Pose.of((1.2 + gap, 0.0, 0.0)))
    model = collision_model(cell_of(one_joint(Sphere(0.1), (1.0, 0.0, 0.0)), {"post": post}, 0.01), "a")
    with ExactScene(model) as engine:
        result = check_clearance(Checker(model, pack(model), Lying(engine, error)), transit(SWING), "here")
    assert ("C331" in {f.code for f in result.findings}) == disagree


# Cells made to hurt ---------------------------------------------------------------------------------------------------

REACH = np.array([0.0, -1.2, 1.4, 0.0, 0.9, 0.0])
KINDS = ("plate", "needle", "slot", "wrist", "blend")
MARGIN = 0.004
LOOKED_AT = 0.03
"""Gaps beyond this (m) are not sampled."""
DENSE = 100 * LOOKS
"""Places along a motion that are looked at again, a hundred for each one that a proof looks at."""


@pytest.fixture(scope="module")
def arm() -> Robot:
    return load_robot("kuka_kr16_2")


@pytest.fixture(scope="module")
def torch(proving: Proving) -> Tool:
    tool = proving.mechanism.tool
    assert tool is not None
    return tool


def motion(kind: str, rng: np.random.Generator) -> BSpline:
    """A random way of all joints, a quick flip of the wrist, or straight moves with the corners blended."""
    if kind == "blend":
        blended = rounded(REACH + rng.uniform(-0.35, 0.35, (4, 6)), 0.5 ** rng.integers(0, 4))
        knots = (blended.knots - blended.start) / (blended.end - blended.start)
        return BSpline(blended.degree, knots, blended.control)
    size = np.array([0.05, 0.05, 0.05, 2.5, 0.8, 2.5]) if kind == "wrist" else np.full(6, 0.35)
    points = REACH + rng.uniform(-1.0, 1.0, (5, 6)) * size
    return interpolated(np.linspace(0.0, 1.0, 5), points)


def obstacles(kind: str, rng: np.random.Generator, tip: np.ndarray) -> dict[str, Solid]:
    """Thin things near the `tip` of the torch (4, 4)."""
    at = tip[:3, 3] + rng.uniform(-0.1, 0.1, 3)
    turn = rng.uniform(-np.pi, np.pi, 3).tolist()
    if kind == "plate":
        return {"plate": Solid("plate", Box((0.002, 0.15, 0.2)), Pose.of(at, turn))}
    if kind == "slot":
        across, half = tip[:3, 0], rng.uniform(0.04, 0.08)
        frame = Pose.from_rotation(tip[:3, :3], tip[:3, 3] - 0.1 * tip[:3, 2])
        plate = Box((0.002, 0.12, 0.12))
        return {
            name: Solid(name, plate, Pose.of(sign * half * across) @ frame) for name, sign in (("one", 1), ("two", -1))
        }
    return {
        f"pin_{k}": Solid(f"pin_{k}", Cylinder(0.0005, 0.1), Pose.of(at + rng.uniform(-0.15, 0.15, 3), turn))
        for k in range(4)
    }


@dataclass(frozen=True)
class Trial:
    """One random cell: what the proof said, and the smallest gap that dense sampling met."""

    result: ClearanceResult
    dense: float


def drawn(kind: str, seed: int, arm: Robot, torch: Tool) -> tuple[Cell, BSpline]:
    """A cell with thin things where the torch comes by, and the motion of its arm."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    path = motion(kind, rng)
    tip = flange_matrices(chain_of(arm), path(rng.uniform(0.2, 0.8)))[0] @ torch.torch.contact_tip.matrix  # type: ignore[union-attr]
    return cell_of(arm, obstacles(kind, rng, tip), MARGIN, torch), path


def trial(kind: str, seed: int, arm: Robot, torch: Tool) -> Trial:
    cell, path = drawn(kind, seed, arm, torch)
    model = collision_model(cell, "a")
    with ExactScene(model) as engine:
        result = check_clearance(Checker(model, pack(model), engine), transit(path), kind)
        dense = LOOKED_AT
        for q in path(np.linspace(0.0, 1.0, 500)):
            dense = min([dense, *(contact.distance for contact in engine.all_within(q, dense))])
    return Trial(result, dense)


@pytest.fixture(scope="module")
def trials(arm: Robot, torch: Tool) -> dict[str, list[Trial]]:
    return {kind: [trial(kind, seed, arm, torch) for seed in range(4)] for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_dense_sampling_never_finds_less_than_what_is_proved(kind: str, trials: dict[str, list[Trial]]) -> None:
    for one in trials[kind]:
        for gap in one.result.gaps:
            assert min(gap.proved, LOOKED_AT) <= one.dense + ENGINE + PRISM
            assert gap.observed >= gap.proved


@pytest.mark.parametrize("kind", KINDS)
def test_a_violation_that_dense_sampling_finds_is_always_found(kind: str, trials: dict[str, list[Trial]]) -> None:
    for one in trials[kind]:
        refused = {f.code for f in one.result.findings}
        assert refused <= {"C301", "C302"}
        if one.dense < MARGIN - ENGINE - PRISM:
            assert "C301" in refused
        if not refused:
            assert one.dense >= MARGIN - ENGINE - PRISM


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["bullet", "coal"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_times_denser_finds_no_less(kind: str, engine: EngineName, arm: Robot, torch: Tool) -> None:
    """Other cells than above, of which the proved ones are looked at again by one engine or the other."""
    proved = 0
    for seed in range(100, 112):
        cell, path = drawn(kind, seed, arm, torch)
        result = judged(cell, path)
        assert {f.code for f in result.findings} <= {"C301", "C302"}
        if result.findings:
            continue
        proved += 1
        least = min((gap.proved for gap in result.gaps), default=FAR)
        within = min(least, LOOKED_AT)
        found = smallest_gap(collision_model(cell, "a"), engine, path(np.linspace(0.0, 1.0, DENSE)), within)
        assert found >= within - ROUNDING - ENGINE
    assert proved


def test_the_cells_made_to_hurt_do_hurt(trials: dict[str, list[Trial]]) -> None:
    """Of each kind there are motions that are refused, and in all there are proved ones that come near."""
    everything = [one for group in trials.values() for one in group]
    assert sum(bool(one.result.findings) for one in everything) >= 4
    assert sum(not one.result.findings for one in everything) >= 4
    assert min(one.dense for one in everything if not one.result.findings) < 0.02


# Segments that ask more than is there ---------------------------------------------------------------------------------


def test_what_is_asked_for_is_refused_when_it_is_a_hair_too_much(proving: Proving, tray_corner: Plan) -> None:
    """Around the smallest gap of a free move: 0.1 mm more is refused, 0.1 mm less is proved.

    A proof stops to look closer where its margin holds, so the smallest gap is come to by asking for what was met.
    """
    task = task_from_inputs(tray_corner.inputs)
    segment = replace(next(s for s in tray_corner.segments if s.kind == "transit"), contacts=())

    def refused(margin: float) -> list[float]:
        """The distances that a proof with this margin names."""
        cell = replace(task.cell, margins=replace(task.cell.margins, clearance=margin))
        model = collision_model(cell, "r1")
        with ExactScene(model) as engine:
            found = check_clearance(Checker(model, pack(model), engine), segment, "here").findings
        return [float(finding.data["distance"]) for finding in found if finding.code == "C301"]

    smallest = 0.2
    while named := refused(smallest - 1e-4):
        assert min(named) < smallest
        smallest = min(named)
    assert refused(smallest + 1e-4)
    assert smallest > task.cell.margins.clearance
