"""What a weld step allows to come near: its own plates, and what they lie on where the step says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellctl.files import load_cell
from cellctl.model.cell import Cell
from cellctl.model.task import Weld
from cellctl.processes.contacts import tip_contacts


@pytest.fixture(scope="module")
def cell(checkout: Path) -> Cell:
    return load_cell(checkout / "sim" / "tray_cell" / "cell.yaml")


def test_the_wire_may_touch_its_plates_and_the_nozzle_come_near(cell: Cell) -> None:
    allowed = {(c.first, c.second): c.margin for c in tip_contacts(cell, Weld("tray.left", "mig131_al_t3"))}
    assert allowed == {
        ("r1.torch.wire", "tray.base"): None,
        ("r1.torch.wire", "tray.wall_left"): None,
        ("r1.torch.nozzle", "tray.base"): 0.001,
        ("r1.torch.nozzle", "tray.wall_left"): 0.001,
    }


def test_backing_gets_the_nozzle_margin_and_may_not_be_touched(cell: Cell) -> None:
    weld = Weld("tray.left", "mig131_al_t3", backing=("pads",))
    backed = [c for c in tip_contacts(cell, weld) if c.second.startswith("pads.")]
    assert {c.margin for c in backed} == {0.001}
    assert {c.first for c in backed} == {"r1.torch.wire", "r1.torch.nozzle"}
    assert len(backed) == 8
