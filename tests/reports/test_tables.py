"""The closing table: rows, JSON values and what a person sees."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from cellctl.jobs.measuring import Pass, welded_length
from cellctl.model.certificate import Certificate, Gap, SeamRecord, SegmentRecord
from cellctl.model.plan import Block, CertifiedPlan, FixedSegment, Plan, SeamSection
from cellctl.model.spline import interpolated
from cellctl.model.wps import Range
from cellctl.reports.tables import angle_use, closing_line, proof_data, seam_rows, seam_tables
from cellctl.units import deg, mm

SEAM = SeamRecord(
    "tray.left", "mig131", 370 * mm, 37.0, 10 * mm, 0.99, 0.05 * mm, 0.12 * mm, (-1.5 * deg, 2 * deg),
    (10 * deg, 15 * deg), 0.1, 0.2, 0.3, 0.1, 0.5, "PB",
)  # fmt: skip
NEAR = Gap("r1.torch.nozzle", "tray.plate", 1 * mm, 1.5 * mm, 1.8 * mm, 0.1)
FAR = Gap("r1.link_5", "clamp_1.arm", 10 * mm, 10.1 * mm, 10.2 * mm, 0.2)


def certified_plan(*gaps: Gap) -> CertifiedPlan:
    """One weld, made by hand: what a table shows needs no proof."""
    n = 4
    lines = {name: np.zeros((n, 3)) for name in ("points", "tangents", "normals")}
    angles = {name: np.zeros(n) for name in ("stations", "work_angles", "travel_angles", "spins")}
    windows = {"work_window": Range(-10 * deg, 0.0, 10 * deg), "travel_window": Range(0.0, 10 * deg, 20 * deg)}
    section = SeamSection("tray.left", "mig131", 0.37, 0.01, 0.016, **windows, **lines, **angles, events=())
    path = interpolated([0.0, 1.0], np.zeros((2, 6)))
    law = interpolated([0.0, 39.0], np.array([[0.0], [1.0]]))
    segment = FixedSegment(0, "process", "r1", "torch", path, law, process=section)
    plan = Plan("t", (Block((segment,)),), {"r1": np.zeros(6)}, 0, (), {})
    record = SegmentRecord(0, "process", 0, 39.0, (), gaps, SEAM)
    return CertifiedPlan(plan, Certificate("0" * 64, "bullet", "3.2.7", "1", 1000.0, (record,)))


def shown(plan: CertifiedPlan, *measured: SeamRecord | None) -> str:
    console = Console(file=StringIO(), width=160, color_system=None)
    with console.capture() as capture:
        console.print(*seam_tables(plan, measured))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_rows_hold_what_was_proved() -> None:
    (row,) = seam_rows(certified_plan(FAR, NEAR))
    assert (row.seam, row.length, row.arc_time) == ("tray.left", 370 * mm, 37.0)
    assert (row.smallest_gap, row.gap_pair) == (1.8 * mm, ("r1.torch.nozzle", "tray.plate"))
    assert row.angle_use == pytest.approx(0.5)


def test_the_table_of_a_plan() -> None:
    assert shown(certified_plan(NEAR)) == (
        "seam         length  arc time  travel speed  angle use  smallest gap  between\n"
        "tray.left  370.0 mm    37.0 s    10.00 mm/s        50%        1.8 mm  r1.torch.nozzle - tray.plate"
    )


def test_the_table_of_a_run_has_what_was_measured() -> None:
    text = shown(certified_plan(NEAR), SEAM)
    assert "measured off seam" in text
    assert "120.0 um      10.00 mm/s" in text
    assert "not done" in shown(certified_plan(NEAR), None)


def test_the_closing_line_names_the_gap_with_least_to_spare() -> None:
    line = closing_line(certified_plan(FAR, NEAR))
    gap = "10.2 mm met, 10.1 mm proved of 10 mm asked for: r1.link_5 - clamp_1.arm"
    assert line == f"cycle time 39.0 s, tightest gap {gap}"
    assert closing_line(certified_plan()) == "cycle time 39.0 s"


def test_json_values_hold_both() -> None:
    data = proof_data(certified_plan(NEAR), [SEAM])
    assert data["seams"][0]["measured"]["lateral"] == 0.05 * mm
    assert data["smallest_gap"]["first"] == "r1.torch.nozzle"


@pytest.mark.parametrize(("used", "share"), [((0.0, 0.0), 0.0), ((-0.1, 0.05), 1.0), ((0.0, 0.1), 0.5)])
def test_angle_use_is_measured_from_the_nominal_value(used: tuple[float, float], share: float) -> None:
    assert angle_use(used, Range(-0.1, 0.0, 0.2)) == pytest.approx(share)


def test_a_plan_without_welds_has_no_table() -> None:
    plan = certified_plan(NEAR).plan
    bare = CertifiedPlan(plan, Certificate("0" * 64, "bullet", "3.2.7", "1", 1000.0, ()))
    assert seam_tables(bare) == ()


def test_a_seam_that_was_cut_shows_how_much_of_it_was_welded() -> None:
    assert "120.0 of 370.0 mm" in shown(certified_plan(NEAR), replace(SEAM, length=120 * mm))
    assert "0.0 of 370.0 mm" in shown(certified_plan(NEAR), None)
    assert " of " not in shown(certified_plan(NEAR), replace(SEAM, length=369.9 * mm))


def test_what_stands_on_something_is_no_tight_gap() -> None:
    resting = Gap("r1.gripper.left.block", "desk", -1 * mm, -1 * mm, 0.0, 0.1)
    assert "tightest gap 1.8 mm met, 1.5 mm proved of 1 mm asked for" in closing_line(certified_plan(resting, NEAR))


@pytest.mark.parametrize(
    ("stretches", "length"),
    [(((0.0, 0.1),), 0.1), (((0.0, 0.05), (0.045, 0.1)), 0.1), (((0.0, 0.04), (0.06, 0.1)), 0.08), ((), 0.0)],
    ids=["whole", "with an overlap", "with a gap", "none"],
)
def test_the_welded_length_counts_every_millimetre_once(stretches, length: float) -> None:
    s = [np.linspace(*stretch, 20) for stretch in stretches]
    assert welded_length([Pass(t, t, np.zeros((20, 6)), t, t, t) for t in s]) == pytest.approx(length)
