"""Runs on lying lines: what goes wrong is drawn from a seed, what must never happen is looked for. Simulated time.

Never: a fresh state that jumps, a call that takes longer than it may, anything that holds and moves after a stop, a
motion made by clearing, an arc that nobody asks for, an error that is no finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np

from cellctl.bench.figures import Figure, Goal, SuiteResult
from cellctl.bench.serial.simulated import ARMS, ServoBench, servo_bench, wired
from cellctl.bench.serial.waypoint_benches import WaypointBench, ar4_bench, grbl_bench, mycobot_bench
from cellctl.bench.suites import Progress
from cellctl.drivers.driver import ArmState, Setpoint
from cellctl.emulators.link.faults import Injector
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted
from cellctl.model.link_faults import LINE_FAULTS, SERVO_FAULTS, Fault, FaultKind, FaultScript
from cellctl.model.wiring import Protocol

LENGTH = 1.4
"""s of path in a run."""
LONGEST_CALL, LONGEST_STOP = 1.5, 2.0
"""s that a call may take, whatever happens; a stop waits up to a second for the arm to stand."""
LONGEST_ARC = 1.0
"""s after which an arc that nobody asks for is out, be it by the device's own watchdog."""
LONGEST_HALT, OUT_OF_LINES = 8.0, 8.0
"""The same for a stop of a controller that plans by itself, and s after which one that no stop has reached has done
what it was told before.
"""


class Broken(Exception):
    """Something happened that must not."""


def drawn_faults(chance: Random, servos: tuple[int, ...]) -> list[Fault]:
    """One to three faults, of one of `servos` or of all (0)."""
    faults: list[Fault] = []
    kinds: list[FaultKind] = [*LINE_FAULTS, *LINE_FAULTS, *SERVO_FAULTS, "hang_up"]
    for _ in range(chance.randint(1, 3)):
        kind = chance.choice(kinds)
        start = chance.uniform(0.2, 1.0)
        faults.append(
            Fault(
                kind,
                start=start,
                end=start + chance.choice([0.02, 0.06, 0.15, 0.4, 3.0]),
                way=chance.choice(["replies", "replies", "commands"]),
                share=chance.choice([0.02, 0.2, 0.7, 1.0]),
                by=chance.choice([0.0003, 0.004, 0.011, 0.05, 0.3]),
                servo=chance.choice([0, *servos]),
            )
        )
    return faults


def servo_run(protocol: Protocol, seed: int) -> str:
    """One run of an arm of servos: the code of what ended it, or `done`. Raises Broken for what must not happen."""
    chance = Random(seed)
    faults = drawn_faults(chance, tuple(sorted(wired(protocol).models)))
    bench = servo_bench(protocol, *faults, seed=seed)
    states, ended = _followed(bench)
    _demand_no_jumps(states, bench.fastest, least=0.01)
    began = bench.now
    heard = False
    with suppress(CellctlError):
        heard = bench.arm.stop().trouble is None
    _demand(bench.now - began < LONGEST_STOP, "a stop took too long")
    moved = _moved_servos(bench)
    _demand(not moved or (protocol == "feetech" and not heard), f"servos {moved} moved after the stop")
    _demand_clear_moves_nothing(bench)
    return UNHEARD if moved else ended


def waypoint_run(make: Callable[[], WaypointBench[Any]], seed: int) -> str:
    """One run of an arm that goes from waypoint to waypoint: the code of what ended it, or `done`. Raises Broken."""
    chance, bench = Random(seed), make()
    script = drawn_faults(chance, ())
    age = bench.line.age
    later = tuple(replace(fault, start=age + fault.start, end=age + fault.end) for fault in script)
    states, ended = list[ArmState](), "done"
    try:
        followed = bench.arm.follow(*bench.swing(LENGTH, amplitude=0.15))
        bench.line.injector = Injector(FaultScript(later, seed))
        before = bench.now
        for state in bench.arm.run(followed):
            states.append(state)
            _demand(bench.now - before < LONGEST_CALL, "a state took too long")
            before = bench.now
    except Faulted as fault:
        ended = fault.findings[0].code
    fastest = max(limit.velocity for limit in bench.setup.limits)
    _demand_no_jumps(states, fastest, least=0.05)
    began, heard = bench.now, False
    with suppress(CellctlError):
        heard = bench.arm.stop().trouble is None
    _demand(bench.now - began < LONGEST_HALT, "a stop took too long")
    bench.wait(0.0 if heard else OUT_OF_LINES)
    _demand(bench.stands(), "the arm moved after the stop")
    bench.wait(4.0)
    with suppress(CellctlError):
        bench.arm.clear()
    _demand(bench.stands(), "the arm moved when the fault was cleared")
    return ended


