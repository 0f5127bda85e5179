"""What only Feetech servos have: a register that re-zeroes them, an EEPROM with a lock, a sum that misses swaps."""

from __future__ import annotations

import pytest

from cellctl.drivers.driver import Setpoint
from cellctl.model.link_faults import Fault
from cellctl.model.wires import feetech_registers as reg


def test_a_cycle_takes_the_time_that_its_bytes_take(feetech) -> None:
    b = feetech()
    b.follow(0.1)
    began = b.now
    b.arm.exchange(Setpoint(b.path(0.1)))
    assert b.now - began == pytest.approx(0.00225, abs=0.0003)


def test_swapped_bytes_with_a_right_sum_are_not_believed(feetech) -> None:
    """The vendor's SDK returns 264 for 2049: the sum stays the same."""
    b = feetech(Fault("swap_bytes", share=0.3))
    states = b.follow(3.0)
    assert b.arm.counters.strange > 10
    assert max(abs(s.joints - b.path(0.0)).max() for s in states) < 0.35


def test_torque_is_switched_off_or_on_and_nothing_else(feetech) -> None:
    """Writing 128 makes a servo call its pose the middle of its turn."""
    bus = feetech().arm._servos.bus
    with pytest.raises(ValueError, match="torque is off"):
        bus.write_all(reg.TORQUE_ENABLE, {1: reg.REZERO})


def test_the_eeprom_is_written_by_one_way_alone(feetech) -> None:
    """iotdesignshop/Feetech-tuna#2: EEPROM writes bricked eight servos."""
    b = feetech()
    servos, servo = b.arm._servos, b.bus.servo(1)
    with pytest.raises(ValueError, match="EEPROM"):
        servos.bus.write_all(reg.RETURN_DELAY, {1: 10})
    assert servos.write_permanently(1, reg.RETURN_DELAY, 10)
    assert (servo.get(reg.RETURN_DELAY), servo.get(reg.LOCK)) == (10, 1)
    servo.reboot()
    b.wait(0.5)
    assert servo.get(reg.RETURN_DELAY) == 10
    b.follow(0.1)
    assert not servos.write_permanently(1, reg.RETURN_DELAY, 20)
    assert servo.get(reg.RETURN_DELAY) == 10


def test_a_stop_is_said_again_where_a_goal_was_damaged_on_its_way(feetech) -> None:
    """Found by random runs: two goal bytes that change places keep the sum, and the last goal is corrected by none."""
    b = feetech()
    b.follow(0.5)
    gripper = b.bus.servo(6)
    tell, damaged = b.arm._servos.tell, []

    def tell_wrongly(goals: dict[int, int]) -> None:
        tell(goals)
        if not damaged and b.arm._enabled is False:
            b.wait(0.002)
            damaged.append(gripper.put(reg.GOAL_POSITION, 100))

    b.arm._servos.tell = tell_wrongly
    b.arm._velocity[:] = 0.0
    state = b.arm.stop()
    assert damaged
    assert state.trouble is None
    assert gripper.get(reg.GOAL_POSITION) == 3000
    assert b.stands()
