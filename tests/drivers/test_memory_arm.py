"""The arm in memory, and the table of drivers."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup, Setpoint, open_driver
from cellctl.drivers.memory import ArcBehaviour, MemoryArm
from cellctl.errors import UsageError

SETUP = ArmSetup("arm", ("A1", "A2"), np.array([0.1, 0.2]), arc_on=2, arc_ok=3)


def test_it_obeys_at_once_and_remembers():
    with open_driver("memory", SETUP) as arm:
        assert isinstance(arm, MemoryArm)
        assert arm.identify().lock_step
        state = arm.exchange(Setpoint(np.array([0.11, 0.19]), outputs=1))
        np.testing.assert_allclose(state.joints, [0.11, 0.19])
        np.testing.assert_allclose(state.velocities, [2.5, -2.5])
        assert state.time == pytest.approx(0.004)
    np.testing.assert_allclose(arm.setpoints, [[0.11, 0.19]])
    assert arm.outputs == [1]
    assert arm.calls == ["stop", "close"]


def inputs_of(arm, outputs):
    return [arm.exchange(Setpoint(SETUP.start, o)).inputs for o in outputs]


def test_its_arc_stands_after_some_cycles_and_goes_with_the_output():
    arm = MemoryArm(SETUP, arc=ArcBehaviour(cycles_to_ignite=3))
    assert inputs_of(arm, [4] * 5 + [0, 4, 4, 4]) == [0, 0, 8, 8, 8, 0, 0, 0, 8]


def test_its_arc_fails_on_demand():
    assert set(inputs_of(MemoryArm(SETUP, arc=ArcBehaviour(ignites=False)), [4] * 50)) == {0}
    lost = MemoryArm(SETUP, arc=ArcBehaviour(cycles_to_ignite=2, lost_after=3))
    assert inputs_of(lost, [4] * 7 + [0, 4, 4]) == [0, 8, 8, 8, 0, 0, 0, 0, 0, 8]


def test_an_unknown_driver_is_named():
    with pytest.raises(
        UsageError,
        match="no driver is called 'kuka' - known drivers: ar4, dynamixel, feetech, grbl, memory, mycobot, sim",
    ):
        open_driver("kuka:/dev/ttyUSB0", SETUP)
