"""A good plan spoilt in one way at a time: each defect is refused by its own code, and the good plan is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from cellctl.errors import CellctlError, FileError, NotCertified
from cellctl.files import task_from_inputs
from cellctl.jobs import certify
from cellctl.jobs import plan as planned
from cellctl.model.cell import Axes
from cellctl.model.plan import ContactAllowance, Plan, ProcessEvent
from cellctl.model.spline import BSpline, clamped_knots
from cellctl.model.task import Weld
from cellctl.model.wps import Range
from cellctl.proof import Verdict, certified, examine, plan_digest
from cellctl.proof.limits import check_limits, extremes
from cellctl.proof.readback import tcp_matrices
from tests.proof.conftest import Proving, with_section, with_segment
from tests.proof.spoiling import (
    APPROACH,
    BOSS,
    CORNER,
    LAST,
    LEFT,
    RETRACT,
    TRANSIT,
    Spoil,
    as_approach,
    bent_approach,
    contacts_too,
    double_knot,
    faster,
    half_welded,
    jolt,
    law,
    mirrored,
    of_section,
    order,
    path,
    point,
    process_of,
    quicker,
    section,
    segment,
    shifted,
    slowly,
    start_at,
    stations_off,
    turned,
    wire_longer,
    with_input,
)

CLAMP = ContactAllowance("r1.torch.nozzle", "clamp_3.arm", 0.001)

ALL = tuple(range(17))
EVENTS = (ProcessEvent(0.0, "arc_start"), ProcessEvent(0.062, "arc_end"))

MUTATIONS: dict[str, tuple[Spoil, tuple[int, ...], str]] = {
    # the torch is not where, or not as, the procedure wants it
    "3 deg of work angle on a stretch": (turned("t", 3.0), (CORNER,), "C314"),
    "3 deg of travel angle on a stretch": (turned("b", 3.0), (CORNER,), "C314"),
    "work angle outside its window": (turned("t", 14.0, 0.01, 0.05), (CORNER,), "C312"),
    "travel angle outside its window": (turned("b", 14.0, 0.01, 0.05), (CORNER,), "C313"),
    "work angle outside its window the other way": (turned("t", -14.0, 0.01, 0.05), (CORNER,), "C312"),
    "half a millimetre across": (shifted("b", 0.5e-3), (CORNER,), "C310"),
    "0.8 mm too high": (shifted("n", 0.8e-3), (CORNER,), "C311"),
    "a wire that is 1 mm longer": (wire_longer(), (CORNER,), "C311"),
    "a control point of a weld moved": (point(LEFT, 70, 1, 0.002), (LEFT,), "C311"),
    "the torch spun quickly": (turned("z", 25.0, 0.025, 0.031), (CORNER,), "C317"),
    "5 % of speed on 10 mm": (faster(0.05, 0.025, 0.035), (CORNER,), "C315"),
    "a weld at 13 mm/s": (law(CORNER, quicker(1.3)), (CORNER,), "C316"),
    "a weld at 7 mm/s": (law(CORNER, quicker(0.7)), (CORNER,), "C316"),
    "a weld that ends halfway": (half_welded, (CORNER,), "C328"),
    "a weld that runs backwards": (path(CORNER, mirrored), (CORNER,), "C328"),
    "a weld that is not where its path says": (stations_off, (CORNER,), "C328"),
    "a weld that starts late": (shifted("t", 2e-3, -0.004, 0.004), (CORNER,), "C328"),
    # limits
    "a transit 10 % quicker": (law(TRANSIT, quicker(1.1)), (TRANSIT,), "C306"),
    "a transit twice as quick": (law(TRANSIT, quicker(2.0)), (TRANSIT,), "C306"),
    "a transit three times as quick": (law(TRANSIT, quicker(3.0)), (TRANSIT,), "C305"),
    "a transit six times as quick": (law(LAST, quicker(6.0)), (LAST,), "C304"),
    "a jolt between two samples": (jolt(), (TRANSIT,), "C305"),
    "a joint beyond its limit": (slowly(LAST, 1, np.radians(150.0)), (LAST,), "C303"),
    # obstacles
    "a transit through the table": (slowly(LAST, 1, np.radians(35.0)), (LAST,), "C301"),
    "the elbow down in a transit": (slowly(12, 2, np.radians(35.0)), (12,), "C301"),
    "the wrist bent in a transit": (slowly(4, 4, np.radians(-35.0)), (4,), "C301"),
    "the torch turned in a transit": (slowly(8, 5, np.radians(60.0)), (8,), "C301"),
    # allowances
    "the nozzle allowed near a clamp": (contacts_too(BOSS, CLAMP), (BOSS,), "C330"),
    "a link allowed to touch itself": (
        contacts_too(LAST, ContactAllowance("r1.link_1", "r1.link_3", None)),
        (LAST,),
        "C330",
    ),
    "an unknown solid allowed": (contacts_too(BOSS, ContactAllowance("a", "b", None)), (BOSS,), "C330"),
    "an allowance without a number": (contacts_too(BOSS, replace(CLAMP, margin=nan)), (BOSS,), "C330"),
    "a smaller margin for the nozzle": (
        contacts_too(LEFT, ContactAllowance("r1.torch.nozzle", "tray.base", 0.0)),
        (LEFT,),
        "C330",
    ),
    "plates of another seam": (
        contacts_too(LEFT, ContactAllowance("r1.torch.nozzle", "tray.boss", 0.001)),
        (LEFT,),
        "C330",
    ),
    "allowances on a transit": (
        contacts_too(TRANSIT, ContactAllowance("r1.torch.wire", "tray.base", None)),
        (TRANSIT,),
        "C330",
    ),
    "a transit that says it is an approach": (as_approach, (TRANSIT,), "C330"),
    "an approach that is not along the wire": (bent_approach, (APPROACH,), "C330"),
    "an approach from its own retract": (segment(RETRACT, kind="approach"), (RETRACT,), "C330"),
    # joins
    "the start moved": (start_at("r1", 1e-3), (), "C324"),
    "the start moved, seen at the first segment": (start_at("r1", 1e-3), (), "C323"),
    "the first point moved": (point(TRANSIT, 0, 0, 1e-3), (), "C323"),
    "a transit dropped": (order(*ALL[:4], *ALL[5:]), (), "C323"),
    "a law that runs backwards": (law(LEFT, lambda s: BSpline(3, s.knots, s.control[::-1])), (), "C323"),
    "a law that runs back on its way": (
        law(LEFT, lambda s: BSpline(3, s.knots, s.control[[*range(6), 7, 6, *range(8, len(s.control))]])),
        (),
        "C323",
    ),
    "a law that does not start at rest": (
        law(LEFT, lambda s: BSpline(3, s.knots[[0, *range(2, len(s.knots))]], s.control[1:])),
        (),
        "C323",
    ),
    "a law that ends early": (law(LEFT, lambda s: BSpline(3, s.knots, 0.9 * s.control)), (), "C323"),
    "a law that starts late": (law(LEFT, lambda s: BSpline(3, s.knots + 1.0, s.control)), (), "C323"),
    "a straight law": (law(LEFT, lambda s: BSpline(1, [0, 0, 36, 36], [[0.0], [s.control[-1, 0]]])), (), "C323"),
    "a path with a double knot": (path(LEFT, double_knot), (), "C323"),
    "a path of another degree": (
        path(LEFT, lambda s: BSpline(4, clamped_knots(np.linspace(0, 0.356, len(s.control) - 3), 4), s.control)),
        (),
        "C323",
    ),
    "a path that is not clamped": (
        path(LEFT, lambda s: BSpline(3, np.linspace(0.0, 0.356, len(s.knots)), s.control)),
        (),
        "C323",
    ),
    # the task
    "a weld left out": (order(*ALL[:4], *ALL[8:]), (), "C327"),
    "two welds swapped": (order(*ALL[:1], 5, 6, 7, 4, 1, 2, 3, *ALL[8:]), (), "C327"),
    "a weld done twice": (order(*ALL[:4], 1, 2, 3, *ALL[4:]), (), "C327"),
    "the last move left out": (order(*ALL[:16]), (), "C327"),
    "nothing at all": (order(), (), "C327"),
    "another seam": (section(LEFT, seam="tray.right"), (LEFT,), "C327"),
    "a seam that does not exist": (section(LEFT, seam="tray.nowhere"), (LEFT,), "C327"),
    "another procedure": (section(LEFT, wps="mag135_s235_t6"), (LEFT,), "C327"),
    "another commanded speed": (section(LEFT, travel_speed=0.012), (LEFT,), "C327"),
    "a speed without a number": (section(LEFT, travel_speed=nan), (LEFT,), "C327"),
    "another commanded ctwd": (section(LEFT, ctwd=0.017), (LEFT,), "C327"),
    "a wider window": (section(LEFT, work_window=Range(-0.5, 0.0, 0.5)), (LEFT,), "C327"),
    "the arc started late": (section(CORNER, events=(replace(EVENTS[0], at=0.01), EVENTS[1])), (CORNER,), "C327"),
    "the arc started at no place": (section(CORNER, events=(replace(EVENTS[0], at=nan), EVENTS[1])), (CORNER,), "C327"),
    "an arc that is never ended": (section(CORNER, events=EVENTS[:1]), (CORNER,), "C327"),
    "another length": (section(LEFT, length=0.3), (LEFT,), "C322"),
    "a length without a number": (section(LEFT, length=nan), (LEFT,), "C322"),
    "the seam elsewhere": (of_section(LEFT, "points", lambda p: p + 1e-3), (LEFT,), "C322"),
    "normals turned over": (of_section(LEFT, "normals", lambda n: -n), (LEFT,), "C322"),
    "stations out of order": (of_section(LEFT, "stations", lambda s: s[::-1]), (LEFT,), "C322"),
    "other commanded angles": (of_section(LEFT, "work_angles", lambda w: w + np.radians(3.0)), (LEFT,), "C314"),
    "a process on a move": (process_of(LAST, LEFT), (), "C327"),
    "a transit that says it welds": (segment(TRANSIT, kind="process"), (), "C327"),
    "an approach in a move": (segment(LAST, kind="approach"), (), "C327"),
    # the arm
    "another group": (segment(LEFT, group="r2"), (), "C332"),
    "another tool": (segment(LEFT, tool="gripper"), (), "C332"),
    "five joints": (path(LEFT, lambda s: BSpline(3, s.knots, s.control[:, :5])), (), "C332"),
    "no joints": (path(LEFT, lambda s: BSpline(3, s.knots, s.control[:, :0])), (), "C332"),
    "a law of two values": (law(LEFT, lambda s: BSpline(3, s.knots, np.hstack([s.control] * 2))), (), "C332"),
    "a law of two hours": (law(LEFT, quicker(0.005)), (), "C332"),
    "a step that the task does not have": (segment(LAST, step=6), (), "C332"),
    "a step before the first": (segment(TRANSIT, step=-1), (), "C332"),
    "a part carried along": (segment(LAST, attached=("tray",)), (), "C332"),
    "the start of another group": (start_at("r2", 0.0), (), "C332"),
    "a start of five joints": (lambda _, plan: replace(plan, start={"r1": plan.start["r1"][:5]}), (), "C332"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_defect_is_refused(name: str, proving: Proving, tray_corner: Plan) -> None:
    spoil, indices, code = MUTATIONS[name]
    assert code in proving.codes(spoil(proving, tray_corner), *indices)


def test_the_good_plan_is_not_refused(verdict: Verdict, proving: Proving, tray_corner: Plan) -> None:
    assert verdict.findings == ()
    assert proving.codes(tray_corner, *ALL) == set()


def test_poses_led_through_the_inverse_unchanged_are_not_refused(proving: Proving, tray_corner: Plan) -> None:
    """So what is found about a plan with changed poses comes from the change."""
    same = proving.moved(tray_corner, CORNER, lambda s, poses: poses)
    assert proving.codes(same, CORNER) == set()


# Other inputs ---------------------------------------------------------------------------------------------------------


def test_a_thin_plate_in_the_way_is_found(proving: Proving, tray_corner: Plan) -> None:
    """A plate 0.2 mm thick stands where the torch is at its quickest."""
    path = tray_corner.segments[LAST].path
    q = path(0.5 * (path.start + path.end))[0]
    x, y, z = (tcp_matrices(proving.mechanism, 0.0, q[None])[0, :3, 3] * 1e3).tolist()
    needle = f'"fixtures":{{"needle":{{"at":{{"xyz":"{x} {y} {z} mm"}},"box":"0.2 60 60 mm"}},'
    found = examine(with_input(tray_corner, "cell", ('"fixtures":{', needle))).findings
    assert {f.code for f in found} == {"C301"}
    assert all("needle" in f.message for f in found)


def test_a_wall_made_higher_after_planning_is_found(tray_corner: Plan) -> None:
    changes = (("196 -2 50 mm", "196 -2 150 mm"), ("400 4 100 mm", "400 4 300 mm"))
    assert "C301" in {f.code for f in examine(with_input(tray_corner, "part", *changes)).findings}


def test_a_part_moved_after_planning_is_found(tray_corner: Plan) -> None:
    found = {f.code for f in examine(with_input(tray_corner, "cell", ("230 0 24 mm", "230 1 24 mm"))).findings}
    assert {"C310", "C322"} <= found


def test_another_procedure_after_planning_is_found(tray_corner: Plan) -> None:
    slower = with_input(tray_corner, "wps", ("8 .. 10 .. 12 mm/s", "4 .. 5 .. 6 mm/s"))
    assert {"C315", "C316", "C327"} <= {f.code for f in examine(slower).findings}


def test_a_budget_that_is_missed_is_found(tray_corner: Plan) -> None:
    budget = '"budget":{"clearance":"40 mm","cycle_time":"60 s"},'
    found = examine(with_input(tray_corner, "task", ('"cell":', f'{budget}"cell":'))).findings
    assert {f.code for f in found} == {"C326"}
    assert "cycle time" in found[0].message
    assert "40 mm" in found[-1].message


def test_a_spin_outside_its_window_is_found(tray_corner: Plan) -> None:
    section = tray_corner.segments[LEFT].process
    assert section is not None
    middle = np.degrees(section.spins.max()) - 60.0
    plan = with_input(tray_corner, "task", ('"seam":"tray.left"', f'"seam":"tray.left","spin":"{middle:.1f} +-50 deg"'))
    assert {f.code for f in examine(plan).findings} == {"C329"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("tray.left", "tray.nowhere", "F130"),
        ("mig131_al_t3", "nothing", "F130"),
        ('"start":"home"', '"start":"nowhere"', "F130"),
        ('{"to":"home"}', '{"to":"nowhere"}', "F130"),
        ("sim/tray_cell/cell.yaml", "sim/other/cell.yaml", "F183"),
    ],
)
def test_a_task_that_names_what_is_not_there_is_a_file_error(tray_corner: Plan, old: str, new: str, code: str) -> None:
    with pytest.raises(FileError) as caught:
        examine(with_input(tray_corner, "task", (old, new)))
    assert code in {f.code for f in caught.value.findings}


def test_a_plan_without_its_task_is_a_file_error(tray_corner: Plan) -> None:
    inputs = tuple(item for item in tray_corner.inputs if item.kind != "task")
    with pytest.raises(FileError, match="F183"):
        examine(replace(tray_corner, inputs=inputs))


@pytest.mark.parametrize("kind", ["cell", "robot", "tool", "wps", "hull"])
def test_a_plan_without_an_input_is_a_file_error(tray_corner: Plan, kind: str) -> None:
    first = next(item for item in tray_corner.inputs if item.kind == kind)
    with pytest.raises(CellctlError) as caught:
        examine(replace(tray_corner, inputs=tuple(item for item in tray_corner.inputs if item is not first)))
    assert caught.value.exit_code == 2


# The certificate ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proved(tray_corner: Plan) -> Plan:
    return certify(tray_corner).plan


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: replace(plan, seed=plan.seed + 1),
        lambda plan: replace(plan, task_name="another"),
        lambda plan: with_section(plan, LEFT, travel_speed=0.0100001),
        lambda plan: with_input(plan, "wps", ("8 .. 10 .. 12 mm/s", "8 .. 10 .. 20 mm/s")),
        lambda plan: replace(plan, inputs=plan.inputs[1:]),
        lambda plan: replace(plan, certificate=replace(plan.certificate, plan_sha256="0" * 64)),
        lambda plan: with_section(plan, LEFT, travel_speed=nan),
    ],
    ids=["seed", "name", "speed", "input", "input left out", "hash", "no number"],
)
def test_an_edited_plan_is_not_the_one_that_was_proved(proved: Plan, change: Callable[[Plan], Plan]) -> None:
    assert certified(proved).plan is proved
    with pytest.raises(NotCertified) as caught:
        certified(change(proved))
    assert [f.code for f in caught.value.findings] == ["C320"]


def test_a_plan_without_a_certificate_is_not_certified(tray_corner: Plan) -> None:
    with pytest.raises(NotCertified, match="X410"):
        certified(tray_corner)


def test_a_certificate_is_no_part_of_the_digest(proved: Plan, tray_corner: Plan) -> None:
    assert plan_digest(proved) == plan_digest(tray_corner)


def test_a_refuted_plan_gets_no_certificate(tray_corner: Plan) -> None:
    with pytest.raises(NotCertified) as caught:
        certify(with_segment(tray_corner, LAST, tool="gripper"))
    assert {f.code for f in caught.value.findings} == {"C332"}


# No false alarm -------------------------------------------------------------------------------------------------------


def variation(plan: Plan, *, seed: int = 0, **changes: object) -> Plan:
    """The same job with other words for its circle."""
    task = task_from_inputs(plan.inputs)
    steps = tuple(
        replace(step, **changes) if isinstance(step, Weld) and step.seam == "tray.boss" else step for step in task.steps
    )
    return planned(replace(task, steps=steps), seed=seed)


@pytest.mark.parametrize(
    ("seed", "changes"),
    [(7, {}), (0, {"start": np.radians(20.0), "overlap": 0.015, "approach": 0.03, "retract": 0.06})],
    ids=["seed", "words"],
)
def test_a_variation_is_not_refused(tray_corner: Plan, seed: int, changes: dict[str, object]) -> None:
    assert examine(variation(tray_corner, seed=seed, **changes)).findings == ()


def test_a_spin_window_that_binds_is_not_refused(tray_corner: Plan) -> None:
    """The window leaves out the spins that the good plan has on its first seam."""
    section = tray_corner.segments[LEFT].process
    assert section is not None
    middle = section.spins.mean() + np.radians(20.0)
    window = Range(middle - np.radians(15.0), middle, middle + np.radians(15.0))
    task = task_from_inputs(tray_corner.inputs)
    steps = tuple(
        replace(step, spin=window) if isinstance(step, Weld) and step.seam == "tray.left" else step
        for step in task.steps
    )
    assert examine(planned(replace(task, steps=steps))).findings == ()


# Extremes -------------------------------------------------------------------------------------------------------------


def test_extremes_of_a_path_are_those_of_a_dense_sample() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        spline = BSpline(3, clamped_knots(np.cumsum(rng.uniform(0.1, 1.0, 9))), rng.normal(size=(11, 6)))
        dense = spline(np.linspace(spline.start, spline.end, 20001))
        found = spline(extremes(spline))
        assert np.all(found.max(axis=0) >= dense.max(axis=0) - 1e-12)
        assert np.all(found.min(axis=0) <= dense.min(axis=0) + 1e-12)
        assert np.abs(found.max(axis=0) - dense.max(axis=0)).max() < 1e-5


def test_a_peak_beyond_a_limit_between_samples_is_found(proving: Proving, tray_corner: Plan) -> None:
    """A peak that lasts half a millisecond and lies between two samples."""
    robot = proving.mechanism.robot
    old = tray_corner.segments[TRANSIT]
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    knots = clamped_knots(np.array([0.0, 0.5, *np.linspace(0.5002, 0.5008, 5), 1.0]))
    control = np.tile(0.5 * (lower + upper), (10, 1))
    control[5, 4] = 2.0 * upper[4]
    law = BSpline(3, clamped_knots([0.0, 1.0]), [[0.0], [1 / 3], [2 / 3], [1.0]])
    segment = replace(old, path=BSpline(3, knots, control), law=law)
    samples = segment.path(np.arange(0.0, 1.0005, 1e-3))
    assert np.all(samples <= upper)
    assert "C303" in {f.code for f in check_limits(segment, Axes((proving.mechanism,)), "here").findings}
