"""A seam in stitches (T5): planned, proved, run on the memory arm, and measured from the joints that were recorded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cellctl.execution.records.trace import read_trace
from cellctl.files import load_task
from cellctl.jobs import check
from cellctl.jobs.measuring import TRACE_FILE, measured_welds, passes_of
from cellctl.jobs.running import run
from cellctl.proof.readback import tcp_matrices
from cellctl.units import mm

STITCHED = """\
cell: lib:sim/tray_cell/cell.yaml
steps:
  - weld: {seam: tray.left, wps: mig131_al_t3, from: 40 mm, stitch: {count: 5, length: 30 mm, gap: 20 mm}}
"""


def test_stitches_are_welded_where_the_drawing_has_them(tmp_path: Path) -> None:
    """5 x 30 (20): five beads of 30 mm, 20 mm between them, 230 mm from the first to the last, by measured joints."""
    (tmp_path / "task.yaml").write_text(STITCHED)
    certified = check(tmp_path / "task.yaml")
    run(certified, driver="memory", folder=tmp_path / "run").finish()

    welds = measured_welds(tmp_path / "run")
    assert [weld.findings for weld in welds] == 5 * [()]
    assert [weld.record.length for weld in welds if weld.record] == pytest.approx(5 * [30 * mm], abs=0.5 * mm)

    task = load_task(tmp_path / "task.yaml")
    mechanism, (placement,) = task.cell.mechanisms[0], task.cell.parts
    seam = placement.part.seam("left").curve
    trace = read_trace(tmp_path / "run" / TRACE_FILE)
    ends: list[np.ndarray] = []
    for index, segment in enumerate(certified.plan.segments):
        for burnt in passes_of(trace, index):
            assert segment.process is not None
            tips = tcp_matrices(mechanism, segment.process.ctwd, burnt.q)[:, :3, 3]
            ends += [tips[0], tips[-1]]
    first = placement.pose_world_part.apply(seam.points(np.array([0.0])))[0]
    gone = [float(np.linalg.norm(tip - first)) for tip in ends]
    assert gone[0] == pytest.approx(40 * mm, abs=0.5 * mm)
    assert [b - a for a, b in pairwise(gone)] == pytest.approx([30 * mm, 20 * mm] * 4 + [30 * mm], abs=0.5 * mm)
    assert gone[-1] - gone[0] == pytest.approx(230 * mm, abs=0.5 * mm)
