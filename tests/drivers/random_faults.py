"""Random runs on a lying line: what may go wrong is drawn from a seed, what must never happen is checked.

As a program it runs many and prints how they ended: `python tests/drivers/random_faults.py FIRST COUNT`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import numpy as np

from cellctl.drivers.driver import ArmState, Setpoint
from cellctl.errors import CellctlError, Faulted
from cellctl.model.link_faults import LINE_FAULTS, SERVO_FAULTS, Fault

LENGTH = 1.4
FASTEST = 4.8
LONGEST_CALL = 1.5
"""s: no call may take longer, whatever happens; a stop waits up to a second for the arm to stand."""


def drawn_faults(chance: random.Random) -> list[Fault]:
    """One to three faults."""
    faults = []
    for _ in range(chance.randint(1, 3)):
        kind = chance.choice([*LINE_FAULTS, *LINE_FAULTS, *SERVO_FAULTS, "hang_up"])
        start = chance.uniform(0.2, 1.0)
        faults.append(
            Fault(
                kind,
                start=start,
                end=start + chance.choice([0.02, 0.06, 0.15, 0.4, 3.0]),
                way=chance.choice(["replies", "replies", "commands"]),
                share=chance.choice([0.02, 0.2, 0.7, 1.0]),
                by=chance.choice([0.0003, 0.004, 0.011, 0.05, 0.3]),
                servo=chance.choice([0, 11, 12, 13, 14, 15]),
            )
        )
    return faults


def run_once(bench: Callable, seed: int) -> str:
    """One run: what ended it, or `done`. Raises AssertionError for what must not happen."""
    chance = random.Random(seed)
    faults = drawn_faults(chance)
    b = bench(*faults, seed=seed)
    states: list[ArmState] = []
    ended = "done"
    try:
        while b.now < LENGTH and ended == "done":
            began = b.now
            states += b.follow(b.wiring.period / 2, since=len(states) * b.wiring.period)
            assert b.now - began < LONGEST_CALL, (seed, faults)
            trouble = states[-1].trouble
            ended = trouble.code if trouble else ended
    except Faulted as fault:
        ended = fault.findings[0].code
    _no_jumps(states, seed, faults)
    began = b.now
    with suppress(CellctlError):
        b.arm.stop()
    assert b.now - began < LONGEST_CALL + 0.5, (seed, faults)
    _no_motion(b, seed, faults)
    _clear_moves_nothing(b, seed, faults)
    return ended


def _no_jumps(states: list[ArmState], seed: int, faults: list[Fault]) -> None:
    fresh = [state for state in states if state.age == 0.0]
    for one, other in pairwise(fresh):
        speed = np.abs(other.joints - one.joints).max() / max(other.time - one.time, 0.01)
        assert speed < 2.5 * FASTEST, (seed, faults, speed)


def _no_motion(b, seed: int, faults: list[Fault]) -> None:
    """Nothing that holds moves after the stop; what has lost its torque sinks for a while and then lies."""
    b.wait(0.6)
    held = [id for id in b.wiring.leaders if b.bus.servo(id).torque]
    before = {id: b.bus.servo(id).position for id in held}
    b.wait(0.5)
    for id in held:
        if b.bus.servo(id).torque:
            assert abs(b.bus.servo(id).position - before[id]) < 3.0, (seed, faults, id)


def _clear_moves_nothing(b, seed: int, faults: list[Fault]) -> None:
    b.wait(4.0)
    before = b.pose()
    try:
        b.arm.clear()
        here = b.arm.read().joints
        assert np.abs(b.pose() - before).max() < 0.005, (seed, faults)
        b.arm.exchange(Setpoint(here))
    except CellctlError:
        return
    assert np.abs(b.pose() - before).max() < 0.02, (seed, faults)


def main() -> None:
    import sys
    from collections import Counter
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent))
    from conftest import new_bench

    first, count = map(int, sys.argv[1:])
    ended: Counter[str] = Counter()
    for seed in range(first, first + count):
        try:
            ended[run_once(new_bench, seed)] += 1
        except AssertionError as broken:
            ended["broken"] += 1
            print(f"seed {seed}: {broken}", flush=True)
    print(dict(sorted(ended.items())))


if __name__ == "__main__":
    main()
