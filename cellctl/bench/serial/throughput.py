"""The suite `serial`: one driver after the other over a pseudoterminal to an emulated controller in a process of its
own, in real time.

The emulator lets bytes take as long as their baud rate says. Both ends run ahead of other programs where that is
permitted; a machine with other things to do shows in the figures all the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.serial.waypoint_benches import ROBOT, TORCH
from cellctl.bench.suites import Progress
from cellctl.drivers.driver import ArmSetup, Setpoint
from cellctl.drivers.grbl.arm import GrblArm
from cellctl.drivers.serial_port import SerialPort
from cellctl.drivers.servos.arm import ServoArm
from cellctl.drivers.servos.opening import SERVOS
from cellctl.errors import EnvironmentMissing, Faulted
from cellctl.execution.clock import MonotonicClock
from cellctl.execution.service.processes import import_path
from cellctl.files import load_robot, load_wiring
from cellctl.jobs import new_run_folder
from cellctl.model.cell import Signal
from cellctl.model.gcode_wiring import homed_robot
from cellctl.model.pose import FloatArray
from cellctl.model.wiring import Protocol, Wiring
from cellctl.realtime import going_first

SERVO_ARMS: tuple[tuple[Protocol, str], ...] = (("dynamixel", "interbotix_vx300s"), ("feetech", "so101"))
"""Seven DYNAMIXEL goals (and two servos that follow) at 1 Mbps, six Feetech servos at 1 Mbps."""
MISSED_AT_ONCE = 3
"""Periods that may be missed before a cycle is on time again."""
_BACK_TO_BACK = 200
_SWING, _SPEED = 0.1, 0.5
_GRBL_STEP = 0.05
_LONGEST_ROUNDS = 60.0


def serial(minutes: float, say: Progress) -> SuiteResult:
    """How long cycles take and how many deadlines are missed in so many minutes of each arm."""
    records, figures, notes = new_run_folder("serial"), list[Figure](), list[str]()
    for protocol, arm in SERVO_ARMS:
        figures += _servo_figures(protocol, load_wiring(arm), 60.0 * minutes, records, say)
    figures += _grbl_figures(60.0 * minutes, say)
    try:
        figures += _modbus_figures(min(60.0 * minutes, _LONGEST_ROUNDS), say)
    except EnvironmentMissing as missing:
        notes.append(missing.findings[0].message)
    result = SuiteResult("serial", tuple(figures), (*notes, f"records in {records}"))
    (records / "figures.json").write_text(json.dumps(result.data(), indent=1) + "\n", "utf-8")
    return result


@contextmanager
def emulated(*words: str) -> Iterator[str]:
    """The port of an emulated controller; its process ends with the block."""
    command = [sys.executable, "-m", "cellctl", "emulate", *words, "--until-closed", "--ahead"]
    environment = os.environ | {"PYTHONPATH": import_path()}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["port"])
        finally:
            process.stdin.close()
            process.wait(20.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Cycles:
    """How long each cycle took and how late it began (s), states that were not fresh, how often the driver gave up."""

    took: FloatArray
    late: FloatArray
    stale: int
    faults: int


def _servo_figures(protocol: Protocol, wiring: Wiring, seconds: float, records: Path, say: Progress) -> list[Figure]:
    robot = load_robot(wiring.name)
    start: FloatArray = np.zeros(robot.dof)
    setup = ArmSetup(robot.name, wiring.joints, start, limits=robot.axis_limits)
    with emulated(protocol, "--arm", wiring.name) as port:
        arm = ServoArm(lambda: SerialPort(port, baud=wiring.baud), SERVOS[protocol], wiring, setup)
        with arm, going_first():
            start = arm.read().joints
            cycles = _cycled(arm, wiring, start, seconds, say)
            fastest = _back_to_back(arm)
        counters = arm.counters
    count = len(wiring.leaders)
    rate = f"{protocol}, {count} servos, {1.0 / wiring.period:.0f} Hz"
    table = np.column_stack([cycles.late, cycles.took])
    np.savetxt(records / f"{protocol}.csv", table, fmt="%.6f", delimiter=",", header="late_s,took_s", comments="")
    missed = np.floor(cycles.late / wiring.period)
    return [
        *_percentiles(f"{rate}: cycle", cycles.took, wiring.period),
        *_percentiles(f"{rate}: lateness of a cycle", cycles.late, None),
        Figure(f"{rate}: periods missed", "cycles", (float(missed.sum()),)),
        Figure(f"{rate}: missed at once", "cycles", (_most_at_once(missed),), goal=Goal(MISSED_AT_ONCE)),
        Figure(f"{rate}: states that were not fresh", "cycles", (float(cycles.stale),)),
        Figure(f"{rate}: times the driver gave up", "faults", (float(cycles.faults),), goal=Goal(0)),
        Figure(f"{rate}: ceiling", "Hz", (1.0 / fastest,), better="higher"),
        Figure(f"{rate}: reads repeated", "reads", (float(counters.retries),)),
        Figure(f"{rate}: replies broken or strange", "replies", (float(counters.broken + counters.strange),)),
    ]


def _cycled(arm: ServoArm, wiring: Wiring, start: FloatArray, seconds: float, say: Progress) -> _Cycles:
    """Cycle an arm that swings slowly; a driver that gives up, as on a busy machine, is cleared and goes on."""
    clock, period = MonotonicClock(), wiring.period
    took, late, stale, faults, tau = list[float](), list[float](), 0, 0, 0.0
    arm.exchange(Setpoint(start))
    deadline = clock.now()
    for k in range(max(1, round(seconds / period))):
        deadline += period
        clock.wait_until(deadline)
        began = clock.now()
        late.append(began - deadline)
        try:
            stale += arm.exchange(Setpoint(start + _SWING * (1.0 - np.cos(_SPEED * tau)))).age > 0.0
        except Faulted:
            took.append(clock.now() - began)
            faults, tau, start = faults + 1, 0.0, _taken_up_again(arm)
            deadline = clock.now()
            continue
        took.append(clock.now() - began)
        tau += period
        deadline = max(deadline, began - period)
        if k % 100 == 0:
            say(f"{wiring.name}: {len(wiring.leaders)} servos", k * period / seconds)
    return _Cycles(np.array(took), np.array(late), stale, faults)


def _taken_up_again(arm: ServoArm) -> FloatArray:
    """Clear a fault and switch the arm on where it stands; its joints (dof,), rad."""
    arm.clear()
    here = arm.read().joints
    arm.exchange(Setpoint(here))
    return here


def _back_to_back(arm: ServoArm) -> float:
    """Seconds of a cycle, median of many without a pause between them."""
    arm.stop()
    clock, here, taken = MonotonicClock(), _taken_up_again(arm), list[float]()
    while len(taken) < _BACK_TO_BACK:
        began = clock.now()
        try:
            arm.exchange(Setpoint(here))
        except Faulted:
            here = _taken_up_again(arm)
            continue
        taken.append(clock.now() - began)
    return float(np.median(taken))


def _grbl_figures(seconds: float, say: Progress) -> list[Figure]:
    """How much longer a streamed motion takes than was foretold: a planner that starves slows down."""
    robot = load_robot(ROBOT)
    wiring = homed_robot(robot, (TORCH,))
    setup = ArmSetup(robot.name, wiring.joints, np.zeros(robot.dof), limits=robot.axis_limits)
    clock = MonotonicClock()
    say("grbl: homing", None)
    with emulated("grbl", "--arm", ROBOT) as port:
        arm = GrblArm(lambda: SerialPort(port, baud=wiring.baud), wiring, setup)
        with arm, going_first():
            arm.assume_position()
            here = arm.read().joints
            times = np.arange(0.0, max(seconds, 2.0), _GRBL_STEP)
            middle = np.array([0.5 * (limit.lower + limit.upper) for limit in robot.axis_limits])
            round_and_round = np.array([1.0 - np.cos(times), np.sin(times)] * (robot.dof // 2)).T
            waypoints = here + _SWING * (np.sign(middle - here + 1e-9) * 1.01 + round_and_round)
            waypoints[0] = here
            followed = arm.follow(waypoints, np.diff(times))
            began = clock.now()
            for state in arm.run(followed):
                say("grbl: streaming", min((clock.now() - began) / followed.motion.duration, 1.0))
                del state
            took = clock.now() - began
        counters = arm.counters
    name = f"grbl, {1.0 / _GRBL_STEP:.0f} lines/s"
    over = took - followed.motion.duration
    return [
        Figure(f"{name}: lines", "lines", (float(counters.lines),)),
        Figure(f"{name}: reports of a starved planner", "reports", (float(counters.starved),), goal=Goal(0)),
        Figure(f"{name}: longer than foretold", "s", (over,), goal=Goal(1.0)),
    ]


def _modbus_figures(seconds: float, say: Progress) -> list[Figure]:
    """How long a round over a weld source and a gripper takes: how late an output is told and an input is known.

    Raises EnvironmentMissing (E570) without pymodbus.
    """
    from cellctl.drivers.modbus.frames import Frames
    from cellctl.drivers.modbus.opening import open_scan

    Frames()
    clock, took = MonotonicClock(), list[float]()
    signals = (Signal("arc_on", output=1), Signal("arc_ok", input=1), Signal("gripper", output=2))
    with emulated("modbus") as port, going_first():
        scan = open_scan(port, ArmSetup("", (), np.zeros(0), signals=signals))
        end = clock.now() + seconds
        while (began := clock.now()) < end and scan.finding is None:
            scan.say(frozenset({"arc_on"}))
            scan.round()
            took.append(clock.now() - began)
            if len(took) % 100 == 1:
                say("modbus: rounds", 1.0 - (end - began) / seconds)
        gave_up = scan.finding is not None
        scan.close()
    name = "modbus, 2 devices"
    return [
        *_percentiles(f"{name}: round", np.array(took), scan.wiring.deadline),
        Figure(f"{name}: times the driver gave up", "faults", (float(gave_up),), goal=Goal(0)),
    ]


def _percentiles(name: str, values: FloatArray, bound: float | None) -> list[Figure]:
    """p50, p99 and the largest of `values`, s."""
    goal = None if bound is None else Goal(bound)
    p50, p99 = np.percentile(values, [50.0, 99.0])
    return [
        Figure(f"{name}, p50", "s", (float(p50),)),
        Figure(f"{name}, p99", "s", (float(p99),), goal=goal),
        Figure(f"{name}, max", "s", (float(values.max()),)),
    ]


def _most_at_once(missed: FloatArray) -> float:
    """The most periods that cycles in a row missed together."""
    most = together = 0.0
    for periods in missed.tolist():
        together = together + periods if periods else 0.0
        most = max(most, together)
    return most
