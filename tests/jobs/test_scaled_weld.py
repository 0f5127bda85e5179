"""A weld that an override slows down on the simulated arm: its power goes along, and what it measured is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellctl.execution.records.survey import surveyed
from cellctl.execution.records.trace import read_trace
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import start_cell
from cellctl.files import cell_from_inputs, load_task
from cellctl.jobs import certify, measured_welds, plan
from cellctl.jobs.run_figures import run_figures
from cellctl.model.plan import CertifiedPlan

pytest.importorskip("pybullet")

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = """  wire_feed: {analog_output: 0}
  voltage: {analog_output: 1}
  current: {analog_input: 0}
  arc_voltage: {analog_input: 1}
"""
TASK = """cell: cell.yaml
steps:
  - weld: {seam: tray.left, wps: mig131_al_t3, from: 15 mm, to: 55 mm}
"""


def project(folder: Path, procedure: str) -> Path:
    """A copy of the tray cell with a source whose power can be set, and one short weld."""
    (folder / "cellctl.yaml").write_text("project: {name: scaled}\n")
    for name in ("cell.yaml", "mig131_al_t3.yaml", "toggle_clamp.yaml", "tray.yaml"):
        (folder / name).write_text((ROOT / "sim/tray_cell" / name).read_text())
    cell = (folder / "cell.yaml").read_text()
    (folder / "cell.yaml").write_text(cell.replace("  arc_ok: {input: 1}\n", "  arc_ok: {input: 1}\n" + SIGNALS))
    with (folder / "mig131_al_t3.yaml").open("a") as wps:
        wps.write(procedure)
    (folder / "task.yaml").write_text(TASK)
    return folder / "task.yaml"


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> CertifiedPlan:
    task = project(tmp_path_factory.mktemp("cell"), "override: scaled\nheat_input: 0.22 .. 0.28 kJ/mm\n")
    return certify(plan(load_task(task)))


def welded(certified: CertifiedPlan, folder: Path, arc_fault: str = "none") -> Path:
    """The folder of a run that is slowed down as soon as its arc stands, and quickened again on its way."""
    certified.plan.save(folder / "plan.zip")
    with start_cell(cell_from_inputs(certified.plan.inputs), CellOptions(arc_fault=arc_fault)) as link:
        progress = 0
        for event in link.run(folder / "plan.zip", folder / "run"):
            progress += event.kind == "progress" and event.data.get("segment") == 2
            if event.kind == "arc_established":
                link.override(0.2)
            elif progress == 4:
                link.override(0.95)
    return folder / "run"


def test_power_and_speed_go_together_and_the_weld_conforms(certified: CertifiedPlan, tmp_path: Path) -> None:
    folder = welded(certified, tmp_path)
    trace = read_trace(folder / "trace.csv")
    burns = (trace.arc == 2) & (trace.rate > 0.0)
    slow = burns & (np.abs(trace.rate - 0.81) < 1e-6)
    assert slow.sum() > 200
    assert (burns & (trace.rate == 0.95)).sum() > 200
    np.testing.assert_allclose(trace.analog["current"][slow][5:], 126.0, atol=2.0)
    assert np.corrcoef(trace.rate[burns], trace.analog["wire_feed"][burns])[0, 1] > 0.999
    (weld,) = measured_welds(folder)
    assert weld.verdict() == ()
    assert weld.record is not None
    assert 0.22e6 < weld.record.heat_input < 0.28e6
    assert '"power"' in (folder / "weld_source.jsonl").read_text()
    assert surveyed(folder).welds[0].complete
    power = trace.arc_power[trace.arc == 2]
    assert run_figures(folder).arc_energy == pytest.approx(power.mean() * (power.size * 0.004), rel=0.01)


def test_a_source_that_gives_too_little_current_is_found_out(certified: CertifiedPlan, tmp_path: Path) -> None:
    (weld,) = measured_welds(welded(certified, tmp_path, arc_fault="weak"))
    assert [finding.code for finding in weld.verdict()] == ["C340"]
