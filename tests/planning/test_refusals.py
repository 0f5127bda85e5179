"""What a refusal says: where in the file, how far the torch gets, and what is too short."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellctl.errors import Finding, PlanningFailed
from cellctl.files import load_task
from cellctl.jobs import plan

STEP = "  - weld: {{seam: tray.left, wps: mig131_al_t3, {}}}\n"


def refused(folder: Path, words: str) -> Finding:
    file = folder / "task.yaml"
    file.write_text("cell: lib:sim/tray_cell/cell.yaml\nsteps:\n  - move_j: home\n" + STEP.format(words))
    with pytest.raises(PlanningFailed) as caught:
        plan(load_task(file))
    found = caught.value.findings[0]
    assert (found.place.line, found.place.column) == (4, 5)
    assert found.data["step"] == 1
    return found


def test_a_weld_too_short_for_its_speed(tmp_path: Path) -> None:
    found = refused(tmp_path, "from: 100 mm, to: 102 mm")
    assert found.code == "P231"
    assert "2.0 mm are too short to come to 10 mm/s and to stop" in found.message


def test_how_far_the_torch_gets_along_its_wire(tmp_path: Path) -> None:
    found = refused(tmp_path, "from: 15 mm, to: -25 mm, retract: 3 m")
    assert found.code == "P207"
    assert "the retract of 3000 mm along the wire ends after " in found.message
    assert "write a length of " in found.suggestion


def test_what_stands_in_the_way_of_an_approach(tmp_path: Path) -> None:
    """Backed off by so much along the wire, the arm comes near to itself or to something in the cell."""
    found = refused(tmp_path, "from: 15 mm, to: -25 mm, approach: 900 mm")
    assert found.code == "P207"
    assert " mm from the seam on the approach: " in found.message or " ends after " in found.message
