"""What a lying line and failing servos do to an arm in motion: asserted on pose and torque, not only on the error.

One test for each fault that concerns a link or a servo, and for each accident on record that it stands for, for every
protocol. Simulated time, the same on every run.
"""

from __future__ import annotations

from itertools import pairwise
from math import radians

import numpy as np
import pytest

from cellctl.drivers.driver import ArmState, Setpoint
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted
from cellctl.model.link_faults import Fault


def faulted(bench, seconds: float = 3.0) -> tuple[Faulted, float]:
    """The fault that ends following the path, and when it came."""
    with pytest.raises(Faulted) as caught:
        bench.follow(seconds)
    return caught.value, bench.now


def fault_code(error: CellctlError) -> str:
    return error.findings[0].code


def troubled(states: list[ArmState]) -> tuple[str, int]:
    """The first trouble in a run and its cycle; the executor slows down on the path from there."""
    for index, state in enumerate(states):
        if state.trouble is not None:
            return state.trouble.code, index
    return "", -1


def jumps(bench, states: list[ArmState]) -> float:
    """The largest speed between two fresh states, as a share of what the joints can do."""
    fresh = [state for state in states if state.age == 0.0]
    return max(float(np.abs(b.joints - a.joints).max()) / (b.time - a.time) / bench.fastest for a, b in pairwise(fresh))


def lags(bench, states: list[ArmState]) -> float:
    """How far measured joints were from the path at most, rad."""
    lag, period = bench.wiring.lag, bench.wiring.period
    return max(float(np.abs(s.joints - bench.path(k * period - lag)).max()) for k, s in enumerate(states) if k > 10)


def called(bench, joint: int) -> str:
    """What a sentence calls the servo of a joint."""
    return bench.wiring.called(bench.wiring.axes[joint].id)


@pytest.fixture
def servo(wiring) -> list[int]:
    """Ids of the servos by joint."""
    return [axis.id for axis in wiring.axes]


# The line -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_byte", "flip_bit", "swap_bytes", "noise", "lose"])
def test_one_reply_in_fifty_broken_goes_unnoticed(bench, kind) -> None:
    """huggingface/lerobot#1252, #1389, #4282: one corrupt or absent status packet ended the run."""
    b = bench(Fault(kind, start=0.5, share=0.02))
    states = b.follow(4.0)
    assert troubled(states) == ("", -1)
    assert b.line.injector.counts[kind] > 5
    assert kind == "noise" or b.arm.counters.retries > 0
    assert lags(b, states) < radians(1.0)
    assert jumps(b, states) < 1.0


def test_a_stale_state_says_how_old_it_is(bench) -> None:
    b = bench()
    b.follow(0.5)
    age = b.line.age
    b.line.injector._faults = (Fault("lose", start=age, end=age + 1.5 * b.wiring.period),)
    b.line.injector._left = dict.fromkeys(b.line.injector._faults)
    states = b.follow(1.0, since=0.5)
    stale = [state for state in states if state.age > 0.0]
    assert 1 <= len(stale) <= 4
    assert max(state.age for state in stale) < 0.06
    assert troubled(states) == ("", -1)


def test_a_command_that_is_broken_is_made_good_by_the_next(bench) -> None:
    b = bench(Fault("flip_bit", start=1.0, way="commands", share=0.05))
    states = b.follow(3.0)
    assert troubled(states) == ("", -1)
    assert lags(b, states) < radians(1.5)


def test_three_broken_commands_in_a_row_are_trouble(bench) -> None:
    b = bench(Fault("lose", start=1.0, way="commands"))
    before = b.now
    error, when = faulted(b)
    assert fault_code(error) in ("X461", "X465")
    assert when - before < 1.6
    assert b.stands()


def test_replies_in_single_bytes_are_read(bench) -> None:
    b = bench(Fault("split", start=0.5, by=0.00005, share=0.5))
    states = b.follow(2.0)
    assert troubled(states) == ("", -1)
    assert b.line.injector.counts["split"] > 50


def test_a_slow_trickle_keeps_the_deadline(bench) -> None:
    b = bench(Fault("split", start=0.5, by=0.001))
    states = b.follow(0.55)
    began = b.now
    b.arm.exchange(Setpoint(b.path(0.55)))
    assert b.now - began < b.wiring.period
    assert states[-1].age > 0.0


