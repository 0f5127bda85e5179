"""The closing table, compared as whole text."""

from __future__ import annotations

from cellctl.model.certificate import Certificate, Gap, SeamRecord, SegmentRecord
from cellctl.reports.tables import cycle_time, seam_rows, seam_text, tightest_gap
from cellctl.units import deg, mm

SEAM = SeamRecord(
    "tray.left", "mig131", 370 * mm, 37.0, 10 * mm, 0.99, 0.05 * mm, 0.12 * mm, (-1.5 * deg, 2 * deg),
    (10 * deg, 10 * deg), 0.1, 0.2, 0.3, 0.1, 0.5, "PB",
)  # fmt: skip
NEAR = Gap("r1.torch.nozzle", "tray.plate", 1 * mm, 1.5 * mm, 1.8 * mm, 0.1)
FAR = Gap("r1.link_5", "clamp_1.arm", 10 * mm, 10.1 * mm, 10.2 * mm, 0.2)
TRANSIT = SegmentRecord(0, "transit", 0, 2.5, (), (FAR,))
WELD = SegmentRecord(1, "process", 1, 37.04, (), (FAR, NEAR), SEAM)


def certificate(*segments: SegmentRecord) -> Certificate:
    return Certificate("0" * 64, "bullet", "3.2.7", "1", 1000.0, segments)


def test_rows_hold_what_was_proved() -> None:
    (row,) = seam_rows(certificate(TRANSIT, WELD))
    assert (row.seam, row.length, row.arc_time, row.gap) == ("tray.left", 370 * mm, 37.0, NEAR)
    assert cycle_time(certificate(TRANSIT, WELD)) == 39.54
    assert tightest_gap(certificate(TRANSIT, WELD)) == (TRANSIT, FAR)


def test_the_text_is_what_a_person_sees() -> None:
    assert seam_text(certificate(TRANSIT, WELD)) == (
        "seam         length  arc time  travel speed       work angle  travel angle  off path  smallest gap  between\n"
        "tray.left  370.0 mm    37.0 s    10.00 mm/s  -1.5 .. 2.0 deg      10.0 deg   0.12 mm        1.8 mm  "
        "r1.torch.nozzle - tray.plate\n"
        "cycle time 39.5 s; least to spare: r1.link_5 - clamp_1.arm, 10.2 mm (of 10 mm) in the transit of segment 0\n"
    )


def test_a_plan_without_gaps_says_so() -> None:
    bare = SegmentRecord(0, "process", 0, 1.0, (), (), SEAM)
    text = seam_text(certificate(bare))
    assert text.endswith("cycle time 1.0 s; nothing comes near anything\n")
    assert " -  -\n" in text
