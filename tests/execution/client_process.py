"""A client that starts a cell and a run, says so, and waits to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conftest import PROGRAMS, packed_arm

from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import attached

plan, folder = Path(sys.argv[1]), Path(sys.argv[2])
with attached(packed_arm(), CellOptions(pace="real_time", period=0.02, patience=0.5), PROGRAMS, name="doomed") as link:
    for event in link.run(plan, folder):
        if event.kind == "progress":
            print(link._weld_source.parent, flush=True)