def test_glued_replies_and_echoes_are_told_apart(bench) -> None:
    b = bench(Fault("glue", start=0.5, share=0.02), Fault("echo", start=0.5, share=0.5))
    states = b.follow(2.0)
    assert troubled(states) == ("", -1)
    assert b.arm.counters.echoes > 10
    assert lags(b, states) < radians(1.0)


def test_a_late_reply_is_never_taken_for_a_new_one(bench, wiring) -> None:
    """The vendors' SDKs take a late reply for the answer to the next request."""
    b = bench(Fault("late", start=0.8, by=wiring.period + 0.0002, share=0.1))
    states = b.follow(3.0)
    fresh = [state for state in states if state.age == 0.0]
    start = states[0].time
    off = [float(np.abs(s.joints - b.path(s.time - start - wiring.lag)).max()) for s in fresh if s.time > start + 0.1]
    assert max(off) < radians(0.8)
    assert b.line.injector.counts["late"] > 10


@pytest.mark.parametrize(("spike", "end"), [(0.05, ""), (0.2, "X461")])
def test_a_latency_spike(bench, spike: float, end: str) -> None:
    """50 ms pass; with 200 ms the arm slows down on its path; nothing is made up for."""
    b = bench(Fault("stall", start=1.0, end=1.0 + spike))
    states = b.follow(2.0)
    assert troubled(states)[0] == end
    assert jumps(b, states) < 1.0


@pytest.mark.parametrize("kind", ["stall", "lose"])
def test_a_second_without_replies_gives_the_arm_up(bench, kind) -> None:
    b = bench(Fault(kind, start=1.0, end=2.0))
    began = b.now
    error, when = faulted(b)
    assert fault_code(error) == "X461"
    assert "no servo" in str(error)
    assert when - began < 1.4
    moved = b.pose()
    b.wait(3.0)
    assert np.abs(b.pose() - moved).max() < 0.1
    assert b.stands()


def test_clearing_an_arm_that_does_not_answer_ends_in_time(bench) -> None:
    """frankarobotics/franka_ros2#212: taking an arm up again after a fault hung."""
    b = bench(Fault("lose", start=1.0))
    faulted(b)
    began = b.now
    with pytest.raises(CellctlError):
        b.arm.clear()
    assert b.now - began < 8.0
    assert b.stands()


# The plug -------------------------------------------------------------------------------------------------------------


def test_unplugged_in_motion(bench) -> None:
    b = bench(Fault("hang_up", start=1.0, end=4.0))
    began = b.now
    error, when = faulted(b)
    assert fault_code(error) == "X460"
    assert "/dev/simulated was lost" in str(error)
    assert f"last pose, deg: {b.wiring.joints[0]} " in str(error)
    assert when - began < 1.0 + 0.25
    with pytest.raises(Faulted):
        b.arm.stop()
    assert b.stands(), "by the servos' own watchdog, or at goals that are never far away"
    with pytest.raises(EnvironmentMissing):
        b.arm.clear()
    b.wait(4.0)
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.path(1.0)))
    before = b.pose()
    b.arm.clear()
    assert len(b.ports) == 2
    assert b.stands()
    assert np.abs(b.pose() - before).max() < 0.002
    b.arm.exchange(Setpoint(b.arm.read().joints))
    assert np.abs(b.pose() - before).max() < 0.01


def test_another_device_on_the_old_name_is_refused(bench) -> None:
    b = bench(Fault("hang_up", start=1.0, end=2.0))
    faulted(b)
    b.wait(2.0)
    for id in b.wiring.leaders:
        b.bus.servo(id).table[:2] = b"\x24\x04"
        b.bus.servo(id).table[3:5] = b"\x24\x04"
    with pytest.raises(EnvironmentMissing) as caught:
        b.arm.clear()
    assert {finding.code for finding in caught.value.findings} == {"E554"}
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.path(1.0)))


# Servos ---------------------------------------------------------------------------------------------------------------


