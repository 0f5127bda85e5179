"""The driver of servo arms against emulated servos on a good line, in simulated time, whatever the servos speak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.errors import EnvironmentMissing, Faulted
from cellctl.model.wires import dynamixel_registers, feetech_registers
from cellctl.model.wiring import STEP


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def goal(b, id: int) -> int:
    return b.bus.servo(id).get(b.arm._servos.goal)


def test_opening_and_reading_moves_nothing_and_switches_nothing_on(bench) -> None:
    """open-edge-platform/physical-ai-studio#955: an arm wiggled to be identified, and overloaded its gripper."""
    b = bench()
    state = b.arm.read()
    assert np.abs(state.joints - b.pose()).max() <= STEP
    assert state.age == 0.0
    assert not any(b.torques())
    assert {b.bus.servo(id).velocity for id in b.wiring.models} == {0.0}


def test_the_arm_holds_where_it_stands_before_it_moves(bench) -> None:
    b = bench()
    before = b.arm.read().joints
    state = b.arm.exchange(Setpoint(before))
    assert all(b.torques())
    assert np.abs(state.joints - before).max() <= 2 * STEP


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
    """ros-controls/ros2_controllers#514: holding failed after an abort."""
    b = bench()
    b.follow(0.8)
    before = b.pose()
    b.arm.stop()
    assert np.abs(b.pose() - before).max() < 0.05
    assert b.stands(2.0)
    assert all(b.torques())


def test_an_arm_that_holds_keeps_its_goals_when_it_is_taken_up_again(bench) -> None:
    """huggingface/lerobot#4609: a goal set to the measured position lets a loaded arm sink."""
    b = bench()
    b.follow(0.5)
    b.arm.stop()
    servo = b.bus.servo(b.wiring.axes[1].id)
    held = goal(b, servo.id)
    servo.position -= 6.0
    servo.stuck = True
    b.arm.exchange(Setpoint(b.arm.read().joints))
    assert abs(goal(b, servo.id) - held) <= 7
    assert all(b.torques())


def test_no_first_setpoint_comes_from_a_memory(bench) -> None:
    """UniversalRobots/Universal_Robots_ROS2_Driver#520: the arm moved to all zeros when control started."""
    b = bench()
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(np.zeros(len(b.wiring.axes))))
    assert code(caught) == ["X408"]
    assert b.stands()
    assert np.abs(b.pose() - b.path(0.0)).max() < 0.01


def test_a_fault_stays_until_it_is_cleared(bench) -> None:
    """ros-controls/ros2_control#674, #2318: a controller went on without its hardware, and joints jumped afterwards."""
    b = bench()
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(np.full(len(b.wiring.axes), np.nan)))
    with pytest.raises(Faulted):
        b.arm.exchange(Setpoint(b.path(0.0)))
    b.arm.clear()
    b.arm.exchange(Setpoint(b.path(0.0)))


def test_a_gripper_is_an_output_and_stays_closed_at_a_stop(bench) -> None:
    b = bench()
    (gripper,) = b.wiring.outputs
    b.follow(0.6, outputs=1 << gripper.line)
    assert goal(b, gripper.id) == gripper.on
    b.arm.stop()
    assert goal(b, gripper.id) == gripper.on
    assert b.bus.servo(gripper.id).position == pytest.approx(gripper.on, abs=20)


DIFFERENT = [
    ("dynamixel", dynamixel_registers.MODEL, 1060, "model number"),
    ("dynamixel", dynamixel_registers.FIRMWARE, 20, "firmware"),
    ("dynamixel", dynamixel_registers.OPERATING_MODE, 4, "operating mode"),
    ("dynamixel", dynamixel_registers.DRIVE_MODE, 1, "direction bit"),
    ("dynamixel", dynamixel_registers.MAX_POSITION, 2100, "range of positions"),
    ("dynamixel", dynamixel_registers.VELOCITY_LIMIT, 30, "velocity limit"),
    ("feetech", feetech_registers.MODEL, 1284, "model number"),
    ("feetech", feetech_registers.FIRMWARE_MAJOR, 2, "firmware"),
    ("feetech", feetech_registers.MODE, 1, "mode"),
    ("feetech", feetech_registers.PHASE, 0x1C, "multi-turn bit of phase"),
    ("feetech", feetech_registers.MAX_POSITION, 2100, "range of positions"),
]


@pytest.mark.parametrize(("protocol", "register", "value", "what"), DIFFERENT, ids=lambda value: str(value)[:20])
def test_an_arm_that_is_not_the_one_described_is_refused(bench, register, value: int, what: str) -> None:
    """huggingface/lerobot#1010: servos of mixed firmware or for another voltage."""
    b = bench()
    axis = b.wiring.axes[2]
    b.bus.servo(axis.id).put(register, value)
    with pytest.raises(EnvironmentMissing) as caught:
        b.open()
    assert code(caught) == ["E554"]
    assert f"{axis.joint} (servo {axis.id}): {what}" in str(caught.value)
    assert not any(b.torques())


