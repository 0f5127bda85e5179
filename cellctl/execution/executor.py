"""Follow a certified plan on a driver to whatever end, and leave a standing arm. On any error the arm is stopped first.

What happens on the way is `PlanRun`'s; here is what must happen however it ends.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

from cellctl.drivers.driver import Driver
from cellctl.drivers.waypoint_arm import WaypointArm
from cellctl.errors import Faulted
from cellctl.execution.clock import Clock
from cellctl.execution.control import Control
from cellctl.execution.job import Job
from cellctl.execution.machine import Machine
from cellctl.execution.obeying import Ended
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.records.record import Record
from cellctl.execution.run import PlanRun
from cellctl.execution.waypoint_run import WaypointRun
from cellctl.model.event import Event


def execute(
    job: Job, driver: Driver, *, clock: Clock, control: Control, record: Record, machine: Machine | None = None
) -> Generator[Event, None, Outcome]:
    """Run a certified plan to its end, to a stop or to a fault; yields what happens and returns how it ended.

    `machine` is the arm's, started; without one the arm is taken to be on. Whatever happens (an error, or the
    generator being closed) the driver is stopped before anything else.
    """
    machine = machine or Machine(power="on")
    if machine.state == "idle":
        machine.take("start")
    try:
        kind = WaypointRun if isinstance(driver, WaypointArm) else PlanRun
        run = kind(job, driver, clock=clock, control=control, record=record, machine=machine)
    except Faulted as fault:
        _stop_at_last(driver, machine)
        machine.take("still")
        record.note("end", status="faulted", time=0.0)
        return Outcome("faulted", fault.findings, segment=0, s=0.0, time=0.0, cycles=0, late_cycles=0, welds=())
    except BaseException:
        _stop_at_last(driver, machine)
        raise
    try:
        with suppress(Ended):
            yield from run.whole()
        driver.stop()
        if machine.state == "aborting":
            _take_power(driver, machine)
    except Faulted as fault:
        reached = _stop_at_last(driver, machine)
        yield from run.lose(fault, reached=reached)
    except BaseException as error:
        _stop_at_last(driver, machine)
        run.abandon(error)
        raise
    yield from run.close()
    return run.outcome()


def _stop_at_last(driver: Driver, machine: Machine) -> bool:
    """Stop an arm that may no longer answer, and take its power; False where only its own watchdog is left to do so."""
    try:
        driver.stop()
        _take_power(driver, machine)
    except Faulted:
        machine.abort(keeps_power=False)
        return False
    return True


def _take_power(driver: Driver, machine: Machine) -> None:
    """After a fault, stop category 1; an arm that would fall is held."""
    falls = driver.identify().falls
    if not falls:
        driver.power("off")
    machine.abort(keeps_power=falls)