def test_a_silent_servo_is_named_within_three_cycles(bench, servo) -> None:
    b = bench(Fault("silent", start=1.0, servo=servo[2]))
    states = b.follow(1.2)
    code, index = troubled(states)
    assert code == "X461"
    assert called(b, 2) in str(states[index].trouble)
    fault_at = next(k for k, state in enumerate(states) if state.age > 0.0)
    assert index - fault_at <= 3
    assert b.bus.servo(servo[0]).torque


def test_a_stuck_servo_shows_in_what_is_measured(bench, servo) -> None:
    """The following error is the executor's to judge; the driver must not hide it."""
    b = bench(Fault("stuck", start=0.5, servo=servo[1]))
    states = b.follow(1.6)
    assert abs(states[-1].joints[1] - b.path(1.6)[1]) > radians(5.0)
    b.arm.stop()
    assert b.stands()


@pytest.mark.parametrize("kind", ["overload", "overheating"])
def test_a_servo_that_gives_up_ends_the_motion(bench, servo, kind: str) -> None:
    """Interbotix/interbotix_ros_manipulators#13, #10, TheRobotStudio/SO-ARM100#66: a servo overloaded silently."""
    b = bench(Fault(kind, start=1.0, end=4.0, servo=servo[1]))
    began = b.now
    error, when = faulted(b)
    assert fault_code(error) == "X462"
    assert f"{called(b, 1)} reports: {kind}" in str(error)
    assert when - began < 1.1
    b.arm.stop()
    b.wait(1.0)
    assert b.stands()
    assert not b.bus.servo(servo[1]).torque
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.arm.read().joints))
    assert not b.bus.servo(servo[1]).torque, "no torque without clear"
    b.wait(4.0)
    b.arm.clear()
    assert not b.bus.servo(servo[1]).torque, "clearing switches nothing on"
    b.arm.exchange(Setpoint(b.arm.read().joints))
    assert b.bus.servo(servo[1]).torque


def test_a_servo_that_starts_anew_is_noticed(bench, servo, wiring) -> None:
    b = bench(Fault("reboot", start=1.0, end=1.01, servo=servo[3]))
    states: list[ArmState] = []
    while not troubled(states)[0]:
        states += b.follow(wiring.period, since=len(states) * wiring.period)
    assert troubled(states)[0] == "X461"
    assert called(b, 3) in str(states[-1].trouble)
    assert b.now < 1.0 + 0.2
    with pytest.raises(Faulted) as caught:
        b.follow(1.0, since=len(states) * wiring.period)
    assert fault_code(caught.value) in ("X461", "X463")
    b.arm.stop()
    assert not b.bus.servo(servo[3]).torque
    assert b.stands()


def test_a_brown_out_needs_the_operator(bench) -> None:
    """TheRobotStudio/SO-ARM100#132: all servos are gone and come back elsewhere."""
    b = bench(Fault("brown_out", start=1.0, end=3.0))
    error, _ = faulted(b)
    assert fault_code(error) == "X461"
    b.wait(5.0)
    fallen = b.pose()
    assert np.abs(fallen - b.path(1.0)).max() > 0.1
    assert not any(b.torques())
    b.arm.clear()
    assert not any(b.torques())
    state = b.arm.exchange(Setpoint(b.arm.read().joints))
    assert all(b.torques())
    assert np.abs(state.joints - fallen).max() < 0.01


def test_a_turn_counted_too_many_is_refused(bench, servo) -> None:
    """huggingface/lerobot#441, wuphilipp/gello_software#19, ROBOTIS-GIT/DynamixelSDK#156, #515,
    ROBOTIS-GIT/emanual#1759: turns are not counted without power, and a joint span when it came back.
    """
    b = bench(Fault("wrap", servo=servo[0]))
    before = b.pose()
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.0)))
    assert fault_code(caught.value) == "X467"
    assert "turns may be counted wrong" in str(caught.value)
    assert not any(b.torques())
    assert np.abs(b.pose() - before).max() < 1e-6


def test_a_turn_counted_too_many_in_motion_is_no_jump(bench, servo) -> None:
    b = bench(Fault("wrap", start=1.0, servo=servo[0]))
    error, _ = faulted(b)
    assert fault_code(error) == "X466"
    b.arm.stop()
    assert b.stands()
