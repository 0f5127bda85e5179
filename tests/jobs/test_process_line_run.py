"""A weld through all processes with its source on a Modbus line. In real time, so only when asked for."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import Faulted
from cellctl.execution.records.trace import read_trace
from cellctl.files import load_task
from cellctl.jobs import certify, plan, run
from cellctl.model.plan import CertifiedPlan

pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
from cellctl.emulators.modbus.devices import Device
from cellctl.emulators.modbus.line import process_line

pytestmark = pytest.mark.slow
PATIENT = 120.0


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> CertifiedPlan:
    """Three centimetres of a seam, from and to where the torch stands before it."""
    path = tmp_path_factory.mktemp("task") / "short.yaml"
    path.write_text(
        "name: short\ncell: lib:sim/tray_cell/cell.yaml\nstart: home\n"
        "steps:\n  - weld: {seam: tray.left, wps: mig131_al_t3, from: 15 mm, to: 45 mm}\n"
    )
    return certify(plan(load_task(path)))


@pytest.fixture
def io_file(tmp_path: Path, checkout: Path) -> Path:
    """The shipped wiring with times for machines that have other things to do, too."""
    text = (checkout / "sim/process_line/io.yaml").read_text("utf-8")
    path = tmp_path / "io.yaml"
    text = text.replace("answer_time: 20 ms", "answer_time: 10 s").replace("deadline: 250 ms", "deadline: 50 s")
    path.write_text(text.replace("value: 30}", "value: 500}"))
    return path


def went_out(source: Device) -> bool:
    waited = threading.Event()
    for _ in range(round(PATIENT / 0.05)):
        if source.get("arc_ok") == 0.0:
            return True
        waited.wait(0.05)
    return False


@pytest.mark.parametrize("driver", ["memory", "sim"])
def test_the_same_task_with_its_weld_source_on_a_line(certified, io_file, served, tmp_path: Path, driver: str) -> None:
    devices = process_line("weld_source")
    source = devices.device("weld_source")
    with served(devices, tmp_path / "io"):
        folder = tmp_path / "run"
        running = run(certified, driver=driver, io=f"modbus:{tmp_path / 'io'}", io_file=str(io_file), folder=folder)
        burnt = [event.kind for event in running if event.kind.startswith("arc")]
        assert burnt == ["arc_on", "arc_established", "arc_off"]
        assert source.get("arc_on") == 0.0
    trace = read_trace(folder / "trace.csv")
    seam = next(k for k, segment in enumerate(certified.plan.segments) if segment.process)
    assert set(np.unique(trace.inputs[trace.segment != seam])) == {0}
    assert (trace.inputs[trace.segment == seam] == 2).any()
    assert '"process"' in (folder / "journal.jsonl").read_text()


def test_an_executor_that_is_killed_leaves_the_arc_to_the_source(certified, io_file, served, tmp_path: Path) -> None:
    devices = process_line("weld_source")
    source = devices.device("weld_source")
    with served(devices, tmp_path / "io"):
        running = run(
            certified, driver="memory", io=f"modbus:{tmp_path / 'io'}", io_file=str(io_file), folder=tmp_path / "run"
        )
        next(event for event in running if event.kind == "arc_established")
        os.kill(executor(), signal.SIGKILL)
        with pytest.raises(Faulted):
            running.finish()
        assert went_out(source)
        assert source.get("arc_on") == 0.0


def executor() -> int:
    """The executor among our own children."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mine = int((process / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mine and b"cellctl.execution" in words:
            return int(process.name)
    pytest.fail("no executor")
