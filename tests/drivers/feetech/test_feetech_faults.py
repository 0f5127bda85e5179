"""What the Feetech driver does when the line or a servo fails: asserted on pose and torque, in simulated time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.errors import EnvironmentMissing, Faulted
from cellctl.files import load_robot
from cellctl.model.link_faults import Fault
from cellctl.model.wires import feetech_registers as reg

FAST = load_robot("so101").axis_limits[0].velocity


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def largest_jump(b, states) -> float:
    """The largest step between reported states that is more than the joints can do in the time, rad."""
    steps = [np.abs(b.joints - a.joints).max() - FAST * max(b.time - a.time, 0.02) for a, b in pairwise(states)]
    return max(steps)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop_byte", share=0.01),
        Fault("flip_bit", share=0.03),
        Fault("flip_bit", share=0.03, way="commands"),
        Fault("lose", share=0.01),
        Fault("split", by=9e-6),
        Fault("noise", share=0.1),
        Fault("echo"),
        Fault("glue", share=0.02),
        Fault("late", by=0.012, share=0.01),
        Fault("swap_bytes", share=0.1),
    ],
    ids=lambda fault: f"{fault.kind} {fault.way}",
)
def test_a_bad_line_is_borne(bench, fault: Fault) -> None:
    """huggingface/lerobot#1252, #1389, #4282: one corrupt or absent answer killed the run."""
    b = bench(fault)
    states = b.follow(3.0)
    assert np.abs(b.pose() - b.path(3.0 - 0.03)).max() < np.radians(2.0)
    assert largest_jump(b, states) < 0.02
    assert max(state.age for state in states) < 0.1
    assert all(state.trouble is None for state in states)


def test_an_adapter_that_echoes_is_noticed(bench) -> None:
    b = bench(Fault("echo"))
    b.follow(0.2)
    assert b.arm.counters.echoes > 10


def test_swapped_bytes_with_a_right_sum_are_not_believed(bench) -> None:
    """The vendor's SDK returns 264 for 2049: the sum stays the same."""
    b = bench(Fault("swap_bytes", share=0.3))
    states = b.follow(3.0)
    assert b.arm.counters.strange > 10
    assert largest_jump(b, states) < 0.02


def test_a_stale_answer_is_not_returned(bench) -> None:
    """The vendor's SDK returns what was left in the input buffer."""
    b = bench()
    before = b.arm.read().joints
    b.line.send(bytes.fromhex("FF FF 01 04 02 38 02 BE"), b.now)
    b.wait(0.01)
    b.bus.servo(1).position += 300.0
    assert b.arm.read().joints[0] == pytest.approx(before[0] + 300 * reg.STEP, abs=2 * reg.STEP)


def test_a_silent_servo_is_named_and_the_arm_may_slow_down(bench) -> None:
    b = bench(Fault("silent", start=1.0, servo=3))
    states = b.follow(1.2)
    troubled = [s for s in states if s.trouble is not None]
    assert troubled[0].trouble.code == "X461"
    assert "elbow_flex (servo 3)" in troubled[0].trouble.message
    assert b.torques() == [True] * 6


def test_an_arm_that_is_silent_for_long_is_given_up(bench) -> None:
    b = bench(Fault("lose", start=1.0))
    with pytest.raises(Faulted) as caught:
        b.follow(2.0)
    assert code(caught) == ["X461"]
    assert b.now < 1.35
    assert b.stands()


@pytest.mark.parametrize(("kind", "word"), [("overload", "overload"), ("overheating", "overheating")])
def test_a_servo_that_gives_up_ends_the_motion_with_its_cause(bench, kind: str, word: str) -> None:
    """TheRobotStudio/SO-ARM100#66: overload goes unnoticed."""
    b = bench(Fault(kind, start=1.0, end=1.1, servo=2))
    with pytest.raises(Faulted, match=rf"shoulder_lift \(servo 2\) reports: {word}") as caught:
        b.follow(2.0)
    assert code(caught) == ["X462"]
    assert b.now < 1.1
    b.arm.stop()
    assert b.torques() == [True, False, True, True, True, True]
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.arm.read().joints))
    assert b.torques()[1] is False
    b.arm.clear()
    assert b.torques()[1] is False
    assert b.stands()
    b.arm.exchange(Setpoint(b.arm.read().joints))
    assert b.torques() == [True] * 6


def test_a_servo_that_starts_anew_is_noticed_in_time(bench) -> None:
    b = bench(Fault("reboot", start=1.0, end=1.01, servo=2))
    with pytest.raises(Faulted, match=r"shoulder_lift \(servo 2\) has lost its torque") as caught:
        b.follow(2.0)
    assert code(caught) == ["X463"]
    assert b.now < 1.35
    assert min(state.time for state in b.states if state.trouble is not None) < 1.15


def test_a_cable_that_is_pulled_out_is_told_with_the_last_pose(bench) -> None:
    b = bench(Fault("hang_up", start=1.0, end=3.0))
    with pytest.raises(Faulted, match=r"/dev/simulated was lost: .*last pose, deg: shoulder_pan ") as caught:
        b.follow(2.0)
    assert code(caught) == ["X460"]
    assert b.now < 1.05
    stood = b.pose()
    with pytest.raises(EnvironmentMissing):
        b.arm.clear()
    b.wait(3.0)
    b.arm.clear()
    assert b.stands()
    assert np.abs(b.pose() - stood).max() < 0.3 * 2 * b.wiring.period
    b.arm.exchange(Setpoint(b.arm.read().joints))


def test_a_stuck_joint_is_measured_where_it_is(bench) -> None:
    """The executor sees the following error; the driver must not hide it."""
    b = bench(Fault("stuck", start=0.5, servo=1))
    states = b.follow(1.5)
    assert abs(states[-1].joints[0] - b.pose()[0]) < 2 * reg.STEP
    assert abs(states[-1].joints[0] - b.path(1.47)[0]) > np.radians(5.0)


def test_a_turn_counted_too_many_is_no_reason_to_turn_back(bench) -> None:
    """wuphilipp/gello_software#19: the count of turns is lost at power-off, and the joint sweeps by a whole turn."""
    b = bench(Fault("wrap", servo=2))
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.0)))
    assert code(caught) == ["X467"]
    assert b.torques() == [False] * 6


def test_a_brown_out_ends_the_motion_and_asks_for_a_clear(bench) -> None:
    b = bench(Fault("brown_out", start=1.0, end=1.3))
    with pytest.raises(Faulted) as caught:
        b.follow(3.0)
    assert code(caught) == ["X461"]
    b.wait(1.0)
    assert b.torques() == [False] * 6
    b.arm.clear()
    assert b.torques() == [False] * 6
    assert b.stands()


def test_whatever_goes_wrong_the_arm_stands_in_the_end(bench, run_random) -> None:
    """Nothing moves after a stop, no joint is reported to jump, no call hangs, nothing but findings is raised."""
    ended = [run_random(bench, seed) for seed in range(12)]
    assert {"done", "X461"} <= set(ended) <= {"done", "X460", "X461", "X462", "X463", "X465", "X466", "X470"}
