"""Every job of the library looked at again, far more densely than its proof did: no engine finds less than is proved.

One of them coarsely in every run; all of them, a hundred times as densely and with both engines, where `-m slow` asks
for them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.files import task_from_inputs
from cellctl.jobs import check
from cellctl.model.certificate import SegmentRecord
from cellctl.model.plan import CertifiedPlan
from cellctl.proof.clearance import LOOKS
from cellctl.proof.form import task_group
from cellctl.proof.handling import standings
from cellctl.scene.bodies import collision_model
from cellctl.scene.engine import EngineName, open_engine
from tests.proof.conftest import ROUNDING

JOBS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "tasks").rglob("*.yaml"))
PROVED_UP_TO = 0.25


def file_of(checkout: Path, job: str) -> Path:
    (found,) = (checkout / "tasks").rglob(f"{job}.yaml")
    return found


def nearer_than_proved(certified: CertifiedPlan, engine: EngineName, looks: int) -> list[str]:
    """What `engine` finds nearer, at `looks` places along every segment, than what is proved of all of its margin."""
    task, segments = task_from_inputs(certified.plan.inputs), certified.plan.segments
    group = task_group(task)
    mechanism = task.cell.mechanism(task.cell.group(group).mechanisms[0])
    found: list[str] = []
    records = zip(certified.certificate.segments, standings(task, mechanism, segments), strict=True)
    for record, standing in records:
        model = collision_model(standing.cell, group)
        segment = segments[record.index]
        proved = proved_of_pairs(record, model.margins_with(segment.contacts, segment.kind))
        with open_engine(engine, model) as scene:
            for u in np.linspace(segment.path.start, segment.path.end, looks):
                nearer = (c for c in scene.all_within(segment.path(u)[0], proved) if c.distance < proved[c.pair])
                found += [f"segment {record.index} at {u}: {model.pair_names(c.pair)} {c.distance}" for c in nearer]
    return found


def proved_of_pairs(record: SegmentRecord, margins: np.ndarray) -> np.ndarray:
    """What is proved of every pair (n,), less what an engine may read too little; -inf for what may touch."""
    proved = {gap.margin: gap.proved for gap in record.gaps}
    wanted = np.array([proved.get(margin, PROVED_UP_TO) for margin in margins.tolist()]) - ROUNDING
    return np.where(np.isfinite(margins), wanted, -np.inf)


def test_a_job_keeps_what_is_proved_of_it(checkout: Path) -> None:
    certified = check(file_of(checkout, "seam_on_paper"))
    assert nearer_than_proved(certified, "coal", 2 * LOOKS) == []


def test_a_gap_that_is_not_there_is_found(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a millimetre more than is proved is looked for, something is nearer."""
    certified = check(file_of(checkout, "seam_on_paper"))
    monkeypatch.setitem(globals(), "ROUNDING", -1e-3)
    assert nearer_than_proved(certified, "bullet", LOOKS)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["bullet", "coal"])
@pytest.mark.parametrize("job", JOBS)
def test_a_hundred_times_as_densely(checkout: Path, job: str, engine: EngineName) -> None:
    assert nearer_than_proved(check(file_of(checkout, job)), engine, 100 * LOOKS) == []
