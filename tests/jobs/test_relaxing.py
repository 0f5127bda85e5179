"""Refusals against brute force: none is false, each names what binds, and what is offered works and is the smallest."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.errors import CheckFailed, Finding, PlanningFailed
from cellctl.files import load_task, plan_content
from cellctl.files.edits import step_text
from cellctl.jobs import certify, check, plan, relaxing
from cellctl.jobs.change import Change, Family
from cellctl.jobs.changes import families
from cellctl.jobs.relaxing import relaxations
from cellctl.model.task import MoveJ, Task, Weld
from cellctl.model.weave import Weave
from cellctl.model.wps import Range
from cellctl.processes.seam import seam_path
from cellctl.units import deg, mm
from tests.jobs.impossible_cells import FAMILIES, BruteForce, Case

SEAM_CODES = {"P201", "P202", "P203", "P204"}
QUICK = [(0, 0), (1, 0), (3, 1), (3, 6), (4, 0), (6, 0)]
SEEDS = 9
MOST = 8
LEAST = {
    "end_blocked": (9, 9),
    "out_of_reach": (5, 4),
    "narrow_gap": (9, 7),
    "tight_spin": (7, 4),
    "joint_limit": (5, 5),
    "large_margin": (9, 9),
    "near_bar": (9, 9),
}
"""How many of the cells of a family are impossible, and to how many of these its own change is offered, at least."""


def refusal(task: Task) -> tuple[Finding, ...]:
    try:
        plan(task)
    except PlanningFailed as error:
        return error.findings
    return ()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some families, so that a test of the words takes seconds."""
    names = ("trim at the end", "move part -x", "spin")
    every = relaxing.families
    monkeypatch.setattr(relaxing, "families", lambda *asked: (f for f in every(*asked) if f.name in names))


def works(task: Task) -> bool:
    try:
        check(task)
    except CheckFailed:
        return False
    return True


def drawn(family: int, seed: int) -> Case:
    return FAMILIES[family](np.random.default_rng(seed))


def judged_right(task: Task) -> bool:
    """Hold the planner's answer against brute force; True for an impossible cell."""
    found = refusal(task)
    codes = {finding.code for finding in found}
    brute = BruteForce(task)
    truth = brute.search()
    if truth.way:
        assert not codes & SEAM_CODES, f"a false refusal: {found}"
        return False
    (code,) = codes
    if not all(truth.reached):
        assert code == "P201"
    elif not all(truth.inside):
        assert code == "P202"
    else:
        blocked = brute.blocked_stations()
        assert code == ("P203" if blocked else "P204")
        if blocked:
            named = frozenset(finding.data["pair"][1] for finding in found)
            without = BruteForce(task, ignored=named).blocked_stations()
            assert len(without) < len(blocked), f"{found} do not bind"
    assert found[0].data["exhaustive"]
    return True


def offered_is_smallest(task: Task, case: Case) -> bool:
    """The offer of the case's own family is planned, and no smaller amount but one both has a way by brute force and a
    plan that is proved.
    """
    found = refusal(task)
    given = relaxations(task, found, only={case.relaxation})
    (searched,) = given.searched
    (family,) = [family for family in families(task, 0, found) if family.name == case.relaxation]
    amounts = [change for n in range(1, family.count + 1) if (change := family.make(n)) is not None]
    smallest = smallest_with_way(family, amounts)
    if not given.offers:
        assert searched.outcome == "none"
        for change in spread(amounts[smallest:]):
            assert not works(change.task), f"nothing was offered, and {change.said} would have done"
        return False
    (offer,) = given.offers
    position = next(k for k, change in enumerate(amounts) if change.amount == pytest.approx(offer.change.amount))
    assert smallest <= position
    first_left_out = position - searched.by_halving  # halving takes more to be no worse, and may be a step off
    for change in spread(amounts[smallest : max(smallest, first_left_out)]):  # a way along the seam, and yet no plan
        assert not works(change.task), f"{change.said} would have done"
    assert not refusal(offer.change.task)
    assert offer.certified.certificate.segments
    return True


