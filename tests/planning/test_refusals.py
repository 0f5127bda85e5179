"""What a refusal says: where in the file, how far the torch gets, and what is too short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import Finding, PlanningFailed
from cellctl.files import load_task
from cellctl.jobs import plan
from cellctl.planning.explain_state import explain_state
from cellctl.scene.bodies import collision_model

STEP = "  - weld: {{seam: tray.left, wps: mig131_al_t3, {}}}\n"


def written(folder: Path, words: str, after: str = "") -> Path:
    file = folder / "task.yaml"
    file.write_text("cell: lib:sim/tray_cell/cell.yaml\nsteps:\n  - move_j: home\n" + STEP.format(words) + after)
    return file


def refused(folder: Path, words: str, after: str = "") -> Finding:
    file = written(folder, words, after)
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


@pytest.mark.parametrize(("words", "line"), [("approach: 8 mm", "approach"), ("retract: 8 mm", "retract")])
def test_where_a_line_ends_the_allowances_of_the_seam_end(words: str, line: str, tmp_path: Path) -> None:
    """The nozzle may come to 1 mm of the plates at the seam, and to the clearance of the cell in a free motion."""
    found = refused(tmp_path, f"from: 15 mm, to: -25 mm, {words}", "  - move_j: home\n")
    assert (found.code, found.data["line"]) == ("P281", line)
    assert "r1.torch." in found.message
    assert f"8 mm from the seam, where the {line} " in found.message
    assert found.suggestion.startswith(f"a longer {line}")


RING = """\
cell: lib:sim/tray_cell/cell.yaml
steps:
  - weld: {{seam: tray.boss, wps: mig131_al_t3, start: 45 deg, overlap: 8 mm, spin: {spin}}}
"""


@pytest.mark.parametrize("window", [1.0, 6.0, 9.0])
def test_a_narrow_window_of_the_spin_is_no_reason_to_refuse_a_curve(tmp_path: Path, window: float) -> None:
    """The spins that are tried follow the seam where its window is narrower than the step between two of them."""
    file = tmp_path / "task.yaml"
    file.write_text(RING.format(spin=f"-90 +-{0.5 * window} deg"))
    made = plan(load_task(file))
    (section,) = [segment.process for segment in made.segments if segment.process is not None]
    away = np.degrees(np.angle(np.exp(1j * (section.spins + 0.5 * np.pi))))
    assert np.abs(away).max() <= 0.5 * window + 1e-6


def test_nothing_is_asked_of_where_the_last_retract_ends(tmp_path: Path) -> None:
    file = written(tmp_path, "from: 15 mm, to: -25 mm, retract: 8 mm")
    assert plan(load_task(file)).segments[-1].kind == "retract"


def test_a_state_that_is_too_near_has_the_margin_and_the_planners_own(checkout: Path) -> None:
    """The margin that is named is the cell's; what the planner keeps over it stands beside it."""
    cell = load_task(checkout / "tasks" / "weld" / "tray_corner.yaml").cell
    model = collision_model(cell, "r1")
    q = np.array(cell.mechanisms[0].configurations["home"])
    margins = np.full(len(model.pairs), 0.4)
    nearest, *_ = explain_state(model, q, margins, "P207", "here", reserve=0.5e-3, engine="bullet")
    assert nearest.message.endswith("the margin is 399.5 mm, and 0.5 mm that the planner keeps over it")
    assert nearest.data["margin"] == pytest.approx(0.3995)
    bare, *_ = explain_state(model, q, margins, "P209", "here", reserve=0.0, engine="bullet")
    assert bare.message.endswith("the margin is 400 mm")
