"""The shipped screw job: planned, proved, run on the simulated arm, and gone on with after a screw that failed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.resume import said_of
from cellctl.errors import NotCertified, UsageError
from cellctl.execution.records.survey import surveyed
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import start_cell
from cellctl.files import cell_from_inputs, load_task
from cellctl.jobs import certify, interrupted, measured_screws, plan, resume, run
from cellctl.jobs.run_exporting import export_mcap, export_parquet
from cellctl.jobs.run_figures import run_figures
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.plan import CertifiedPlan
from cellctl.model.spline import BSpline
from cellctl.model.task import Screw
from cellctl.planning.seams.lines import reversed_path
from cellctl.processes.screwing import hole_place, screwdriver_of
from cellctl.proof.screwing import check_driven

pytest.importorskip("pybullet")

RUN = 1 << 1
WAY_IN = 2
"""Segment in which the first screw goes in."""


@pytest.fixture(scope="module")
def certified(checkout: Path) -> CertifiedPlan:
    """Two of its screws."""
    task = load_task(checkout / "tasks/assembly/screw_lid.yaml")
    return certify(plan(replace(task, steps=task.steps[:2], places=())))


@pytest.fixture(scope="module")
def ran(certified: CertifiedPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    assert run(certified, folder=folder).finish().status == "done"
    return folder


def test_the_shipped_task_screws_four_corners_crosswise(checkout: Path) -> None:
    task = load_task(checkout / "tasks/assembly/screw_lid.yaml")
    holes = [task.cell.hole(step.hole)[1] for step in task.steps if isinstance(step, Screw)]
    assert len({hole.name for hole in holes}) == 4
    for one, other in zip(holes[::2], holes[1::2], strict=True):
        assert np.allclose(np.add(one.point, other.point)[:2], 0.0), "opposite corners"


def test_every_screw_is_tight_by_their_drivers_own_log(ran: Path) -> None:
    said = [json.loads(line) for line in (ran / "weld_source.jsonl").read_text().splitlines()]
    tight = [line for line in said if line["event"] == "screw_tight"]
    assert len(tight) == 2
    screws = surveyed(ran).screws
    assert [screw.done for screw in screws] == [True] * 2
    for screw, line in zip(screws, tight, strict=True):
        assert line["torque"] == pytest.approx(screw.torque)
    (words, *_) = run_figures(ran).screws
    assert words.startswith("lid.front_left is tight, 6.")


def test_the_driver_turns_as_the_measured_bit_goes_in(certified: CertifiedPlan, ran: Path) -> None:
    """Pitch times turns, by the simulated driver's own angle and the joints that were measured."""
    trace = read_trace(ran / "trace.csv")
    cell = cell_from_inputs(certified.plan.inputs)
    mechanism = cell.mechanism("r1")
    tip = screwdriver_of(mechanism)[1].bit_tip.matrix
    step = Screw("lid.front_left", "m6x16")
    hole = hole_place(cell, step)
    rows = (trace.segment == WAY_IN) & ((trace.outputs & RUN) > 0) & (trace.rate > 0.0)
    tips = (mechanism.pose_world_base.matrix @ flange_matrices(chain_of(mechanism.robot), trace.measured[rows]) @ tip)[
        :, :3, 3
    ]
    offset = tips - hole.tip(0.0)
    gone = hole.program.length - offset @ hole.axis
    aside = np.linalg.norm(offset - (offset @ hole.axis)[:, None] * hole.axis, axis=1)
    assert aside.max() < 0.3e-3
    turned = trace.analog["driver_angle"][rows] * hole.program.pitch / (2.0 * np.pi)
    assert np.abs(turned - gone).max() < 0.15 * hole.program.pitch


def test_every_screw_is_judged_by_its_measured_joints(ran: Path) -> None:
    screws = measured_screws(ran)
    assert [screw.hole for screw in screws] == ["lid.front_left", "lid.rear_right"]
    for screw in screws:
        assert screw.verdict() == ()
        assert screw.aside is not None
        assert screw.aside < 0.3e-3
        assert screw.depth == pytest.approx(12e-3, abs=0.3e-3)


def as_driven(certified: CertifiedPlan, ran: Path) -> tuple[np.ndarray, np.ndarray]:
    """Measured joints and the driver's angle while the first screw was driven."""
    trace = read_trace(ran / "trace.csv")
    rows = (trace.segment == WAY_IN) & ((trace.outputs & RUN) > 0)
    return trace.measured[rows], trace.analog["driver_angle"][rows]


