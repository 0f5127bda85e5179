"""The closing table of a plan or run: what was proved of each seam, as plain rows and as text. Measures nothing."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from cellctl.model.certificate import Certificate, Gap, SegmentRecord
from cellctl.units import deg, mm

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class SeamRow:
    """One weld: length m, arc time s, travel speed m/s, used range of both angles rad, largest deviations m.

    `gap` is the smallest gap met while welding, or None where nothing was near enough to be recorded.
    """

    seam: str
    length: float
    arc_time: float
    travel_speed: float
    work_angle: tuple[float, float]
    travel_angle: tuple[float, float]
    lateral: float
    height: float
    gap: Gap | None


def seam_rows(certificate: Certificate) -> tuple[SeamRow, ...]:
    """One row a weld, in the order of the plan."""
    return tuple(
        SeamRow(
            seam.seam,
            seam.length,
            seam.arc_time,
            seam.travel_speed,
            seam.work_angle,
            seam.travel_angle,
            seam.lateral,
            seam.height,
            min(record.gaps, key=lambda gap: gap.observed, default=None),
        )
        for record in certificate.segments
        if (seam := record.seam) is not None
    )


def cycle_time(certificate: Certificate) -> float:
    """Time of all motion at full override, without process waits, s."""
    return sum(record.duration for record in certificate.segments)


def tightest_gap(certificate: Certificate) -> tuple[SegmentRecord, Gap] | None:
    """The gap with the least to spare above its margin, and the segment where it occurs."""
    gaps = [(record, gap) for record in certificate.segments for gap in record.gaps]
    return min(gaps, key=lambda found: found[1].observed - found[1].margin, default=None)


def seam_table(certificate: Certificate) -> Table:
    """The rows as a rich table, with units in every cell."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seam", no_wrap=True)
    for heading in ("length", "arc time", "travel speed", "work angle", "travel angle", "off path", "smallest gap"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("between")
    for row in seam_rows(certificate):
        table.add_row(
            row.seam,
            f"{row.length / mm:.1f} mm",
            f"{row.arc_time:.1f} s",
            f"{row.travel_speed / mm:.2f} mm/s",
            _degrees(row.work_angle),
            _degrees(row.travel_angle),
            f"{max(row.lateral, row.height) / mm:.2f} mm",
            "-" if row.gap is None else f"{row.gap.observed / mm:.1f} mm",
            "-" if row.gap is None else f"{row.gap.first} - {row.gap.second}",
        )
    return table


def summary_line(certificate: Certificate) -> str:
    """One sentence below the table: the cycle time, and where the least clearance is to spare."""
    line = f"cycle time {cycle_time(certificate):.1f} s"
    found = tightest_gap(certificate)
    if found is None:
        return f"{line}; nothing comes near anything"
    record, gap = found
    least = f"{gap.observed / mm:.1f} mm (of {gap.margin / mm:g} mm) in the {record.kind} of segment {record.index}"
    return f"{line}; least to spare: {gap.first} - {gap.second}, {least}"


def seam_text(certificate: Certificate, width: int = 140) -> str:
    """Table and summary as plain text without colours."""
    from rich.console import Console

    console = Console(file=StringIO(), width=width, color_system=None, legacy_windows=False)
    rendered = console.render_lines(seam_table(certificate), pad=False)
    lines = ["".join(segment.text for segment in line).rstrip() for line in rendered]
    return "\n".join([*lines, summary_line(certificate)]) + "\n"


def _degrees(angles: tuple[float, float]) -> str:
    low, high = (round(angle / deg, 1) + 0.0 for angle in angles)
    return f"{low:.1f} deg" if low == high else f"{low:.1f} .. {high:.1f} deg"
