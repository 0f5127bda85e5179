"""Two exact engines, one verdict: the same distances in the tray cell, the same certificate, the same refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import CheckFailed
from cellctl.files import load_cell, load_task
from cellctl.jobs import check, plan
from cellctl.model.plan import Plan
from cellctl.proof import examine
from cellctl.scene.bodies import collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.coal.exact import CoalScene
from tests.jobs.conftest import Spoil

TASK = "tasks/weld/tray_corner.yaml"
CELL = "cell/cell.yaml"


@pytest.mark.parametrize(
    ("name", "states"), [("tray_cell", 1000), ("positioner_cell", 300), ("desk_cell", 300), ("paper_cell", 300)]
)
def test_distances_agree_over_every_shipped_cell(checkout: Path, name: str, states: int) -> None:
    cell = load_cell(checkout / "sim" / name / "cell.yaml")
    group = cell.groups[0].name
    model, axes = collision_model(cell, group), cell.axes(group)
    rng = np.random.default_rng(8)
    overlaps, differences = 0, []
    with ExactScene(model) as bullet, CoalScene(model) as coal:
        for q in rng.uniform(axes.limit_array("lower"), axes.limit_array("upper"), (states, axes.dof)):
            theirs = {contact.pair: contact.distance for contact in bullet.all_within(q, 0.3)}
            ours = {contact.pair: contact.distance for contact in coal.all_within(q, 0.3)}
            # A pair at the very edge of what was asked for may be in one answer alone.
            assert all(theirs.get(k, ours.get(k)) > 0.2995 for k in theirs.keys() ^ ours.keys())
            both = theirs.keys() & ours.keys()
            assert all(abs(ours[k]) < 0.5e-3 for k in both if (theirs[k] < 0.0) != (ours[k] < 0.0))
            overlaps += sum(theirs[k] < 0.0 for k in both)
            differences += [ours[k] - theirs[k] for k in both]
    assert overlaps > 100
    assert len(differences) > 10 * states
    # PyBullet's bodies contain the solids, coal's are the solids: its distances are never the smaller ones.
    assert min(differences) > -1e-6
    assert max(differences) < 0.5e-3


@pytest.fixture(scope="module")
def planned(checkout: Path) -> Plan:
    return plan(load_task(checkout / TASK))


def test_the_verdict_and_the_gaps_are_the_same(planned: Plan) -> None:
    bullet, coal = examine(planned, engine="bullet"), examine(planned, engine="coal")
    assert (bullet.engine, coal.engine) == ("bullet", "coal")
    assert bullet.findings == coal.findings == ()
    for ours, theirs in zip(coal.records, bullet.records, strict=True):
        assert replace(ours, gaps=()) == replace(theirs, gaps=())
        for gap, other in zip(ours.gaps, theirs.gaps, strict=True):
            assert (gap.first, gap.second, gap.margin) == (other.first, other.second, other.margin)
            assert gap.observed == pytest.approx(other.observed, abs=0.2e-3)
            assert gap.proved == pytest.approx(other.proved, abs=0.2e-3)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ((CELL, "xyz: 446 110 -24 mm, rpy: 0 0 180 deg", "xyz: 300 110 -10 mm, rpy: 0 0 -90 deg"), "clamp_1"),
        ((CELL, "xyz: 230 0 24 mm, rpy: 0 0 135 deg", "xyz: 230 0 24 mm, rpy: 0 90 135 deg"), "table"),
    ],
)
def test_what_is_in_the_way_is_refused_by_both(spoiled: Spoil, change: tuple[str, str, str], name: str) -> None:
    task = spoiled(change)
    said = []
    for engine in ("bullet", "coal"):
        with pytest.raises(CheckFailed) as caught:
            check(task, engine=engine)
        assert name in str(caught.value)
        said.append([finding.code for finding in caught.value.findings])
    assert said[0] == said[1]


def test_a_plan_through_the_table_is_refuted_by_both(planned: Plan) -> None:
    segments = list(planned.segments)
    path = segments[0].path
    dive = path.control + np.sin(np.linspace(0.0, np.pi, len(path.control)))[:, None] * (0.0, 1.2, 0.0, 0.0, 0.0, 0.0)
    segments[0] = replace(segments[0], path=replace(path, control=dive))
    through = replace(planned, blocks=(replace(planned.blocks[0], segments=tuple(segments)),))
    hit = []
    for engine in ("bullet", "coal"):
        findings = [finding for finding in examine(through, engine=engine).findings if finding.code == "C301"]
        hit.append({(finding.data["first"], finding.data["second"]) for finding in findings})
    assert hit[0] == hit[1]
    assert hit[0]
