"""Runs whose arc and gripper are on a Modbus line beside the arm, in simulated time: judged by what the devices do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from cellctl.drivers.driver import ArmIdentity, Setpoint
from cellctl.drivers.memory import MemoryArm
from cellctl.drivers.process_line import ArmWithProcessLine
from cellctl.errors import Faulted, Finding
from cellctl.execution.control import Command
from cellctl.model.cell import Signal
from cellctl.model.link_faults import Fault
from tests.execution.conftest import off_path, small_setup

pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
from cellctl.bench.serial.process_bench import ProcessBench
from cellctl.drivers.modbus.io import LinkCounters

PERIOD = 0.004
SEAM = 2
"""The segment that is welded."""
SIGNALS = (Signal("arc_on", output=1), Signal("arc_ok", input=1), Signal("lamp", output=5), Signal("door", input=6))
"""Lamp and door are not on the line."""


class LineInTurns:
    """A process line that is served by the arm's own cycles, so that both keep one simulated time."""

    def __init__(self, *faults: Fault) -> None:
        bench = ProcessBench(*faults, signals=("arc_on", "arc_ok"))
        self.devices, self.line, self.scan, self.source = bench.devices, bench.line, bench.scan, bench.source
        self.lit: list[bool] = []
        self._time = self.line.now

    signals = frozenset({"arc_on", "arc_ok"})

    @property
    def inputs(self) -> frozenset[str]:
        return self.scan.inputs

    @property
    def finding(self) -> Finding | None:
        return self.scan.finding

    @property
    def counters(self) -> LinkCounters:
        return self.scan.io.counters

    def tell(self, on: frozenset[str]) -> None:
        self.scan.say(on)
        self.serve(PERIOD)

    def rest(self) -> None:
        self.scan.say(None)

    def demand_rest(self) -> None:
        self.serve(0.5)
        if self.scan.settled is not self.scan.wish:
            raise Faulted(Finding("X497", "not seen off"))

    def clear(self) -> None:
        self.scan.clear()

    def close(self) -> None:
        self.scan.close()

    def serve(self, seconds: float) -> None:
        self._time += seconds
        while self.line.now < self._time:
            self.scan.round()
            self.line.advance(self.line.now + 1e-3)
        self.lit.append(self.source.get("arc_ok") == 1.0)


class InLockStep(ArmWithProcessLine):
    """As the arm keeps no time, a disk may take as long as it likes."""

    def identify(self) -> ArmIdentity:
        return replace(super().identify(), pace="lock_step")


class Welder:
    """An arm in memory with a weld source on a line."""

    def __init__(self, *faults: Fault) -> None:
        self.line = LineInTurns(*faults)
        self.arm = MemoryArm(replace(small_setup(), arc_on=None, arc_ok=None))
        self.driver = InLockStep(self.arm, self.line, SIGNALS)

    @property
    def setpoints(self) -> list:
        return self.arm.setpoints


@pytest.fixture
def weld(run_job, job) -> Callable:
    """Run the small job on an arm with a line."""

    def run(welder: Welder, **options: object):
        driver = welder.driver
        driver.setpoints = welder.arm.setpoints
        return run_job(job, arm=driver, **options)

    return run


def journal(ran) -> list[dict]:
    return [json.loads(line) for line in (ran.folder / "journal.jsonl").read_text().splitlines()]


def notes(ran) -> list[str]:
    return [record["kind"] for record in journal(ran)]


def test_a_seam_is_welded_over_the_line(weld, job) -> None:
    welder = Welder()
    ran = weld(welder)
    assert ran.outcome.status == "done"
    assert [(weld.segment, weld.complete) for weld in ran.outcome.welds] == [(SEAM, True)]
    rows = ran.trace.segment == SEAM
    assert any(welder.line.lit)
    assert ran.trace.inputs[~rows].max() == 0, "lit in the seam alone"
    assert (ran.trace.inputs[rows] == 2).any()
    assert not any(outputs & 2 for outputs in welder.arm.outputs), "the arm is not told of a signal on the line"
    assert welder.line.source.get("arc_on") == 0.0
    link = next(record for record in journal(ran) if record["kind"] == "link")
    assert link["data"]["process"]["requests"] > 100


def test_signals_that_are_not_on_the_line_stay_with_the_arm() -> None:
    welder = Welder()
    assert ArmWithProcessLine.identify(welder.driver).pace == "executor"
    state = welder.driver.exchange(Setpoint(small_setup().start, 0b100010, (1.5,)))
    assert welder.arm.outputs == [0b100000]
    assert state.inputs == 0


