"""The Feetech driver against emulated servos on a good line, in simulated time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.errors import EnvironmentMissing, Faulted
from cellctl.files import load_wiring
from cellctl.model.wires import feetech_registers as reg


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def test_opening_and_reading_moves_nothing_and_switches_nothing_on(bench) -> None:
    """open-edge-platform/physical-ai-studio#955: an identification that wiggles overloads a gripper."""
    b = bench()
    state = b.arm.read()
    assert np.abs(state.joints - b.pose()).max() <= reg.STEP
    assert state.age == 0.0
    assert b.torques() == [False] * 6
    assert {b.bus.servo(id).velocity for id in b.ids} == {0.0}


def test_the_arm_holds_where_it_stands_before_it_moves(bench) -> None:
    b = bench()
    before = b.arm.read().joints
    state = b.arm.exchange(Setpoint(before))
    assert b.torques() == [True] * 6
    assert np.abs(state.joints - before).max() <= 2 * reg.STEP


def test_it_follows_its_setpoints_by_its_known_lag(bench) -> None:
    b = bench()
    states = b.follow(3.0)
    lag = b.arm.identify().lag
    times = np.arange(len(states)) * b.wiring.period
    errors = [np.abs(s.joints - b.path(t - lag)).max() for s, t in zip(states, times, strict=True)]
    assert max(errors[10:]) < np.radians(0.5)
    assert all(s.age == 0.0 and s.trouble is None for s in states)
    assert max(abs(s.velocities).max() for s in states) == pytest.approx(0.3, abs=0.06)


def test_a_cycle_takes_the_time_that_its_bytes_take(bench) -> None:
    b = bench()
    b.follow(0.1)
    began = b.now
    b.arm.exchange(Setpoint(b.path(0.1)))
    assert b.now - began == pytest.approx(0.00225, abs=0.0003)


def test_stop_slows_down_holds_and_needs_no_more_packets(bench) -> None:
    b = bench()
    b.follow(0.8)
    before = b.pose()
    b.arm.stop()
    assert np.abs(b.pose() - before).max() < 0.05
    assert b.stands(2.0)
    assert b.torques() == [True] * 6


def test_an_arm_that_holds_keeps_its_goals_when_it_is_taken_up_again(bench) -> None:
    """huggingface/lerobot#4609: a goal set to the measured position lets a loaded arm sink."""
    b = bench()
    b.follow(0.5)
    b.arm.stop()
    servo = b.bus.servo(2)
    held = servo.get(reg.GOAL_POSITION)
    servo.position -= 6.0
    servo.stuck = True
    b.arm.exchange(Setpoint(b.arm.read().joints))
    assert abs(servo.get(reg.GOAL_POSITION) - held) <= 7
    assert b.torques() == [True] * 6


def test_no_first_setpoint_comes_from_a_memory(bench) -> None:
    """UniversalRobots/Universal_Robots_ROS2_Driver#520: the arm moved to all zeros when control started."""
    b = bench()
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(np.zeros(5)))
    assert code(caught) == ["X408"]
    assert b.stands()
    assert np.abs(b.pose() - b.path(0.0)).max() < 0.01


def test_a_fault_stays_until_it_is_cleared(bench) -> None:
    b = bench()
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(np.full(5, np.nan)))
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.path(0.0)))
    b.arm.clear()
    b.arm.exchange(Setpoint(b.path(0.0)))


def test_a_gripper_is_an_output_and_stays_closed_at_a_stop(bench) -> None:
    b = bench()
    b.follow(0.6, outputs=1 << 2)
    assert b.bus.servo(6).get(reg.GOAL_POSITION) == 2050
    b.arm.stop()
    assert b.bus.servo(6).get(reg.GOAL_POSITION) == 2050
    assert b.bus.servo(6).position == pytest.approx(2050, abs=20)


@pytest.mark.parametrize(
    ("register", "value", "what"),
    [
        (reg.MODEL, 1284, "model number"),
        (reg.FIRMWARE_MAJOR, 2, "firmware"),
        (reg.MODE, 1, "mode"),
        (reg.PHASE, 0x1C, "multi-turn bit of phase"),
        (reg.MAX_POSITION, 2100, "range of positions"),
    ],
)
def test_an_arm_that_is_not_the_one_described_is_refused(bench, register, value: int, what: str) -> None:
    """huggingface/lerobot#1010: servos of mixed firmware in one arm."""
    b = bench()
    b.bus.servo(3).put(register, value)
    with pytest.raises(EnvironmentMissing) as caught:
        b.open()
    assert code(caught) == ["E554"]
    assert f"elbow_flex (servo 3): {what}" in str(caught.value)
    assert b.torques() == [False] * 6


