"""An executor process that reads no plan files: one that says `certified` stands for the small job of these tests, and
`certified, two seams` for the one with two seams.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conftest import small_job, small_setup, two_seams_job

from cellctl.errors import Finding, NotCertified
from cellctl.execution.job import Job
from cellctl.execution.service.launch import parsed, run


def load(path: Path) -> Job:
    text = path.read_text()
    if text not in ("certified", "certified, two seams"):
        raise NotCertified(Finding("C301", "the plan is not certified"))
    job = small_job() if text == "certified" else two_seams_job()
    return replace(job, tolerances=replace(job.tolerances, late_cycles=40))  # a busy machine is no fault of these tests


def main() -> None:
    run(parsed(sys.argv[1:]), small_setup(), load)


if __name__ == "__main__":
    main()
