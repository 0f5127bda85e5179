"""Whole runs of the executor on emulated Feetech servos, in simulated time."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from cellctl.model.link_faults import Fault

START = np.array([0.3, -0.6, 0.4, 0.2, -0.5])
GOAL = START + np.array([0.9, 0.5, -0.6, 0.7, 0.6])


@pytest.fixture
def run():
    """Runs there and back on a bench; gives the outcome and the events."""
    spec = spec_from_file_location("runs_on_servos", Path(__file__).parent.parent / "test_runs_on_servos.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.START, module.GOAL = START, GOAL
    return module.run


def test_a_run_comes_to_its_end(bench, run, tmp_path: Path) -> None:
    b = bench()
    outcome, _ = run(b, tmp_path / "run")
    assert (outcome.status, outcome.findings, outcome.late_cycles) == ("done", (), 0)
    assert np.abs(b.pose() - START).max() < np.radians(0.5)
    # the simulated clock runs on while the journal's intents reach the disk, as long as that takes
    assert 3.0 <= outcome.time < 60.0
    assert b.torques() == [True] * 6
    assert b.stands()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("hang_up", start=1.0), "X460"),
        (Fault("silent", start=1.0, servo=3), "X461"),
        (Fault("overload", start=1.0, end=1.1, servo=2), "X462"),
        (Fault("stuck", start=1.0, servo=1), "X402"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_a_fault_in_motion_ends_the_run_where_it_happened(bench, run, tmp_path: Path, fault: Fault, code: str) -> None:
    b = bench()
    outcome, events = run(b, tmp_path / "run", fault)
    assert outcome.status == "faulted"
    assert outcome.findings[0].code == code
    told = next(event.time for event in events if event.kind == "fault")
    began = next(event.time for event in events if event.kind == "segment")
    assert told - began < (1.6 if fault.kind == "stuck" else 1.25)
    assert b.stands(1.0)


def test_a_noisy_line_does_not_end_a_run(bench, run, tmp_path: Path) -> None:
    b = bench()
    outcome, _ = run(b, tmp_path / "run", Fault("flip_bit", share=0.01), Fault("lose", share=0.003))
    assert outcome.status == "done"
    assert b.arm.counters.retries + b.arm.counters.timeouts > 0