def test_a_missing_servo_is_named(bench) -> None:
    b = bench()
    b.bus.servo(3).silent = True
    with pytest.raises(EnvironmentMissing, match=r"^elbow_flex \(servo 3\) did not answer at /dev/simulated") as caught:
        b.open()
    assert code(caught) == ["E553"]


def test_an_arm_outside_its_limits_is_not_switched_on(bench) -> None:
    """huggingface/lerobot#441, #2519: a calibration that has turned over by half a turn."""
    b = bench()
    b.bus.servo(2).position = 3900.0
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.0)))
    assert code(caught) == ["X467"]
    assert b.torques() == [False] * 6


def test_a_moving_arm_is_not_switched_on(bench) -> None:
    b = bench()
    b.follow(0.3)
    b.arm.stop()
    b.arm.power("off")
    with pytest.raises(Faulted, match="it moves") as caught:
        b.arm.exchange(Setpoint(b.path(0.0)))
    assert code(caught) == ["X468"]


def test_a_bus_that_is_too_slow_is_refused_with_its_ceiling(bench) -> None:
    slow = replace(load_wiring("so101"), baud=115_200)
    with pytest.raises(EnvironmentMissing, match=r"allow \d+ cycles a second at most") as caught:
        bench(wiring=slow)
    assert code(caught) == ["E552"]


def test_a_host_that_was_paused_does_not_go_on(bench) -> None:
    """Without a watchdog the servos stop no later than one period ahead, and hold."""
    b = bench()
    b.follow(0.8)
    commanded = b.path(0.8)
    b.wait(2.0)
    stood = b.pose()
    assert np.abs(stood - commanded).max() < 0.3 * 2 * b.wiring.period
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.82)))
    assert code(caught) == ["X470"]
    assert np.abs(b.pose() - stood).max() < 1e-3
    b.arm.clear()
    assert b.stands()
    b.arm.exchange(Setpoint(b.arm.read().joints))


def test_closing_leaves_an_arm_that_would_fall_under_torque(bench) -> None:
    """huggingface/lerobot#4609, almond-bot/axol#247: the arm drops when the program ends."""
    b = bench()
    b.follow(0.3)
    with b.arm:
        pass
    assert b.torques() == [True] * 6
    assert b.stands()


def test_an_exception_lets_an_arm_go_that_cannot_fall(bench) -> None:
    """huggingface/lerobot#2621: torque stayed on after an exception and a motor burned."""
    b = bench(wiring=replace(load_wiring("so101"), on_power_removal="holds"))
    b.follow(0.3)
    with pytest.raises(RuntimeError), b.arm:
        raise RuntimeError
    assert b.torques() == [False] * 6


def test_torque_is_switched_off_or_on_and_nothing_else(bench) -> None:
    """Writing 128 makes a servo call its pose the middle of its turn."""
    bus = bench().arm._bus
    with pytest.raises(ValueError, match="torque is off"):
        bus.write_all(reg.TORQUE_ENABLE, {1: reg.REZERO})


def test_the_eeprom_is_written_by_one_way_alone(bench) -> None:
    """iotdesignshop/Feetech-tuna#2: EEPROM writes bricked eight servos."""
    b = bench()
    bus, servo = b.arm._bus, b.bus.servo(1)
    with pytest.raises(ValueError, match="EEPROM"):
        bus.write_all(reg.RETURN_DELAY, {1: 10})
    assert bus.write_permanently(1, reg.RETURN_DELAY, 10)
    assert (servo.get(reg.RETURN_DELAY), servo.get(reg.LOCK)) == (10, 1)
    servo.reboot()
    b.wait(0.5)
    assert servo.get(reg.RETURN_DELAY) == 10
    b.follow(0.1)
    assert not bus.write_permanently(1, reg.RETURN_DELAY, 20)
    assert servo.get(reg.RETURN_DELAY) == 10
