"""The DYNAMIXEL driver against emulated servos on a good line, in simulated time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.errors import EnvironmentMissing, Faulted
from cellctl.files import load_wiring
from cellctl.model.wires import dynamixel_registers as reg


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def test_opening_and_reading_moves_nothing_and_switches_nothing_on(bench) -> None:
    """open-edge-platform/physical-ai-studio#955: an arm wiggled to be identified, and overloaded its gripper."""
    b = bench()
    state = b.arm.read()
    assert np.abs(state.joints - b.pose()).max() <= reg.STEP
    assert state.age == 0.0
    assert b.torques() == [False] * 5


def test_the_arm_holds_where_it_stands_before_it_moves(bench) -> None:
    b = bench()
    before = b.arm.read().joints
    state = b.arm.exchange(Setpoint(before))
    assert b.torques() == [True] * 5
    assert np.abs(state.joints - before).max() <= 2 * reg.STEP
    assert b.bus.servo(11).get(reg.BUS_WATCHDOG) == 5


def test_it_follows_its_setpoints_by_its_known_lag(bench) -> None:
    b = bench()
    states = b.follow(3.0)
    lag = b.arm.identify().lag
    times = np.arange(len(states)) * b.wiring.period
    errors = [np.abs(s.joints - b.path(t - lag)).max() for s, t in zip(states, times, strict=True)]
    assert max(errors[10:]) < np.radians(0.5)
    assert all(s.age == 0.0 and s.trouble is None for s in states)
    assert max(abs(s.velocities).max() for s in states) == pytest.approx(0.3, abs=0.06)


def test_stop_slows_down_holds_and_needs_no_more_packets(bench) -> None:
    b = bench()
    b.follow(0.8)
    before = b.pose()
    b.arm.stop()
    assert np.abs(b.pose() - before).max() < 0.05
    assert b.stands(2.0)
    assert b.torques() == [True] * 5
    assert {b.bus.servo(id).get(reg.BUS_WATCHDOG) for id in b.wiring.leaders} == {0}


def test_an_arm_that_holds_keeps_its_goals_when_it_is_taken_up_again(bench) -> None:
    """huggingface/lerobot#4609: a goal set to the measured position lets a loaded arm sink."""
    b = bench()
    b.follow(0.5)
    b.arm.stop()
    servo = b.bus.servo(12)
    held = servo.get(reg.GOAL_POSITION)
    servo.position -= 6.0
    servo.stuck = True
    b.arm.exchange(Setpoint(b.arm.read().joints))
    assert abs(servo.get(reg.GOAL_POSITION) - held) <= 7
    assert b.torques() == [True] * 5


def test_no_first_setpoint_comes_from_a_memory(bench) -> None:
    """UniversalRobots/Universal_Robots_ROS2_Driver#520: the arm moved to all zeros when control started."""
    b = bench()
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(np.zeros(4)))
    assert code(caught) == ["X408"]
    assert b.stands()
    assert np.abs(b.pose() - b.path(0.0)).max() < 0.01


def test_a_fault_stays_until_it_is_cleared(bench) -> None:
    b = bench()
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(np.full(4, np.nan)))
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.path(0.0)))
    b.arm.clear()
    b.arm.exchange(Setpoint(b.path(0.0)))


def test_a_gripper_is_an_output_and_stays_closed_at_a_stop(bench) -> None:
    b = bench()
    b.follow(0.3, outputs=1 << 2)
    assert b.bus.servo(15).get(reg.GOAL_POSITION) == 1800
    b.arm.stop()
    assert b.bus.servo(15).get(reg.GOAL_POSITION) == 1800
    assert b.bus.servo(15).position == pytest.approx(1800, abs=20)


@pytest.mark.parametrize(
    ("register", "value", "what"),
    [
        (reg.MODEL, 1060, "model number"),
        (reg.FIRMWARE, 20, "firmware"),
        (reg.OPERATING_MODE, 4, "operating mode"),
        (reg.DRIVE_MODE, 1, "direction bit"),
        (reg.MAX_POSITION, 2100, "range of positions"),
        (reg.VELOCITY_LIMIT, 30, "velocity limit"),
    ],
)
def test_an_arm_that_is_not_the_one_described_is_refused(bench, register, value: int, what: str) -> None:
    """huggingface/lerobot#1010: servos of mixed firmware or for another voltage."""
    b = bench()
    b.bus.servo(13).put(register, value)
    with pytest.raises(EnvironmentMissing) as caught:
        b.__post_init__()
    assert code(caught) == ["E554"]
    assert f"joint3 (servo 13): {what}" in str(caught.value)
    assert b.torques() == [False] * 5


def test_all_differences_are_told_at_once(bench) -> None:
    b = bench()
    b.bus.servo(11).put(reg.MODEL, 1060)
    b.bus.servo(14).put(reg.OPERATING_MODE, 1)
    with pytest.raises(EnvironmentMissing) as caught:
        b.__post_init__()
    assert code(caught) == ["E554", "E554"]


def test_a_dead_bus_and_a_missing_servo_are_told_apart(bench) -> None:
    b = bench()
    b.bus.servo(13).silent = True
    with pytest.raises(EnvironmentMissing, match=r"^joint3 \(servo 13\) did not answer at /dev/simulated") as caught:
        b.__post_init__()
    assert code(caught) == ["E553"]