def smallest_with_way(family: Family, amounts: list[Change]) -> int:
    """How many amounts have no way by brute force, before the first that has one.

    A smaller margin leaves every node free that was free before, so among margins halving finds the first.
    """

    def has_way(k: int) -> bool:
        return BruteForce(amounts[k].task).search().way

    if family.name.startswith("margin"):
        return bisect_left(range(len(amounts)), True, key=has_way)
    return next((k for k in range(len(amounts)) if has_way(k)), len(amounts))


def spread(changes: list[Change]) -> list[Change]:
    """Up to MOST of `changes`, evenly spaced, the first and the last among them: to plan each takes seconds."""
    places = np.unique(np.linspace(0, len(changes) - 1, min(MOST, len(changes))).round().astype(int))
    return [changes[k] for k in places]


@pytest.mark.parametrize(("family", "seed"), QUICK)
def test_a_refusal_is_true_and_its_offer_is_the_smallest(family: int, seed: int, tmp_path: Path) -> None:
    case = drawn(family, seed)
    task = case.load(tmp_path)
    assert judged_right(task)
    offered_is_smallest(task, case)


def every_offer_is_planned_again(task: Task) -> None:
    """Whatever is offered, of any family: its task is planned and proved, from nothing."""
    given = relaxations(task, refusal(task))
    assert given.offers
    assert {searched.outcome for searched in given.searched} <= {"offered", "none"}
    for offer in given.offers:
        assert plan_content(certify(plan(offer.change.task)).plan) == plan_content(offer.certified.plan)


@pytest.mark.slow
@pytest.mark.parametrize("family", range(len(FAMILIES)), ids=[family.__name__ for family in FAMILIES])
def test_impossible_cells_against_brute_force(family: int, tmp_path: Path) -> None:
    name, impossible, offered = FAMILIES[family].__name__, 0, 0
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        case = drawn(family, seed)
        task = case.load(folder)
        if judged_right(task):
            impossible += 1
            has_offer = offered_is_smallest(task, case)
            offered += has_offer
            if has_offer and offered == 1:
                every_offer_is_planned_again(task)
    least = LEAST[name]
    assert impossible >= least[0]
    assert offered >= least[1]


def test_at_least_forty_cells_are_impossible() -> None:
    """What the parts of the slow test above come to together."""
    assert sum(impossible for impossible, _ in LEAST.values()) >= 40
    assert sum(offered for _, offered in LEAST.values()) >= 40


def test_a_longer_approach_is_offered_where_it_begins_too_near(tmp_path: Path) -> None:
    """At 8 mm from the seam the wire is nearer to the plates than the clearance of free motion."""
    task = Case("short approach", "longer approach", clearance=12.0, more=", approach: 8 mm").load(tmp_path)
    found = refusal(task)
    assert [finding.code for finding in found] == ["P281"]
    given = relaxations(task, found, only={"longer approach"})
    (offer,), (family,) = given.offers, [f for f in families(task, 0, found) if f.name == "longer approach"]
    amounts = [change for k in range(1, family.count + 1) if (change := family.make(k)) is not None]
    shorter = [change for change in amounts if change.amount < offer.change.amount - 1e-9]
    assert shorter
    assert not any(works(change.task) for change in shorter)
    assert f"approach of {8 + 5 * (len(shorter) + 1)} mm" == offer.change.said


HALF_ROUND = """\
material_group: "22"
thickness: 4 mm
bodies:
  base: {box: 300 300 4 mm, at: {xyz: 0 0 -2 mm}}
  boss: {cylinder: {radius: 60 mm, length: 30 mm}, at: {xyz: 0 0 15 mm}}
seams:
  fillet:
    arc: {through: [60 0 0 mm, 0 60 0 mm, -60 0 0 mm]}
    bodies: [base, boss]
    faces: [axis, radial]
    joint: t
"""


def test_a_seam_is_split_where_a_joint_runs_out(tmp_path: Path) -> None:
    """The torch may not turn against the seam; axis 6 cannot follow it half round, and it can either part of it."""
    limit = tuple(f"lower: -{a6} deg\n    upper: {a6} deg\n    velocity: 615" for a6 in (350, 120))
    more = ", spin: 0 +-3 deg"
    task = Case("half round", "split", yaw=270.0, more=more, limit=limit, part=HALF_ROUND).load(tmp_path)
    found = refusal(task)
    assert [finding.code for finding in found] == ["P204"]
    (offer,) = relaxations(task, found, only={"split"}).offers
    welds = offer.change.task.steps
    lengths = [seam_path(task.cell, weld).length for weld in (*task.steps, *welds)]
    assert lengths[0] == pytest.approx(sum(lengths[1:]), abs=1e-9)
    assert len(offer.change.steps) == len(welds) == 2
    certify(plan(offer.change.task))