@pytest.mark.parametrize("demand", ["hold", "stop"])
def test_a_hold_and_a_stop_put_the_arc_out(weld, job, demand: str) -> None:
    welder = Welder()

    class InTheSeam:
        lit = told = 0

        def poll(self, *, patience: float) -> Command:
            self.lit += bool(welder.line.lit and welder.line.lit[-1])
            if self.lit <= 60:
                return Command()
            self.told = self.told or len(welder.line.lit)
            return Command(demand=demand if len(welder.line.lit) < self.told + 100 else "stop")

    control = InTheSeam()
    ran = weld(welder, control=control)
    assert ran.outcome.status == "stopped"
    assert [weld.complete for weld in ran.outcome.welds] == [False]
    assert not any(welder.line.lit[control.told + 15 :]), "out within 60 ms"
    assert welder.line.source.get("arc_on") == 0.0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("hang_up", start=3.2), "X480"),
        (Fault("silent", start=3.2, servo=20), "X480"),
        (Fault("stall", start=3.2, end=5.2), "X480"),
    ],
    ids=["pulled", "silent", "stalled"],
)
def test_a_lost_line_ends_the_run_on_its_path_and_the_arc_goes_out(weld, job, fault: Fault, code: str) -> None:
    """The device's own watchdog is what puts the arc out; the journal does not claim to have seen it."""
    welder = Welder(fault)
    ran = weld(welder)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", code)
    assert off_path(job, ran.trace) < 1e-9
    assert "arc_unconfirmed" in notes(ran)
    assert "arc_off" not in notes(ran)
    welder.line.line.advance(welder.line.line.now + 0.5)
    assert (welder.line.source.get("arc_on"), welder.line.source.get("arc_ok")) == (0.0, 0.0)
    assert ran.outcome.welds[0].complete is False


def test_an_arc_that_breaks_is_told_over_the_line(weld) -> None:
    welder = Welder()
    exchange, burning = welder.arm.exchange, 0

    def breaking(setpoint):
        nonlocal burning
        burning += welder.line.source.get("arc_ok") == 1.0
        if burning == 60:
            welder.line.devices.behaviour("weld_source").breaks = True
        return exchange(setpoint)

    welder.arm.exchange = breaking
    ran = weld(welder)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X404")
    assert welder.line.source.get("arc_on") == 0.0


def test_an_arm_that_is_lost_puts_the_arc_out_at_once(weld) -> None:
    welder = Welder()
    cycles = 0
    exchange = welder.arm.exchange

    def failing(setpoint):
        nonlocal cycles
        cycles += bool(welder.line.lit and welder.line.lit[-1])
        if cycles > 20:
            raise Faulted(Finding("X407", "gone"))
        return exchange(setpoint)

    welder.arm.exchange = failing
    ran = weld(welder)
    assert (ran.outcome.status, ran.outcome.findings[0].code) == ("faulted", "X407")
    assert welder.line.source.get("arc_on") == 0.0
    assert welder.line.finding is None, "it was told, not left to a deadline"
    assert "arc_off" in notes(ran)


def test_a_cleared_line_is_served_again(weld) -> None:
    welder = Welder(Fault("silent", start=0.5, end=1.5, servo=20))
    welder.line.serve(1.0)
    assert welder.driver.read().trouble.code == "X480"
    assert not welder.driver.read().outputs_heard
    welder.line.serve(1.0)
    welder.driver.clear()
    assert welder.driver.read().trouble is None
    assert welder.arm.calls == ["clear"]


def test_power_off_takes_the_process_with_it() -> None:
    welder = Welder()
    welder.line.scan.say(frozenset({"arc_on"}))
    welder.line.serve(0.1)
    assert welder.line.source.get("arc_on") == 1.0
    welder.driver.power("off")
    welder.line.serve(0.1)
    assert welder.line.source.get("arc_on") == 0.0
    assert welder.arm.calls == ["power off"]


class WithoutLines(MemoryArm):
    """An arm that has two lines, none of them for an arc."""

    def identify(self) -> ArmIdentity:
        return replace(super().identify(), outputs=0b100, inputs=0b100)


def test_a_weld_is_refused_on_an_arm_without_its_lines(run_job, job) -> None:
    """An arc that nobody strikes would be waited for in vain."""
    ran = run_job(job, arm=WithoutLines(small_setup()))
    finding = ran.outcome.findings[0]
    assert (ran.outcome.status, finding.code) == ("faulted", "X406")
    assert finding.message == "the arm behind the driver 'memory' has no output 1, which this job needs"
    assert "--io modbus:PORT" in finding.suggestion
    assert ran.arm.setpoints == []


def test_a_weld_without_arc_runs_there(run_job, job) -> None:
    assert run_job(replace(job, process="dry"), arm=WithoutLines(small_setup())).outcome.status == "done"


def test_a_process_line_brings_the_lines_that_an_arm_has_not() -> None:
    welder = Welder()
    driver = ArmWithProcessLine(WithoutLines(small_setup()), welder.line, SIGNALS)
    assert (driver.identify().outputs, driver.identify().inputs) == (0b110, 0b110)
    assert welder.driver.identify().outputs is None
