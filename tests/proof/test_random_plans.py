"""Random free motions in the tray cell: none is refused, and neither denser looking nor another engine finds less.

Five of them in every run; two hundred where `-m slow` asks for them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import PlanningFailed
from cellctl.files import load_task
from cellctl.files.edits import Edit, cell_reference, edited_task, shown_vector
from cellctl.jobs import certify, plan
from cellctl.model.plan import CertifiedPlan
from cellctl.model.task import MoveJ, Task
from cellctl.scene.bodies import collision_model
from cellctl.scene.engine import EngineName
from tests.proof.conftest import ROUNDING, smallest_gap

LOOKS = 4000
"""Places along a segment that are looked at again; the proof itself has looked at 49."""


def random_task(base: Task, rng: np.random.Generator) -> Task:
    """Three moves between configurations drawn inside the limits; what cannot stand there is drawn again."""
    robot = base.cell.mechanisms[0].robot
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    names = [f"q{k}" for k in range(3)]
    reference, arm = cell_reference(base), base.cell.mechanisms[0].name
    edits = [
        Edit(reference, ("mechanisms", arm, "configurations", name), shown_vector(rng.uniform(lower, upper), "angle"))
        for name in names
    ]
    return edited_task(replace(base, name="random"), edits, tuple(MoveJ(name) for name in names))


def certified_at_random(base: Task, rng: np.random.Generator) -> CertifiedPlan:
    """A random task that can be planned, planned and proved; a proof that refuses it is an error of this test."""
    while True:
        try:
            made = plan(random_task(base, rng))
        except PlanningFailed:
            continue
        return certify(made)


def holds(certified: CertifiedPlan, task: Task, looks: int, engine: EngineName) -> None:
    model = collision_model(task.cell, task.cell.groups[0].name)
    for record in certified.certificate.segments:
        proved = min((gap.proved for gap in record.gaps), default=0.25)
        path = certified.plan.segments[record.index].path
        found = smallest_gap(model, engine, path(np.linspace(path.start, path.end, looks)), proved)
        assert found >= proved - ROUNDING, f"{engine}: {found} where {proved} is proved"


@pytest.fixture(scope="module")
def base(checkout: Path) -> Task:
    return load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")


@pytest.mark.parametrize("seed", range(5))
def test_a_random_plan_is_proved_and_keeps_its_gaps(base: Task, seed: int) -> None:
    certified = certified_at_random(base, np.random.default_rng(seed))
    assert {finding.code for finding in certified.warnings} <= {"C307"}
    holds(certified, base, 400, "coal" if seed % 2 else "bullet")


@pytest.mark.slow
def test_two_hundred_random_plans(base: Task) -> None:
    rng = np.random.default_rng(200)
    for number in range(200):
        holds(certified_at_random(base, rng), base, LOOKS // 10, "coal" if number % 2 else "bullet")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["bullet", "coal"])
def test_a_hundred_times_denser(base: Task, engine: EngineName) -> None:
    rng = np.random.default_rng(7)
    for _ in range(3):
        holds(certified_at_random(base, rng), base, LOOKS, engine)
