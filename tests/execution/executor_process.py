"""An executor process that reads no plan files: one that says `certified` stands for the small job of these tests."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conftest import small_job, small_setup

from cellctl.errors import Finding, NotCertified
from cellctl.execution.job import Job
from cellctl.execution.service.launch import parsed, run


def load(path: Path) -> Job:
    if path.read_text() != "certified":
        raise NotCertified(Finding("C301", "the plan is not certified"))
    job = small_job()
    return replace(job, tolerances=replace(job.tolerances, late_cycles=40))  # a busy machine is no fault of these tests


if __name__ == "__main__":
    run(parsed(sys.argv[1:]), small_setup(), load)