def process_run(seed: int) -> str:
    """One run of process devices, whose arc is to burn for a second: the code of what ended it, or `done`.

    Raises Broken, and EnvironmentMissing (E570) without pymodbus.
    """
    from cellctl.bench.serial.process_bench import ProcessBench

    chance = Random(seed)
    bench = ProcessBench(*drawn_faults(chance, (9, 20)), seed=seed)
    bench.serve(0.2)
    for on in (("arc_on", "gripper"), ("gripper",)):
        end = bench.now + LENGTH / 2.0
        while bench.now < end:
            began = bench.now
            bench.serve(1e-3, *on)
            _demand(bench.now - began < LONGEST_CALL, "a round took too long")
    ended = bench.ended or "done"
    bench.rest(LONGEST_ARC)
    _demand(not bench.source.get("arc_on"), "an arc burns that nobody asks for")
    bench.serve(4.0, says=False)
    _demand(not bench.source.get("arc_on"), "an arc was lit that nobody asked for")
    with suppress(CellctlError):
        bench.scan.clear()
    bench.serve(0.5, says=False)
    _demand(not bench.source.get("arc_on"), "an arc was lit when the fault was cleared")
    return ended


RUNS: MappingProxyType[str, Callable[[int], str]] = MappingProxyType(
    {
        "ar4": partial(waypoint_run, ar4_bench),
        **{str(protocol): partial(servo_run, protocol) for protocol in ARMS},
        "grbl": partial(waypoint_run, grbl_bench),
        "modbus": process_run,
        "mycobot": partial(waypoint_run, mycobot_bench),
    }
)
"""One run from a seed, by protocol."""
BROKEN = "must not happen"
UNHEARD = "moved on, the stop not heard"
"""A servo without a watchdog went on to a goal that came late or damaged; `stop` said that it did not get through."""


def _followed(bench: ServoBench) -> tuple[list[ArmState], str]:
    """The states along the path, and what ended it."""
    states: list[ArmState] = []
    try:
        while bench.now < LENGTH:
            began = bench.now
            states += bench.follow(bench.wiring.period / 2, since=len(states) * bench.wiring.period)
            _demand(bench.now - began < LONGEST_CALL, "a cycle took too long")
            if (trouble := states[-1].trouble) is not None:
                return states, trouble.code
    except Faulted as fault:
        return states, fault.findings[0].code
    return states, "done"


def _demand_no_jumps(states: list[ArmState], fastest: float, *, least: float) -> None:
    fresh = [state for state in states if state.age == 0.0]
    for one, other in pairwise(fresh):
        speed = float(np.abs(other.joints - one.joints).max()) / max(other.time - one.time, least)
        _demand(speed < 2.5 * fastest, f"a joint jumped at {speed:.1f} rad/s")


def _moved_servos(bench: ServoBench) -> list[int]:
    """What holds, and moves after the stop; what has lost its torque sinks for a while and then lies."""
    bench.wait(0.6)
    held = {id: bench.bus.servo(id).position for id in bench.wiring.leaders if bench.bus.servo(id).torque}
    bench.wait(0.5)
    servos = ((bench.bus.servo(id), before) for id, before in held.items())
    return [servo.id for servo, before in servos if servo.torque and abs(servo.position - before) >= 3.0]


def _demand_clear_moves_nothing(bench: ServoBench) -> None:
    bench.wait(4.0)
    before = bench.pose()
    try:
        bench.arm.clear()
        here = bench.arm.read().joints
        _demand(float(np.abs(bench.pose() - before).max()) < 0.005, "the arm moved when the fault was cleared")
        bench.arm.exchange(Setpoint(here))
    except CellctlError:
        return
    _demand(float(np.abs(bench.pose() - before).max()) < 0.02, "the arm moved when it was switched on again")


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def faults(runs: int, first: int, say: Progress) -> SuiteResult:
    """How `runs` runs of each protocol end, with seeds from `first` on; a run with something that must not happen is
    told with its seed.
    """
    figures, notes = list[Figure](), list[str]()
    for protocol, run in RUNS.items():
        ended: Counter[str] = Counter()
        for seed in range(first, first + runs):
            say(f"{protocol}, seed {seed}", (seed - first) / runs)
            try:
                ended[run(seed)] += 1
            except Broken as broken:
                ended[BROKEN] += 1
                notes.append(f"{protocol}, seed {seed}: {broken}")
            except EnvironmentMissing as missing:
                notes.append(f"{protocol}: {missing.findings[0].message}")
                break
        ended.setdefault(BROKEN, 0)
        goal = {BROKEN: Goal(0)}
        figures += [Figure(f"{protocol}: {end}", "runs", (n,), goal=goal.get(end)) for end, n in sorted(ended.items())]
    return SuiteResult("faults", tuple(figures), tuple(notes))
