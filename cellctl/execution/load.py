"""From a plan file to a job: read, check that its certificate binds, take limits and times from the inputs it
carries.
"""

from __future__ import annotations

from pathlib import Path

from cellctl.errors import FileError, Finding, Place
from cellctl.execution.job import Job, arc_lines, joint_envelope, joint_reach, process_times
from cellctl.files import cell_from_inputs, read_plan
from cellctl.proof.binding import certified


def load_job(path: Path) -> Job:
    """The job of a plan file; raises FileError for no plan and NotCertified where plan and certificate do not belong
    together.
    """
    plan = read_plan(path)
    proved = certified(plan)
    cell = cell_from_inputs(plan.inputs)
    (group, *others) = plan.start
    if others:
        raise FileError(Finding("X406", "the plan moves several groups; one can be executed", Place(str(path))))
    mechanism = cell.mechanism(cell.group(group).mechanisms[0])
    return Job(
        proved,
        joint_envelope(mechanism.robot),
        process_times(plan, cell),
        arc_lines(cell),
        reach=joint_reach(mechanism),
    )