def test_all_differences_are_told_at_once(bench) -> None:
    b = bench()
    registers = {"dynamixel": dynamixel_registers, "feetech": feetech_registers}[b.wiring.protocol]
    for axis in (b.wiring.axes[0], b.wiring.axes[3]):
        b.bus.servo(axis.id).put(registers.MODEL, 1)
    with pytest.raises(EnvironmentMissing) as caught:
        b.open()
    assert code(caught) == ["E554", "E554"]


def test_a_missing_servo_is_named(bench) -> None:
    b = bench()
    axis = b.wiring.axes[2]
    b.bus.servo(axis.id).silent = True
    words = rf"^{axis.joint} \(servo {axis.id}\) did not answer at /dev/simulated"
    with pytest.raises(EnvironmentMissing, match=words) as caught:
        b.open()
    assert code(caught) == ["E553"]


def test_an_arm_outside_its_limits_is_not_switched_on(bench) -> None:
    """huggingface/lerobot#441, #2519: a calibration that has turned over by half a turn."""
    b = bench()
    b.bus.servo(b.wiring.axes[1].id).position = 3900.0
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.0)))
    assert code(caught) == ["X467"]
    assert not any(b.torques())


def test_a_moving_arm_is_not_switched_on(bench) -> None:
    b = bench()
    b.follow(0.3)
    b.arm.stop()
    b.arm.power("off")
    with pytest.raises(Faulted, match="it moves") as caught:
        b.arm.power("on")
    assert code(caught) == ["X468"]


def test_a_bus_that_is_too_slow_is_refused_with_its_ceiling(bench, wiring) -> None:
    with pytest.raises(EnvironmentMissing, match=r"allow \d+ cycles a second at most") as caught:
        bench(wiring=replace(wiring, baud=57_600))
    assert code(caught) == ["E552"]


def test_a_host_that_was_paused_does_not_go_on(bench) -> None:
    """Two seconds without a packet: servos have stopped by themselves, or no later than one period ahead."""
    b = bench()
    b.follow(0.8)
    commanded = b.path(0.8)
    b.wait(2.0)
    stood = b.pose()
    assert np.abs(stood - commanded).max() < 0.3 * (b.wiring.watchdog + 2 * b.wiring.period)
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.81)))
    assert code(caught) == [{"dynamixel": "X464", "feetech": "X470"}[b.wiring.protocol]]
    assert np.abs(b.pose() - stood).max() < 1e-3
    b.arm.clear()
    assert b.stands()
    b.arm.exchange(Setpoint(b.arm.read().joints))


def test_closing_leaves_an_arm_that_would_fall_under_torque(bench) -> None:
    """huggingface/lerobot#4609, almond-bot/axol#247: the arm dropped when its program ended."""
    b = bench()
    b.follow(0.3)
    with b.arm:
        pass
    assert all(b.torques())
    assert b.stands()


def test_an_exception_lets_an_arm_go_that_cannot_fall(bench, wiring) -> None:
    """huggingface/lerobot#2621: torque stayed on when a program failed, and a motor burned."""
    b = bench(wiring=replace(wiring, on_power_removal="holds"))
    b.follow(0.3)
    with pytest.raises(RuntimeError), b.arm:
        raise RuntimeError
    assert not any(b.torques())


def test_power_goes_at_once_and_comes_back_where_the_arm_stands(bench) -> None:
    b = bench()
    b.follow(0.8)
    b.arm.power("off")
    assert not any(b.torques())
    with pytest.raises(Faulted, match="without power"):
        b.arm.exchange(Setpoint(b.arm.read().joints))
    assert not any(b.torques())
    b.wait(1.0)
    fallen = b.pose()
    b.arm.clear()
    b.arm.power("on")
    assert all(b.torques())
    assert b.stands(1.0)
    assert np.abs(b.pose() - fallen).max() < 0.005


def test_an_arm_with_power_waits_for_its_setpoints_and_is_watched_from_the_first(bench) -> None:
    """The journal of a run may take its time to reach the disk after the arm was switched on."""
    b = bench()
    b.arm.power("on")
    b.wait(3.0)
    assert all(b.torques())
    b.follow(0.3)
    b.wait(1.0)
    stood = b.pose()
    with pytest.raises(Faulted) as caught:
        b.arm.exchange(Setpoint(b.path(0.3)))
    assert code(caught) == [{"dynamixel": "X464", "feetech": "X470"}[b.wiring.protocol]]
    assert np.abs(b.pose() - stood).max() < 1e-3
    if b.wiring.protocol == "dynamixel":
        watchdog = dynamixel_registers.BUS_WATCHDOG
        assert {b.bus.servo(id).get(watchdog) for id in b.wiring.leaders} == {dynamixel_registers.EXPIRED}


def test_a_late_answer_to_another_request_is_not_taken_for_one(bench) -> None:
    """The vendors' SDKs return what was left in the input buffer."""
    b = bench()
    before = b.arm.read().joints
    first = b.wiring.axes[0]
    b.line.send(b.arm._servos.bus.codec.read((first.id,), b.arm._servos.goal.address, 4), b.now)
    b.wait(0.01)
    b.bus.servo(first.id).position += 300.0
    assert b.arm.read().joints[0] == pytest.approx(before[0] + 300 * STEP, abs=2 * STEP)
