"""A run that ends because this machine was busy says so, and by how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.drivers.memory import MemoryArm
from cellctl.errors import Faulted, Finding
from cellctl.execution.clock import ManualClock
from cellctl.execution.control import Switch
from cellctl.execution.executor import execute
from cellctl.execution.records.record import NoRecord
from cellctl.jobs.measuring import Pass, late_cycles
from tests.execution.conftest import small_setup


class Paced(MemoryArm):
    """An arm that keeps the period, and gives up behind a cycle that took `pause` s."""

    def __init__(self, clock: ManualClock, pause: float) -> None:
        super().__init__(small_setup())
        self.clock, self.pause = clock, pause

    def identify(self):
        return replace(super().identify(), pace="arm")

    def exchange(self, setpoint):
        last = len(self.setpoints) == 200
        self.clock.push(self.pause if last else 0.004)
        if last:
            raise Faulted(Finding("X407", "the arm's controller stopped on its own: no setpoint came in time"))
        return super().exchange(setpoint)


@pytest.mark.parametrize(("pause", "codes"), [(0.041, ["X407", "X489"]), (0.0041, ["X407"])])
def test_a_fault_behind_a_late_cycle_names_the_host(job, pause, codes):
    """Klipper3d/klipper#2312, #3910: "Timer too close", and nothing about the host that was late."""
    clock = ManualClock()
    run = execute(job, Paced(clock, pause), clock=clock, control=Switch(), record=NoRecord())
    while True:
        try:
            next(run)
        except StopIteration as end:
            outcome = end.value
            break
    assert [finding.code for finding in outcome.findings] == codes
    if len(codes) == 2:
        assert outcome.findings[1].message == (
            "the host was late: of the last 100 cycles 1 came more than a period after their time, the worst by 37.0 ms"
        )


def test_late_cycles_under_a_burning_arc_are_named():
    times = np.cumsum([0.004] * 50 + [0.012, 0.032] + [0.004] * 50)
    burnt = Pass(times, times, times[:, None], times, times, times)
    (finding,) = late_cycles([burnt], "step 2, tray.left, measured")
    assert finding.code == "X489"
    assert finding.message.endswith("measured: the host was late, 2 cycles on this seam, the worst by 28 ms")
    assert late_cycles([burnt.where(np.arange(102) < 50)], "") == ()
