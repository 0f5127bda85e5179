"""The simulated screwdriver, ticked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.emulators.simulated_arm.screwdriver import Screwdriver, ScrewdriverSettings, parsed_screw_fault
from cellctl.model.tightening import TighteningProgram
from cellctl.model.wps import Range

M6 = TighteningProgram("m6", 0.001, 0.005, 30.0, 1.5, Range(5.4, 6.0, 6.6), Range(0.5, 0.7, 1.0), 2.0)
LINES = ScrewdriverSettings(1, 2, 3, program=0, speed=1, torque=0, angle=1, programs=(M6,))
RUN, TIGHT, FAILED = 1 << 1, 1 << 2, 1 << 3
FAST, SLOW = (1.0, 30.0), (1.0, 3.0)
HERE, THERE = (0.0,), (1.0,)
DT = 0.004


class Driven:
    """A screwdriver with its log, told period by period."""

    def __init__(self, **behaviour: object) -> None:
        self.log: list[tuple[str, dict[str, float]]] = []
        settings = replace(LINES, **behaviour)  # type: ignore[arg-type]
        self.device = Screwdriver(settings, lambda at, event, joints, **figures: self.log.append((event, figures)))
        self.time = 0.0

    def tell(
        self, outputs: int, periods: int, analog: tuple[float, ...] = FAST, joints: tuple[float, ...] = HERE
    ) -> int:
        inputs = 0
        for _ in range(periods):
            self.time += DT
            inputs = self.device.tick(self.time, outputs, joints, analog)
        return inputs

    @property
    def torque(self) -> float:
        return self.device.values[0]

    @property
    def angle(self) -> float:
        return self.device.values[1]

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.log]


def test_a_screw_turns_freely_sits_and_shuts_off_at_its_torque() -> None:
    driven = Driven()
    assert driven.tell(RUN, 200) == 0
    assert driven.angle == pytest.approx(200 * DT * 30.0)
    assert driven.torque < M6.snug, "nothing but resistance on the way in"
    driven.tell(RUN, 62)
    assert driven.angle == pytest.approx(M6.turns, abs=0.13)
    assert driven.tell(RUN, 200, SLOW) == TIGHT
    assert driven.torque == pytest.approx(6.0, abs=0.1)
    tight = driven.angle
    driven.tell(RUN, 50)
    assert driven.angle == tight, "it turns no further"
    assert driven.tell(0, 1) == 0
    assert driven.torque == pytest.approx(6.0, abs=0.1), "shown until the next screw"
    assert driven.events == ["screw_started", "screw_tight"]


def test_the_angle_from_snug_to_shut_off_is_the_nominal_one() -> None:
    driven = Driven()
    driven.tell(RUN, 262)
    snug = None
    while not driven.tell(RUN, 1, SLOW):
        snug = driven.angle if snug is None and driven.torque >= M6.snug else snug
    assert snug is not None
    assert driven.angle - snug == pytest.approx(M6.angle.nominal, abs=0.03)


def test_a_screw_that_is_left_half_way_is_gone_on_with_there_and_nowhere_else() -> None:
    driven = Driven()
    driven.tell(RUN, 100)
    half = driven.angle
    driven.tell(0, 10)
    driven.tell(RUN, 1)
    assert driven.angle == pytest.approx(half + DT * 30.0)
    driven.tell(0, 10)
    driven.tell(RUN, 1, joints=THERE)
    assert driven.angle == pytest.approx(DT * 30.0)
    assert driven.events == ["screw_started", "screw_stopped"] * 2 + ["screw_started"]


@pytest.mark.parametrize(
    ("fault", "answer", "highest"),
    [("weak", TIGHT, 5.0), ("strip", 0, 3.46), ("free", 0, 0.16), ("cross", TIGHT, 6.6), ("fault", FAILED, 0.16)],
)
def test_faults_on_demand(fault: str, answer: int, highest: float) -> None:
    driven = Driven(fault=fault)
    driven.tell(RUN, 262)
    assert driven.tell(RUN, 300, SLOW) == answer
    assert driven.torque <= highest
    if fault == "cross":
        assert driven.log[-1][1]["angle"] < 0.5 * M6.turns


def test_a_fault_may_be_that_of_one_screw_alone() -> None:
    driven = Driven(fault="free", faulty=2)
    answers = []
    for joints in (HERE, THERE, HERE):
        driven.tell(RUN, 262, joints=joints)
        answers.append(driven.tell(RUN, 300, SLOW, joints=joints))
        driven.tell(0, 2, joints=joints)
    assert answers == [TIGHT, 0, TIGHT]


def test_faults_as_they_are_written() -> None:
    assert parsed_screw_fault("none") == ("none", 0)
    assert parsed_screw_fault("strip:3") == ("strip", 3)
    for wrong in ("stripped", "strip:x"):
        with pytest.raises(ValueError, match=r"strip|x"):
            parsed_screw_fault(wrong)


def test_a_cell_without_a_screwdriver_has_no_lines_of_one() -> None:
    driven = Driven(run=None)
    assert driven.tell(0xFFFF, 3) == 0
    assert np.allclose(list(Driven(torque=None, angle=None).device.values), [])
