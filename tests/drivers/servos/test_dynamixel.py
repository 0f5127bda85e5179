"""What only DYNAMIXEL servos have: a watchdog, two servos on one joint, all of them read in one packet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.errors import Faulted
from cellctl.files import load_wiring
from cellctl.model.wires import dynamixel_registers as reg


def test_the_watchdog_is_armed_for_motion_alone(dynamixel) -> None:
    b = dynamixel()
    b.follow(0.1)
    assert {b.bus.servo(id).get(reg.BUS_WATCHDOG) for id in b.wiring.leaders} == {5}
    b.arm.stop()
    assert {b.bus.servo(id).get(reg.BUS_WATCHDOG) for id in b.wiring.leaders} == {0}
    b.follow(0.1)
    b.wait(1.0)
    assert b.bus.servo(11).get(reg.BUS_WATCHDOG) == reg.EXPIRED


def test_two_servos_on_one_joint(dynamixel) -> None:
    arm = load_wiring("open_manipulator_x")
    axes = (arm.axes[0], replace(arm.axes[1], shadows=(22,)), *arm.axes[2:])
    b = dynamixel(wiring=replace(arm, axes=axes))
    b.follow(1.0)
    assert abs(b.bus.servo(22).position - b.bus.servo(12).position) < 2.0
    assert b.bus.servo(22).torque
    b.arm.stop()
    b.arm.power("off")
    b.wait(1.0)
    b.bus.servo(22).position += 100.0
    with pytest.raises(Faulted, match="100 steps from servo 12") as caught:
        b.arm.power("on")
    assert caught.value.findings[0].code == "X468"


def test_all_servos_in_one_packet(dynamixel) -> None:
    """A fast sync read saves wire time; the arm is followed all the same."""
    fast = dynamixel(wiring=replace(load_wiring("open_manipulator_x"), fast_read=True))
    plain = dynamixel()
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


def test_servos_that_do_not_know_the_fast_read_are_asked_one_by_one(dynamixel) -> None:
    """ROBOTIS-GIT/dynamixel_hardware_interface#79: the fast read failed and the motion went in steps."""
    b = dynamixel(wiring=replace(load_wiring("open_manipulator_x"), fast_read=True))
    del b.bus._answers[0x8A]
    states = b.follow(0.5)
    assert b.arm.counters.fallbacks == 1
    assert all(state.age == 0.0 for state in states[5:])
    assert all(state.trouble is None for state in states)


def test_seven_leading_servos_at_a_hundred_hertz(dynamixel) -> None:
    """A ViperX 300s (seven goals, nine servos, two of which follow) keeps its rate at 1 Mbps with room to spare."""
    b = dynamixel(wiring=load_wiring("interbotix_vx300s"))
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
