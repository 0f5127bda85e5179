"""The simulated dispenser, ticked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.emulators.simulated_arm.dispenser import Dispenser, DispenserSettings

LINES = DispenserSettings(1, 2, flow=0, meter=0, open_delay=0.08, close_delay=0.04, own_flow=5e-8)
OPEN, READY = 1 << 1, 1 << 2
DT, SPEED, FLOW = 0.004, 0.05, 1.5e-7


class Told:
    """A dispenser with its log, told period by period while its nozzle goes along a line."""

    def __init__(self, **behaviour: object) -> None:
        self.log: list[tuple[float, str, dict[str, float]]] = []
        settings = replace(LINES, **behaviour)  # type: ignore[arg-type]
        self.device = Dispenser(settings, self.say, lambda joints: np.array([joints[0], 0.0, 0.0]))
        self.time = self.x = 0.0

    def say(self, time: float, event: str, joints: object, **figures: float) -> None:
        self.log.append((time, event, figures))

    def tell(self, outputs: int, seconds: float, *, flow: float = FLOW, speed: float = SPEED) -> int:
        inputs = 0
        for _ in range(round(seconds / DT)):
            self.time += DT
            self.x += speed * DT
            inputs = self.device.tick(self.time, outputs, (self.x,), (flow,))
        return inputs

    def when(self, event: str) -> float:
        (time,) = (time for time, name, _ in self.log if name == event)
        return time


def test_material_comes_and_stops_after_the_delays_of_the_valve() -> None:
    told = Told()
    assert told.tell(0, 0.1) == READY
    told.tell(OPEN, 1.0)
    told.tell(0, 0.5)
    assert told.when("bead_begins") - told.when("bead_opened") == pytest.approx(0.08)
    assert told.when("bead_ends") - told.when("bead_shut") == pytest.approx(0.04)
    (ended,) = (figures for _, name, figures in told.log if name == "bead_ends")
    assert ended["volume"] == pytest.approx(FLOW * (1.0 - 0.08 + 0.04))


def test_every_millimetre_of_the_bead_is_in_the_log_with_its_volume() -> None:
    told = Told()
    told.tell(OPEN, 1.08)
    beads = [figures for _, name, figures in told.log if name == "bead"]
    assert len(beads) == pytest.approx(1.0 * SPEED / 1e-3, abs=1)
    areas = [bead["volume"] / bead["length"] for bead in beads[1:]]
    assert areas == pytest.approx([FLOW / SPEED] * len(areas))
    assert told.device.values == {0: FLOW}


def test_a_change_of_flow_comes_as_late_as_the_material() -> None:
    told = Told()
    told.tell(OPEN, 0.5)
    told.tell(OPEN, 0.076, flow=2.0 * FLOW)
    assert told.device.values == {0: FLOW}
    told.tell(OPEN, 0.008, flow=2.0 * FLOW)
    assert told.device.values == {0: 2.0 * FLOW}


def test_a_flow_that_cannot_be_set_is_its_own() -> None:
    told = Told(flow=None)
    told.tell(OPEN, 0.5)
    assert told.device.values == {0: LINES.own_flow}


def test_one_that_never_builds_up_is_not_ready_and_gives_nothing() -> None:
    told = Told(builds_up=False)
    assert told.tell(OPEN, 0.5) == 0
    assert [name for _, name, _ in told.log] == ["bead_opened"]


def test_pressure_that_is_lost_comes_back_when_the_valve_was_shut() -> None:
    told = Told(lost_after=0.2)
    assert told.tell(OPEN, 0.24) == READY
    assert told.tell(OPEN, 0.1) == 0
    assert told.device.values == {0: 0.0}
    assert told.tell(0, 0.1) == READY


def test_a_weak_one_gives_too_little() -> None:
    told = Told(strength=0.7)
    told.tell(OPEN, 0.5)
    assert told.device.values[0] == pytest.approx(0.7 * FLOW)


def test_a_cell_without_a_dispenser_hears_nothing_of_one() -> None:
    told = Told(valve=None)
    assert told.tell(OPEN, 0.5) == 0
    assert told.log == []