def test_an_offer_can_be_pasted(few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    """What is offered for the end of a seam is written into the file, and then the file is sound."""
    file = drawn(0, 0).write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert call(["check", "task.yaml", "--relax", "--png", "pose.png", "--json"]) == 1
    (answer,) = json.loads(capsys.readouterr().out)["files"]
    offers = {offer["family"]: offer for offer in answer["relaxations"]["offers"]}
    trim = offers["trim at the end"]
    (line,) = trim["steps"]
    text = file.read_text()
    file.write_text(re.sub(r"^ *- weld: .*$", f"  {line}", text, flags=re.MULTILINE))
    assert check(file).plan.cycle_time == pytest.approx(trim["cycle_time"], rel=1e-6)
    assert Path("pose.png").stat().st_size > 10_000
    assert {s["outcome"] for s in answer["relaxations"]["searched"]} <= {"offered", "none", "broken off"}


def test_the_words_of_a_refusal(few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = drawn(1, 0).write(tmp_path)
    assert call(["check", str(file), "--relax"]) == 1
    said = capsys.readouterr().out
    assert "nothing of the grid was left out" in said
    assert "any one of these would do; each was planned and proved:" in said
    assert re.search(r"part moved by \d+ mm along -x\n +in project:cell.yaml:\n +parts.part.at.xyz: ", said)


def test_plan_offers_the_same_and_writes_nothing(few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = drawn(1, 0).write(tmp_path), tmp_path / "out.plan.zip"
    assert call(["plan", str(file), "-o", str(out), "--relax"]) == 1
    assert "each was planned and proved:" in capsys.readouterr().out
    assert not out.exists()


def test_a_task_that_fails_elsewhere_gets_no_offers(checkout: Path) -> None:
    task = load_task(checkout / "tasks" / "weld" / "tray_corner.yaml")
    given = relaxations(task, [Finding("P206", "the start")])
    assert (given.step, given.offers, given.tries) == (None, (), 0)


def test_the_limit_of_tries_is_kept_and_said(tmp_path: Path) -> None:
    task = drawn(0, 0).load(tmp_path)
    given = relaxations(task, refusal(task), tries=3)
    assert given.tries == 3
    assert "broken off" in {searched.outcome for searched in given.searched}


@pytest.mark.parametrize(
    "step",
    [
        MoveJ("home"),
        MoveJ("home", group="r1"),
        Weld("a.b", "w"),
        Weld("a.b", "w", from_=15 * mm, to=-25.5 * mm, travel_speed=8.25 * mm, reverse=True, backing=("table",)),
        Weld("a.b", "w", work_angle=Range(-3 * deg, 0.0, 4.5 * deg), spin=Range(0.0, 10 * deg, 20 * deg), group="r1"),
        Weld("a.b", "w", start=30 * deg, overlap=8 * mm, ctwd=16 * mm, approach=40 * mm, retract=60 * mm),
        Weld("a.b", "w", weave=Weave(2 * mm, frequency=1.25)),
        Weld("a.b", "w", weave=Weave(1.5 * mm, wavelength=3.2 * mm)),
    ],
)
def test_a_step_reads_back_as_it_was_written(step: MoveJ | Weld) -> None:
    from ruamel.yaml import YAML

    from cellctl.files.task_fields import StepField
    from cellctl.files.task_file import _step

    (tree,) = YAML(typ="safe").load(step_text(step))
    again = _step(StepField.model_validate(tree))
    for name in step.__slots__:
        before, after = getattr(step, name), getattr(again, name)
        if isinstance(before, Range):
            ends = [(w.minimum, w.nominal, w.maximum) for w in (before, after)]
            assert ends[0] == pytest.approx(ends[1], abs=1e-9)
        elif isinstance(before, Weave):
            assert asdict(after) == pytest.approx(asdict(before), abs=1e-9)
        else:
            assert before == (pytest.approx(after, abs=1e-9) if isinstance(before, float) else after)