@pytest.mark.parametrize(
    ("what", "code"),
    [("pushed", "C370"), ("leans", "C370"), ("late", "C371"), ("short", "C371"), ("back", "C371"), ("slips", "C372")],
)
def test_a_screw_that_was_measured_elsewhere_is_named(
    certified: CertifiedPlan, ran: Path, what: str, code: str
) -> None:
    q, turned = as_driven(certified, ran)
    n = len(q)
    bump = np.sin(np.linspace(0.0, np.pi, n))[:, None]
    measured = {
        "pushed": (q + 2e-3 * bump * np.eye(6)[0], turned),
        "leans": (q + np.radians(1.5) * bump * np.eye(6)[3], turned),
        "late": (q[n // 4 :], turned[n // 4 :]),
        "short": (q[: n // 2], turned[: n // 2]),
        "back": (np.concatenate([q[: n // 2], q[n // 4 :]]), np.full(n // 2 + n - n // 4, np.nan)),
        "slips": (q, 0.8 * turned),
    }
    cell = cell_from_inputs(certified.plan.inputs)
    step = Screw("lid.front_left", "m6x16")
    sound, none = check_driven(cell, "r1", step, q, turned, "here")
    assert none == ()
    assert len(sound.left) == n
    _, findings = check_driven(cell, "r1", step, *measured[what], "here")
    assert code in [finding.code for finding in findings]


def test_a_screw_that_was_not_driven_is_said_to_be_left_out(certified: CertifiedPlan, tmp_path: Path) -> None:
    certified.plan.save(tmp_path / "plan.zip")
    with start_cell(cell_from_inputs(certified.plan.inputs), CellOptions(driver="memory")) as link:
        assert [*link.run(tmp_path / "plan.zip", tmp_path / "dry", process="dry")][-1].kind == "done"
    assert [finding.code for screw in measured_screws(tmp_path / "dry") for finding in screw.verdict()] == ["C368"] * 2


def test_nothing_but_the_way_in_is_driven(certified: CertifiedPlan, ran: Path) -> None:
    trace, turns = driving(ran)
    assert set(trace.segment[turns].tolist()) == {
        k for k, segment in enumerate(certified.plan.segments) if segment.screw is not None
    }


def test_torque_and_angle_go_into_the_tables_of_others(ran: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    export_parquet(ran, tmp_path / "run.parquet")
    table = parquet.read_table(tmp_path / "run.parquet")
    trace = read_trace(ran / "trace.csv")
    for name in ("driver_torque", "driver_angle", "driver_speed"):
        np.testing.assert_array_equal(table[f"v_{name}"].to_numpy(), trace.analog[name])


def test_what_is_no_number_is_left_out_of_mcap(ran: Path, tmp_path: Path) -> None:
    export_mcap(ran, tmp_path / "run.mcap")
    data = (tmp_path / "run.mcap").read_bytes()
    assert b'"driver_torque"' in data
    assert b"NaN" not in data


def crossed(certified: CertifiedPlan, folder: Path) -> Path:
    """The folder of a run whose first screw jams on its way in."""
    certified.plan.save(folder / "plan.zip")
    with start_cell(cell_from_inputs(certified.plan.inputs), CellOptions(screw_fault="cross:1")) as link:
        faults = [event for event in link.run(folder / "plan.zip", folder / "run") if event.kind == "fault"]
    assert [finding["code"] for finding in faults[0].data["findings"]] == ["X438"]
    return folder / "run"


def driving(folder: Path) -> tuple[Trace, np.ndarray]:
    """The trace of a run, and its rows in which the driver turns."""
    trace = read_trace(folder / "trace.csv")
    return trace, np.flatnonzero(trace.outputs & RUN)


def test_a_cross_threaded_screw_is_driven_anew_or_left_and_never_by_itself(
    certified: CertifiedPlan, tmp_path: Path
) -> None:
    found = interrupted(crossed(certified, tmp_path))
    said = "\n".join(said_of(found))
    assert "lid.front_left is not known to be sound (X438)" in said
    assert "--screw again" in said
    with pytest.raises(UsageError) as caught:
        resume(found, arc="restart")
    assert caught.value.findings[0].code == "X447"
    for screw, holes in (("again", ["lid.front_left", "lid.rear_right"]), ("done", ["lid.rear_right"])):
        folder = tmp_path / screw
        going_on = resume(found, arc="restart", screw=screw, driver="memory", folder=folder)  # type: ignore[arg-type]
        assert going_on.finish().status == "done"
        assert [one.hole for one in surveyed(folder).screws if one.done] == holes
        trace, turns = driving(folder)
        assert trace.s[turns[0]] < 1e-4, "from where its thread bites"
        assert trace.segment[0] in (-1, WAY_IN), "from where the arm stands"


def spoiled(certified: CertifiedPlan, index: int, **changes: object) -> list[str]:
    """The codes of a proof of the plan with one of its segments changed."""
    plan_, segments = certified.plan, list(certified.plan.segments)
    segments[index] = replace(segments[index], **changes)  # type: ignore[arg-type]
    block = replace(plan_.blocks[0], segments=tuple(segments))
    with pytest.raises(NotCertified) as caught:
        certify(replace(plan_, blocks=(block,), certificate=None))
    return [finding.code for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("what", "codes"),
    [("faster", {"C372"}), ("backwards", {"C371"}), ("no screw", {"C327"}), ("aside", {"C370"})],
)
def test_a_plan_that_drives_otherwise_is_refuted(certified: CertifiedPlan, what: str, codes: set[str]) -> None:
    way_in = certified.plan.segments[WAY_IN]
    aside = way_in.path.control.copy()
    aside[2:-2, 0] += 2e-3
    changes = {
        "faster": {"law": BSpline(3, way_in.law.knots * 0.8, way_in.law.control)},
        "backwards": {"path": reversed_path(way_in.path)},
        "no screw": {"screw": None},
        "aside": {"path": BSpline(3, way_in.path.knots, aside)},
    }
    assert codes <= set(spoiled(certified, WAY_IN, **changes[what]))


def test_a_screw_that_another_hole_asks_for_is_no_sound_plan(certified: CertifiedPlan) -> None:
    other = certified.plan.segments[6].screw
    assert "C327" in spoiled(certified, WAY_IN, screw=other)
