"""Margins of single pairs: read from a cell file, put over the others by their strength, kept by plan and proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import FileError
from cellctl.files import load_cell
from cellctl.files.edits import Edit
from cellctl.model.cell import Cell, Margins, PairMargin
from cellctl.model.plan import ContactAllowance
from cellctl.model.shapes import Box, Solid
from cellctl.scene.bodies import CollisionModel, collision_model

CELL = """\
tools: {torch: lib:robots/tools/mig_torch_22deg}
mechanisms: {r1: {model: lib:robots/kuka_kr16_2, tool: torch}}
fixtures:
  post: {box: 50 50 50 mm, at: {xyz: 900 0 700 mm}}
  far: {box: 50 50 50 mm, at: {xyz: -900 0 700 mm}}
margins:
  clearance: 10 mm
"""


def cell_with(folder: Path, pairs: str) -> Cell:
    (folder / "cellctl.yaml").write_text("project: {name: margins}\n")
    (folder / "cell.yaml").write_text(f"{CELL}{pairs}")
    return load_cell(folder / "cell.yaml")


def margin(model: CollisionModel, first: str, second: str, **asked: object) -> float:
    margins = model.margins_with(**asked)  # type: ignore[arg-type]
    return next(float(margins[k]) for k in range(len(margins)) if model.pair_names(k) == (first, second))


def test_what_owns_a_solid_names_it_and_the_nearer_name_is_the_stronger(tmp_path: Path) -> None:
    pairs = "  pairs: {r1.torch post: 4 mm, post r1.torch.nozzle: 2 mm, r1 far: 20 mm}\n"
    model = collision_model(cell_with(tmp_path, pairs), "r1")
    assert margin(model, "r1.torch.nozzle", "post") == pytest.approx(0.002)
    assert margin(model, "r1.torch.body", "post") == pytest.approx(0.004)
    assert margin(model, "r1.link_3", "post") == pytest.approx(0.010)
    assert margin(model, "r1.torch.body", "far") == pytest.approx(0.020)
    assert np.array_equal(model.margins, model.margins_with())


def test_a_margin_of_a_phase_holds_in_it_alone(tmp_path: Path) -> None:
    pairs = "  pairs: {r1.torch.nozzle post: {always: 15 mm, process: 3 mm}, r1.torch.body post: {retract: 1 mm}}\n"
    model = collision_model(cell_with(tmp_path, pairs), "r1")
    nozzle, body = ("r1.torch.nozzle", "post"), ("r1.torch.body", "post")
    assert [margin(model, *nozzle, kind=kind) for kind in ("transit", "process", "retract")] == [0.015, 0.003, 0.015]
    assert [margin(model, *body, kind=kind) for kind in ("transit", "process", "retract")] == [0.01, 0.01, 0.001]


def test_a_pair_that_is_named_twice_keeps_the_larger_gap(tmp_path: Path) -> None:
    model = collision_model(cell_with(tmp_path, "  pairs: {r1.torch post: 4 mm, post r1.torch: 6 mm}\n"), "r1")
    assert margin(model, "r1.torch.nozzle", "post") == pytest.approx(0.006)


def test_an_allowance_does_not_undercut_it_but_a_touch_is_a_touch(tmp_path: Path) -> None:
    model = collision_model(cell_with(tmp_path, "  pairs: {r1.torch post: 4 mm}\n"), "r1")
    nozzle, wire = (
        ContactAllowance(f"r1.torch.{name}", "post", gap) for name, gap in (("nozzle", 0.001), ("wire", None))
    )
    assert margin(model, "r1.torch.nozzle", "post", contacts=(nozzle, wire)) == pytest.approx(0.004)
    assert margin(model, "r1.torch.wire", "post", contacts=(nozzle, wire)) == -np.inf


def test_a_part_keeps_its_margin_in_the_gripper_too(tmp_path: Path) -> None:
    """There its solids are the tool's; what it stands on may touch it while it is lifted off."""
    cell = cell_with(tmp_path, "")
    (arm,) = cell.mechanisms
    assert arm.tool is not None
    load = Solid("block.body", Box((0.05, 0.05, 0.05)))
    tool = replace(arm.tool, solids=(*arm.tool.solids, load), carried=frozenset({load.name}))
    margins = Margins(pairs=(PairMargin("block", "post", 0.05),))
    model = collision_model(replace(cell, mechanisms=(replace(arm, tool=tool),), margins=margins), "r1")
    assert margin(model, "r1.torch.block.body", "post") == pytest.approx(0.05)
    assert margin(model, "r1.torch.block.body", "far") == pytest.approx(0.01)
    resting = (ContactAllowance("r1.torch.block.body", "post", -0.001),)
    assert margin(model, "r1.torch.block.body", "post", contacts=resting) == pytest.approx(-0.001)


def test_what_would_be_written_keeps_the_names_together() -> None:
    assert (
        str(Edit("cell.yaml", ("margins", "pairs", "r1.torch post"), "4 mm")) == "margins.pairs.'r1.torch post': 4 mm"
    )


@pytest.mark.parametrize(
    ("pairs", "code", "said"),
    [
        ("r1.torch pst: 4 mm", "F130", "unknown solid 'pst'"),
        ("r1.torhc post: 4 mm", "F130", "unknown solid 'r1.torhc'"),
        ("post far: 4 mm", "F130", "they keep still"),
        ("post: 4 mm", "F114", "'post' is not a pair of names"),
        ("r1.torch post: 4", "F120", "'4' has no unit"),
        ("r1.torch post: -4 mm", "F123", ""),
        ("r1.torch post: {}", "F111", "a pair needs a gap"),
        ("r1.torch post: {welding: 4 mm}", "F110", "unknown key 'welding'"),
        ("r1.torch post: [4 mm]", "F122", ""),
    ],
)
def test_a_wrong_pair_is_told_at_its_place(tmp_path: Path, pairs: str, code: str, said: str) -> None:
    with pytest.raises(FileError) as caught:
        cell_with(tmp_path, f"  pairs:\n    {pairs}\n")
    (finding,) = caught.value.findings
    assert finding.code == code
    assert said in finding.message
    assert finding.place is not None
    assert finding.place.line == 9
