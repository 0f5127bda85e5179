"""What was proved of the seams of a plan, and measured in a run: rows for machines, a table for people. It judges
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from cellctl.model.certificate import Gap, LimitUse, SeamRecord, SegmentRecord
from cellctl.model.plan import CertifiedPlan, SeamSection
from cellctl.model.wps import Range
from cellctl.units import deg, mm, um

if TYPE_CHECKING:
    from rich.table import Table

_ALL_BUT = 0.5 * mm
"""What may be missing of a seam that counts as welded all along."""


@dataclass(frozen=True, slots=True)
class SeamRow:
    """One weld or bead, SI. `angle_use` is the largest share of an angle window that was used, from its nominal value
    on.

    `smallest_gap` (m) is the smallest exact distance that was met, between the two bodies of `gap_pair`. `measured` is
    what a run did, None for a plan.
    """

    seam: str
    length: float
    arc_time: float
    travel_speed: float
    work_angle: tuple[float, float]
    travel_angle: tuple[float, float]
    angle_use: float
    smallest_gap: float | None
    gap_pair: tuple[str, str] | None
    measured: SeamRecord | None = None
    lays_bead: bool = False


def seam_rows(certified: CertifiedPlan, measured: Sequence[SeamRecord | None] = ()) -> tuple[SeamRow, ...]:
    """One row for each weld of a certified plan, in order; `measured` are the same welds of a run."""
    sections = {index: segment.process for index, segment in enumerate(certified.plan.segments)}
    rows = [
        _row(record, record.seam, section)
        for record in certified.certificate.segments
        if record.seam is not None and (section := sections[record.index]) is not None
    ]
    return tuple(replace(row, measured=done) for row, done in zip_longest(rows, measured) if row is not None)


def proof_data(certified: CertifiedPlan, measured: Sequence[SeamRecord | None] = ()) -> dict[str, object]:
    """The seams and the cycle time of a certified plan as JSON values, SI."""
    certificate = certified.certificate
    effort = hardest_effort(certificate.segments)
    return {
        "seams": [asdict(row) for row in seam_rows(certified, measured)],
        "cycle_time": certified.plan.cycle_time,
        "segments": len(certificate.segments),
        "smallest_gap": _gap_data(smallest_gap(certificate.segments)),
        "hardest_effort": None if effort is None else asdict(effort),
        "plan_sha256": certificate.plan_sha256,
        "engine": certificate.engine,
        "engine_version": certificate.engine_version,
    }


def smallest_gap(segments: tuple[SegmentRecord, ...]) -> Gap | None:
    """The gap with the least left above its margin, or None where no pair was asked about.

    Left out is what stands on something: a pair whose margin is below zero.
    """
    gaps = (gap for record in segments for gap in record.gaps if gap.margin >= 0.0)
    return min(gaps, key=lambda gap: gap.observed - gap.margin, default=None)


def seam_tables(certified: CertifiedPlan, measured: Sequence[SeamRecord | None] = ()) -> tuple[Table, ...]:
    """The table that a person sees after `run`, `plan`, `check` and `verify`; none where nothing is welded."""
    rows = seam_rows(certified, measured)
    return (_seam_table(rows, of_run=bool(measured)),) if rows else ()


def _seam_table(rows: Sequence[SeamRow], *, of_run: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seam")
    time = "bead time" if all(row.lays_bead for row in rows) else "arc time"
    for heading in ("length", time, "travel speed", "angle use", "smallest gap"):
        table.add_column(heading, justify="right")
    table.add_column("between")
    if of_run:
        for heading in ("measured off seam", "measured speed"):
            table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.seam,
            _length(row, of_run=of_run),
            _arc_time(row, of_run=of_run),
            f"{row.travel_speed / mm:.2f} mm/s",
            f"{row.angle_use:.0%}",
            "-" if row.smallest_gap is None else f"{row.smallest_gap / mm:.1f} mm",
            "-" if row.gap_pair is None else " - ".join(row.gap_pair),
            *(_measured_cells(row.measured) if of_run else ()),
        )
    return table


def closing_line(certified: CertifiedPlan, run_time: float | None = None) -> str:
    """The line below the table: the cycle time of the motion, of a run with its waits, and the gap with the least to
    spare.
    """
    gap = smallest_gap(certified.certificate.segments)
    motion = f"{certified.plan.cycle_time:.1f} s"
    if run_time is None:
        line = f"cycle time {motion}"
    elif run_time < certified.plan.cycle_time:  # a run that went on with another one, or was cut off
        line = f"cycle time {run_time:.1f} s of a plan of {motion}"
    else:
        line = f"cycle time {run_time:.1f} s, {motion} of it planned motion"
    if gap is not None:
        margin = f"{gap.proved / mm:.1f} mm proved of {gap.margin / mm:g} mm asked for"
        line = f"{line}, tightest gap {gap.observed / mm:.1f} mm met, {margin}: {gap.first} - {gap.second}"
    effort = hardest_effort(certified.certificate.segments)
    return line if effort is None else f"{line}; motors up to {effort.ratio:.0%} ({effort.joint}), by the files' masses"


def hardest_effort(segments: tuple[SegmentRecord, ...]) -> LimitUse | None:
    """The largest share of a motor's torque that any segment needs, or None where none was looked at."""
    uses = [use for record in segments for use in record.limits if use.quantity == "effort"]
    return max(uses, key=lambda use: use.ratio, default=None)


def _length(row: SeamRow, *, of_run: bool) -> str:
    """The length of a seam; of a run also how much of it was welded, where that is not all."""
    welded = 0.0 if row.measured is None else row.measured.length
    if not of_run or welded > row.length - _ALL_BUT:
        return f"{row.length / mm:.1f} mm"
    return f"{welded / mm:.1f} of {row.length / mm:.1f} mm"


def _arc_time(row: SeamRow, *, of_run: bool) -> str:
    """The arc time of a plan, or of a run as measured: none for a seam along which nothing was done."""
    if row.measured is not None:
        return f"{row.measured.arc_time:.1f} s"
    return "-" if of_run else f"{row.arc_time:.1f} s"


def _measured_cells(done: SeamRecord | None) -> tuple[str, str]:
    if done is None:
        return "not done", "-"
    off = max(done.lateral, done.height) / um
    return f"{off:.1f} um" if off >= 0.1 else "below 0.1 um", f"{done.travel_speed / mm:.2f} mm/s"


def angle_use(used: tuple[float, float], window: Range) -> float:
    """Share of a window that a range of angles (rad) uses, 0 at the nominal value and 1 at the window's nearer end."""
    low, high = used
    slack = 0.01 * deg
    above = max(0.0, high - window.nominal) / max(window.maximum - window.nominal, slack)
    below = max(0.0, window.nominal - low) / max(window.nominal - window.minimum, slack)
    return max(above, below)


def _row(record: SegmentRecord, weld: SeamRecord, section: SeamSection) -> SeamRow:
    gap = min(record.gaps, key=lambda gap: gap.observed, default=None)
    use = max(angle_use(weld.work_angle, section.work_window), angle_use(weld.travel_angle, section.travel_window))
    return SeamRow(
        seam=weld.seam,
        length=weld.length,
        arc_time=weld.arc_time,
        travel_speed=weld.travel_speed,
        work_angle=weld.work_angle,
        travel_angle=weld.travel_angle,
        angle_use=use,
        smallest_gap=None if gap is None else gap.observed,
        gap_pair=None if gap is None else (gap.first, gap.second),
        lays_bead=section.lays_bead,
    )


def _gap_data(gap: Gap | None) -> dict[str, object] | None:
    return None if gap is None else asdict(gap)