def test_an_arm_outside_its_limits_is_not_switched_on(bench) -> None:
    b = bench()
    b.bus.servo(12).position = 3300.0
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.0)))
    assert code(caught) == ["X467"]
    assert b.torques() == [False] * 5


def test_a_moving_arm_is_not_switched_on(bench) -> None:
    b = bench()
    b.follow(0.3)
    b.arm.stop()
    b.arm.power("off")
    with pytest.raises(Faulted, match="it moves") as caught:
        b.arm.power("on")
    assert code(caught) == ["X468"]


def test_a_bus_that_is_too_slow_is_refused_with_its_ceiling(bench) -> None:
    slow = replace(load_wiring("open_manipulator_x"), baud=57_600)
    with pytest.raises(EnvironmentMissing, match=r"allow \d+ cycles a second at most") as caught:
        bench(wiring=slow)
    assert code(caught) == ["E552"]


def test_a_host_that_was_paused_does_not_go_on(bench) -> None:
    """Two seconds without a packet: the servos have stopped by themselves and no setpoint follows."""
    b = bench()
    b.follow(0.8)
    b.wait(2.0)
    stood = b.pose()
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.81)))
    assert code(caught) == ["X464"]
    assert b.bus.servo(11).get(reg.BUS_WATCHDOG) == reg.EXPIRED
    assert np.abs(b.pose() - stood).max() < 1e-3
    b.arm.clear()
    assert b.stands()
    b.arm.exchange(Setpoint(b.arm.read().joints))


def test_two_servos_on_one_joint(bench) -> None:
    arm = load_wiring("open_manipulator_x")
    axes = (arm.axes[0], replace(arm.axes[1], shadows=(22,)), *arm.axes[2:])
    b = bench(wiring=replace(arm, axes=axes))
    b.follow(1.0)
    assert abs(b.bus.servo(22).position - b.bus.servo(12).position) < 2.0
    assert b.bus.servo(22).torque
    b.arm.stop()
    b.arm.power("off")
    b.wait(1.0)
    b.bus.servo(22).position += 100.0
    with pytest.raises(Faulted, match="100 steps from servo 12") as caught:
        b.arm.power("on")
    assert code(caught) == ["X468"]


def test_closing_leaves_an_arm_that_would_fall_under_torque(bench) -> None:
    """huggingface/lerobot#4609, almond-bot/axol#247: the arm dropped when its program ended."""
    b = bench()
    b.follow(0.3)
    with b.arm:
        pass
    assert b.torques() == [True] * 5
    assert b.stands()


def test_closing_lets_an_arm_go_that_cannot_fall(bench) -> None:
    """huggingface/lerobot#2621: torque stayed on when a program failed, and a motor burned."""
    b = bench(wiring=replace(load_wiring("open_manipulator_x"), on_power_removal="holds"))
    b.follow(0.3)
    with b.arm:
        pass
    assert b.torques() == [False] * 5


def test_power_goes_at_once_and_comes_back_where_the_arm_stands(bench) -> None:
    b = bench()
    b.follow(0.8)
    b.arm.power("off")
    assert b.torques() == [False] * 5
    with pytest.raises(Faulted, match="without power"):
        b.arm.exchange(Setpoint(b.arm.read().joints))
    assert b.torques() == [False] * 5
    b.wait(1.0)
    fallen = b.pose()
    b.arm.clear()
    b.arm.power("on")
    assert b.torques() == [True] * 5
    assert b.stands(1.0)
    assert np.abs(b.pose() - fallen).max() < 0.005


def test_all_servos_in_one_packet(bench) -> None:
    """A fast sync read saves wire time; the arm is followed all the same."""
    fast = bench(wiring=replace(load_wiring("open_manipulator_x"), fast_read=True))
    plain = bench()
    for b in (fast, plain):
        states = b.follow(0.5)
        assert all(state.age == 0.0 for state in states)
    assert fast.arm.counters.fallbacks == 0
    took = []
    for b in (fast, plain):
        began = b.now
        b.arm.exchange(Setpoint(b.path(0.5)))
        took.append(b.now - began)
    assert took[0] < took[1]


def test_servos_that_do_not_know_the_fast_read_are_asked_one_by_one(bench) -> None:
    """ROBOTIS-GIT/dynamixel_hardware_interface#79: the fast read failed and the motion went in steps."""
    b = bench(wiring=replace(load_wiring("open_manipulator_x"), fast_read=True))
    del b.bus._answers[0x8A]
    states = b.follow(0.5)
    assert b.arm.counters.fallbacks == 1
    assert all(state.age == 0.0 for state in states[5:])
    assert all(state.trouble is None for state in states)


def test_seven_leading_servos_at_a_hundred_hertz(bench) -> None:
    """A ViperX 300s (seven goals, nine servos, two of which follow) keeps its rate at 1 Mbps with room to spare."""
    b = bench(wiring=load_wiring("interbotix_vx300s"))
    took: list[float] = []
    states = []
    for k in range(300):
        began = b.now
        states.append(b.arm.exchange(Setpoint(b.path(0.01 * k))))
        if k:
            took.append(b.now - began)
        b.line.advance(began + b.wiring.period)
    assert all(state.age == 0.0 and state.trouble is None for state in states)
    assert max(took) < 0.5 * b.wiring.period
    assert abs(b.bus.servo(3).position - b.bus.servo(2).position) < 2.0
    assert {b.bus.servo(id).torque for id in (3, 5)} == {True}
