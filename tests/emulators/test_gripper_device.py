"""The simulated gripper, ticked by hand, and what the controller's stop leaves of its output."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellctl.emulators.simulated_arm.controller import Controller, ControllerSettings
from cellctl.emulators.simulated_arm.gripper import Gripper, GripperSettings
from cellctl.emulators.simulated_arm.weld_source import WeldSourceSettings

LINES = GripperSettings(gripper=2, gripped=3, gripper_open=4, stroke_time=0.1)
TOLD, GRIPPED, OPEN = 1 << 2, 1 << 3, 1 << 4


def run_gripper(outputs, **behaviour) -> tuple[list[int], list[tuple[float, str]]]:
    """Inputs every 10 ms, and the log."""
    log: list[tuple[float, str]] = []
    gripper = Gripper(replace(LINES, **behaviour), lambda time, event, joints: log.append((round(time, 3), event)))
    return [gripper.tick(0.01 * k, told, (0.0,)) for k, told in enumerate(outputs)], log


def test_it_closes_and_opens_in_its_time() -> None:
    inputs, log = run_gripper([0] * 5 + [TOLD] * 20 + [0] * 20)
    assert inputs[:5] == [OPEN] * 5, "open when it is switched on"
    assert inputs[5:15] == [0] * 10
    assert inputs[15:25] == [GRIPPED] * 10
    assert inputs[25:35] == [0] * 10
    assert inputs[35:] == [OPEN] * 10
    assert [event for _, event in log] == ["gripper_closing", "gripper_gripped", "gripper_opening", "gripper_opened"]
    assert [time for time, _ in log] == pytest.approx([0.05, 0.15, 0.25, 0.35])


def test_one_that_does_not_close_never_says_so() -> None:
    inputs, log = run_gripper([TOLD] * 40, closes=False)
    assert set(inputs) == {0}
    assert [event for _, event in log] == ["gripper_closing"]


def test_a_part_is_lost_until_it_has_opened() -> None:
    inputs, log = run_gripper([TOLD] * 40 + [0] * 15 + [TOLD] * 12, lost_after=0.2)
    assert inputs[10:30] == [GRIPPED] * 20
    assert inputs[30:40] == [0] * 10
    assert log[2] == (0.3, "part_lost")
    assert inputs[-1] == GRIPPED


def test_a_cell_without_a_gripper_has_no_lines_of_one() -> None:
    gripper = Gripper(GripperSettings(), lambda time, event, joints: None)
    assert gripper.tick(0.0, 0xFFFF, (0.0,)) == 0


@pytest.mark.parametrize("way", ["stop", "power_off"])
def test_a_stop_takes_the_arc_and_leaves_the_gripper(controller, way: str) -> None:
    """`controller` is the one of the other tests; this one has a gripper beside its weld source."""
    arc = 1 << 1
    log: list[str] = []
    own = Controller(
        controller.figures,
        controller._plant,
        settings=ControllerSettings(),
        source=WeldSourceSettings(1, 1),
        log=lambda time, event, joints: log.append(event),
        gripper=LINES,
    )
    for _ in range(60):
        own.accept(own.figures.start, arc | TOLD)
        own.tick()
    getattr(own, way)()
    for _ in range(60):
        own.tick()
    assert own.report().inputs == GRIPPED
    assert "arc_off" in log
    assert "gripper_opening" not in log
