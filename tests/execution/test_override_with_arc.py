"""An override while the arc stands, on an arm in memory: blocked, or the power goes with the travel speed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellctl.execution.control import Command
from cellctl.execution.job import AnalogSignals, Job
from cellctl.files import load_cell
from cellctl.model.wps import Range
from cellctl.processes.power import power_line
from tests.execution.conftest import Ran

SHIPPED = load_cell("lib:sim/tray_cell/cell.yaml").procedures["mig131_al_t3"]
SPEED = 0.010
SCALED = power_line(replace(SHIPPED, override="scaled", heat_input=Range(0.22e6, 0.25e6, 0.28e6)), SPEED)
LINES = AnalogSignals({"wire_feed": 0, "voltage": 2}, {"current": 1})
BURNS = 2


class After:
    """A control whose override is another one from a given poll on, and again from another."""

    def __init__(self, *changes: tuple[int, float]) -> None:
        self.changes, self.polls = changes, 0

    def poll(self, *, patience: float) -> Command:
        del patience
        self.polls += 1
        return Command(override=next((value for when, value in reversed(self.changes) if self.polls >= when), 1.0))


@pytest.fixture
def scaled(job: Job) -> Job:
    return replace(job, analog=LINES, power={1: SCALED})


def burning(ran: Ran) -> np.ndarray:
    return (ran.trace.arc == BURNS) & (ran.trace.rate > 0.0)


def test_a_blocked_weld_goes_on_at_its_speed(job: Job, run_job) -> None:
    blocked = replace(job, analog=LINES, power={1: power_line(SHIPPED, SPEED)})
    ran = run_job(blocked, control=After((1, 0.5)))
    assert ran.outcome.status == "done"
    assert set(ran.trace.rate[burning(ran)]) == {1.0}
    free = (ran.trace.segment == 0) & (ran.trace.rate > 0.0)
    assert ran.trace.rate[free].max() <= 0.5, "without arc the override counts"


@pytest.mark.parametrize("analog", [AnalogSignals(), AnalogSignals({"wire_feed": 0}, {})])
def test_a_source_whose_power_cannot_be_set_blocks_the_override(scaled: Job, run_job, analog: AnalogSignals) -> None:
    ran = run_job(replace(scaled, analog=analog), control=After((1, 0.5)))
    assert set(ran.trace.rate[burning(ran)]) == {1.0}


def test_the_power_goes_with_the_rate_all_along(scaled: Job, run_job, path_error) -> None:
    ran = run_job(scaled, control=After((1, 0.9), (760, 0.3), (800, 0.95)))
    assert ran.outcome.status == "done"
    rows = burning(ran)
    told = ran.trace.analog
    rate, feed, voltage = ran.trace.rate[rows], told["wire_feed"][rows], told["voltage"][rows]
    assert rate.min() == pytest.approx(SCALED.slowest), "an override under the procedure's slowest is not followed"
    assert rate.max() == pytest.approx(0.95)
    for share, wire, volts in zip(rate.tolist(), feed.tolist(), voltage.tolist(), strict=True):
        power = SCALED.at(share)
        assert (wire, volts) == (pytest.approx(power.wire_feed, rel=1e-5), pytest.approx(power.voltage, rel=1e-5))
    assert path_error(scaled, ran.trace) < 1e-6


def test_the_source_is_told_channel_by_channel_and_nothing_without_an_arc(scaled: Job, run_job) -> None:
    ran = run_job(scaled, control=After((1, 0.9)))
    told = np.array(ran.arm.analog)
    assert told.shape[1] == 3
    assert not told[:, 1].any(), "a channel that the cell does not name stays at 0"
    off = ran.trace.arc == 0
    assert not told[off].any()
    igniting = ran.trace.arc == 1
    np.testing.assert_allclose(told[igniting][:, 0], SCALED.at(0.9).wire_feed)


def test_what_the_arm_does_not_show_is_no_number(scaled: Job, run_job) -> None:
    assert np.isnan(run_job(scaled).trace.analog["current"]).all()


CHANGES = st.lists(st.tuples(st.integers(1, 1500), st.floats(0.05, 1.0)), max_size=6)


def test_whatever_override_is_asked_for_speed_and_power_stay_together(
    scaled: Job, run_job, path_error, tmp_path
) -> None:
    count = iter(range(1000))

    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(CHANGES)
    def play(changes: list[tuple[int, float]]) -> None:
        if (tmp_path / "run").exists():
            (tmp_path / "run").rename(tmp_path / f"run_{next(count)}")
        ran = run_job(scaled, control=After(*sorted(changes)))
        assert ran.outcome.status == "done"
        rows = burning(ran)
        rate = ran.trace.rate[rows]
        assert rate.min() >= SCALED.slowest - 1e-9
        expected = [SCALED.at(share).wire_feed for share in rate.tolist()]
        np.testing.assert_allclose(ran.trace.analog["wire_feed"][rows], expected, rtol=1e-5)
        assert path_error(scaled, ran.trace) < 1e-6

    play()
