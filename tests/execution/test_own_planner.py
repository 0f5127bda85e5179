"""What clients may ask of an arm whose controller plans by itself: its motion, its reference, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.serial.waypoint_benches import GrblBench, grbl_bench, mycobot_bench
from cellctl.errors import UsageError
from cellctl.execution.job import Job, JointEnvelope
from cellctl.execution.waypoints import followed_plan
from cellctl.files import read_plan, write_plan
from cellctl.kinematics.lookahead import FirmwareLimits, followed
from cellctl.model.certificate import Certificate
from cellctl.model.line_motion import breaks, corners, end_rates, is_line_law, is_line_path, line_law, line_path
from cellctl.model.plan import Block, CertifiedPlan, FixedSegment, Plan
from cellctl.model.spline import BSpline, clamped_knots

START = np.radians([0.0, 0.0, 15.0, 0.0, 75.0, 0.0])


def smooth(length: float, duration: float) -> BSpline:
    """A law from rest to rest."""
    return BSpline(3, clamped_knots([0.0, duration]), np.array([[0.0], [0.0], [length], [length]]))


def straight(start: np.ndarray, end: np.ndarray, duration: float) -> FixedSegment:
    path = BSpline(3, clamped_knots([0.0, 1.0]), np.linspace(start, end, 4))
    return FixedSegment(step=0, kind="transit", group="r1", tool="", path=path, law=smooth(1.0, duration))


def there_and_back() -> Plan:
    there = START + np.radians([30.0, -10.0, 5.0, 20.0, -10.0, 15.0])
    segments = (straight(START, there, 2.0), straight(there, START, 2.0))
    return Plan("there_and_back", (Block(segments),), {"r1": START}, seed=0, inputs=(), versions={})


def job_on(bench: GrblBench) -> Job:
    plan = followed_plan(there_and_back(), bench.arm)
    limits = bench.setup.limits
    values = [np.array([getattr(limit, name) for limit in limits]) for name in ("lower", "upper")]
    rates = [np.array([getattr(limit, name) for limit in limits]) for name in ("velocity", "acceleration")]
    envelope = JointEnvelope(bench.wiring.joints, *values, *rates)
    return Job(CertifiedPlan(plan, Certificate("0" * 64, "none", "0", "0", 1000.0, ())), envelope)


# Lines as splines ----------------------------------------------------------------------------------------------------


def test_a_polyline_motion_is_held_exactly() -> None:
    chance = np.random.default_rng(3)
    points = np.cumsum(chance.normal(size=(40, 6)) * 0.03, axis=0)
    limits = FirmwareLimits(np.full(6, 1.0), np.full(6, 2.0), 2e-4)
    motion = followed(points, chance.uniform(0.02, 0.2, 39), limits)
    places = np.sort(chance.uniform(0.0, 1.0, 40))
    path, law = line_path(places, points), line_law(places, motion)
    t = np.linspace(0.0, motion.duration, 4001)
    assert np.abs(path(law(t)[:, 0]) - motion.joints_at(t)).max() < 1e-12
    inner = t[~np.isclose(t[:, None], motion.times, atol=1e-6).any(axis=1)]
    rates = path(law(inner)[:, 0], 1) * law(inner, 1)
    assert np.abs(rates - motion.velocities_at(inner)).max() < 1e-9
    assert is_line_path(path)
    assert is_line_law(law)
    assert not is_line_path(smooth(1.0, 1.0))
    assert np.array_equal(corners(path), points)
    assert np.array_equal(breaks(law), motion.times)
    begun, ended = end_rates(law)
    assert (begun[0], ended[-1]) == (0.0, 0.0)


def test_a_planner_that_sees_few_lines_ahead_is_slower() -> None:
    """It must be able to stop at the end of the last line that it holds."""
    points = np.linspace(0.0, 1.0, 200)[:, None] * np.ones(3)
    asked = np.full(199, 1e-3)
    durations = [
        followed(points, asked, FirmwareLimits(np.full(3, 2.0), np.full(3, 2.0), 1e-3, blocks=blocks)).duration
        for blocks in (5, 15, 200)
    ]
    assert durations[0] > durations[1] > durations[2]
    fastest = np.sqrt(2.0 * 2.0 * np.sqrt(3.0) * 5 * np.sqrt(3.0) / 199)
    slow = followed(points, asked, FirmwareLimits(np.full(3, 2.0), np.full(3, 2.0), 1e-3, blocks=5))
    assert np.linalg.norm(slow.velocities_at(np.linspace(0.0, slow.duration, 3000)), axis=1).max() <= fastest + 1e-9


# Requests ------------------------------------------------------------------------------------------------------------


def test_a_run_is_not_given_another_speed_or_way(operate) -> None:
    """Another override, a way back and a stride by a distance are other motions than the one that was certified."""
    bench = grbl_bench(at=START)
    asked = [{"do": "override", "value": 0.5}, {"do": "stride", "unit": "distance", "distance": 0.1}]
    held = [{"do": "back", "unit": "segment"}, {"do": "mode", "mode": "t1"}, {"do": "resume"}]
    links = operate(job_on(bench), bench.arm, {2: ["START"], 8: [*asked, {"do": "hold"}], 20: held}, patience=200)
    assert links.refusals() == ["X492", "X492", "X492", "X492"]
    assert links.outcomes[0]["status"] == "done"
    assert "held" in links.states()


def test_a_stride_by_step_or_segment_holds_there(operate) -> None:
    bench = grbl_bench(at=START)
    stride = {"do": "stride", "unit": "segment"}
    links = operate(job_on(bench), bench.arm, {2: [stride, "START"], 60: [{"do": "resume"}]}, patience=200)
    assert [event["data"]["segment"] for event in links.events if event["data"].get("state") == "held"] == [1]
    assert links.outcomes[0]["status"] == "done"


def test_an_emergency_stop_stands_still_at_once_and_loses_the_position(operate) -> None:
    bench = grbl_bench(at=START)
    links = operate(job_on(bench), bench.arm, {2: ["START"], 8: [{"do": "estop"}]}, patience=30)
    assert links.outcomes[0]["status"] == "faulted"
    assert links.outcomes[0]["findings"][0]["code"] == "X413"
    assert bench.stands()
    assert not bench.arm.referenced


def test_the_motion_is_asked_for_by_file(operate, tmp_path: Path) -> None:
    bench = grbl_bench(at=START)
    write_plan(there_and_back(), tmp_path / "asked.zip")
    follow = {"do": "follow", "plan": str(tmp_path / "asked.zip"), "to": str(tmp_path / "made.zip")}
    slow = {"do": "override", "value": 0.5}
    links = operate(job_on(bench), bench.arm, {2: [follow], 4: [slow, follow]}, patience=5)
    assert links.refusals() == []
    times = [a["result"]["cycle_time"] for a in links.client.answers if "cycle_time" in a.get("result", {})][1:]
    assert times[1] > 1.6 * times[0]
    made = read_plan(tmp_path / "made.zip")
    assert {segment.form for segment in made.segments} == {"lines"}
    assert made.certificate is None
    assert made.versions["followed_by"] == "grbl"
    assert bench.stands()


def test_an_arm_finds_its_reference_while_clients_are_heard(operate, tmp_path: Path) -> None:
    bench = grbl_bench(at=START, homed=False)
    write_plan(there_and_back(), tmp_path / "asked.zip")
    follow = {"do": "follow", "plan": str(tmp_path / "asked.zip"), "to": str(tmp_path / "made.zip")}
    home, ask = {"do": "reference", "how": "home"}, {"do": "referenced"}
    links = operate(job_on(bench), bench.arm, {2: [follow, home], 3: [ask, "START"], 30: [ask, follow]}, patience=5)
    assert links.refusals() == ["X477", "X423"]
    said = [a["result"] for a in links.client.answers if "referenced" in a.get("result", {})]
    assert said == [{"homes": True, "referenced": False}, {"homes": False, "referenced": True}]
    assert bench.machine.homed


@pytest.mark.parametrize("way", ["stop", "estop", "release"])
def test_finding_the_reference_can_be_stopped(operate, way: str) -> None:
    """By anybody, and where nobody has the lease any more."""
    bench = grbl_bench(at=START, homed=False)
    script = {2: [{"do": "reference", "how": "home"}, {"do": way}], 6: [{"do": "referenced"}]}
    links = operate(job_on(bench), bench.arm, script, patience=5)
    assert links.refusals() == ["X494"]
    assert not bench.arm.referenced
    assert not bench.machine.homed
    assert bench.machine.state == "Alarm"


def test_a_position_that_somebody_vouches_for_is_taken(operate) -> None:
    bench = grbl_bench(at=START, homed=False)
    links = operate(job_on(grbl_bench(at=START)), bench.arm, {2: [{"do": "reference", "how": "assume"}], 3: ["START"]})
    assert links.refusals() == []
    assert links.outcomes[0]["status"] == "done"


def test_an_arm_of_setpoints_has_no_reference_and_plans_nothing(operate, job, arm, tmp_path: Path) -> None:
    follow = {"do": "follow", "plan": "asked.zip", "to": "made.zip"}
    links = operate(job, arm, {2: [{"do": "reference", "how": "home"}, follow]}, patience=5)
    assert links.refusals() == ["X494", "X494"]


def test_an_arm_with_absolute_encoders_needs_no_reference() -> None:
    bench = mycobot_bench()
    assert bench.arm.referenced
    with pytest.raises(UsageError) as caught:
        bench.arm.homing()
    assert caught.value.findings[0].code == "X488"
    bench.arm.assume_position()
    assert bench.stands()


def test_setpoints_are_refused_in_words() -> None:
    bench = grbl_bench(at=START)
    with pytest.raises(UsageError, match="it takes no setpoints") as caught:
        bench.arm.exchange(None)
    assert caught.value.findings[0].code == "X491"
