"""A seam welded in stitches: as many welds as there are stitches. Knows no cell."""

from __future__ import annotations

from dataclasses import replace

from cellctl.model.task import Weld


def stitched(weld: Weld, seam_length: float, *, count: int, length: float, gap: float) -> tuple[Weld, ...]:
    """The `count` welds of `length` (m) with `gap` (m) between, as a drawing says `count x length (gap)` (ISO 2553).

    They begin where `weld` does, on an open seam of `seam_length` (m); a reversed weld does them from its own end on.
    Raises ValueError where they take more than the stretch that `weld` covers.
    """
    begin = weld.from_ if weld.from_ >= 0.0 else seam_length + weld.from_
    end = weld.to if weld.to > 0.0 else seam_length + weld.to
    takes = stitches_length(count, length, gap)
    if takes > end - begin + 1e-9:
        raise ValueError(f"stitches of {takes * 1e3:.1f} mm do not fit into {(end - begin) * 1e3:.1f} mm")
    starts = [k * (length + gap) for k in range(count)]
    if weld.reverse:
        return tuple(replace(weld, from_=max(end - at - length, 0.0), to=end - at) for at in starts)
    return tuple(replace(weld, from_=begin + at, to=min(begin + at + length, seam_length)) for at in starts)


def stitches_length(count: int, length: float, gap: float) -> float:
    """From the start of the first to the end of the last: n l + (n - 1) e (m)."""
    return count * length + (count - 1) * gap
