"""What the servos measure, cycle by cycle: fresh, plausible, or the last one with its age. It sends no goal of its own.

The checksum misses bytes that change places, so a position counts only when the joint can have got there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellctl.drivers.servos import findings
from cellctl.drivers.servos.bus import ServoBus
from cellctl.drivers.servos.servos import Sample
from cellctl.errors import Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.servo import Reply
from cellctl.model.wiring import Wiring

START = reg.TORQUE_ENABLE.address
SIZE = reg.TABLE_SIZE - START

PATIENCE_CYCLES = 3
"""Cycles in a row that one servo may miss, be deaf or talk nonsense."""
QUIET = 0.1
"""s that all servos may be silent before the arm is slowed down."""
LOST = 0.25
"""s after which a silent arm is given up."""
_SHARE = 0.7
"""of a period: the time within which replies count in their cycle."""
_SPEED_ROOM, _STEP_ROOM = 1.2, 8
_TORQUE_PER_AMPERE = 0.6
"""Nm/A, about: stall torque by stall current of the STS3215 as recalled."""
_LOOKS = 5
_LOOKS_AT_ILL = 2
"""Answers in a row that must tell of an error or a lost torque: one alone may be two bytes that changed places."""


class Sensing:
    """The last sample of every servo with a joint, and how long each has been in trouble."""

    def __init__(self, bus: ServoBus[Any], wiring: Wiring, limits: Sequence[JointLimits]) -> None:
        self.samples: dict[int, Sample] = {}
        self._bus, self._wiring = bus, wiring
        self._ids = [axis.id for axis in wiring.axes]
        self._top = {axis.id: limit.velocity / reg.STEP for axis, limit in zip(wiring.axes, limits, strict=True)}
        self._missed = dict.fromkeys(self._ids, 0)
        self._deaf = dict.fromkeys(self._ids, 0)
        self._ill = dict.fromkeys(self._ids, 0)
        self._odd: dict[int, float] = {}
        self._complete = -1.0

    def settled(self) -> dict[int, Sample]:
        """Fresh samples of an arm that is not followed, each of which a second look bears out.

        Raises Faulted X461 for a silent servo, X466 when no two looks agree.
        """
        before = after = self._look()
        odd: dict[int, float] = {}
        for _ in range(_LOOKS):
            after = self._look()
            odd = {id: speed for id in self._ids if (speed := self._too_fast(id, before[id], after[id])) is not None}
            if not odd:
                break
            before = after
        if odd:
            raise Faulted(findings.implausible(self._wiring, min(odd), odd[min(odd)]))
        self.samples = after
        for count in (self._missed, self._deaf, self._ill):
            count.update(dict.fromkeys(self._ids, 0))
        self._odd.clear()
        self._complete = after[self._ids[0]].time
        return after

    def cycle(self, first: bytes, goals: Mapping[int, int]) -> Finding | None:
        """Send `first`, read every joint; retries reads within the cycle, never what was sent.

        `goals` by id are what the servos should hold then. Returns the trouble that lets the arm slow down on its path.
        Raises Faulted X461 when the arm is given up, X462 for an error, X463 for a lost torque, X466 for nonsense.
        """
        bus, now = self._bus, self._bus.port.now()
        deadline = now + _SHARE * self._wiring.period
        one = bus.read_time(1, SIZE)
        asked = bus.codec.read(self._ids, START, SIZE)
        window = min(deadline, now + 2.0 * (self._wire_time + one) + 0.3 * self._wiring.period)
        good = self._accepted(bus.ask(asked, self._ids, size=SIZE, deadline=window, first=first))
        while len(good) < len(self._ids) and bus.port.now() < deadline - one:
            id = next(id for id in self._ids if id not in good)
            bus.counters.retries += 1
            again = bus.codec.read((id,), START, SIZE)
            more = self._accepted(bus.ask(again, (id,), size=SIZE, deadline=min(deadline, bus.port.now() + 4.0 * one)))
            if not more:
                break
            good |= more
        self.samples |= good
        return self._judged(good, goals, now)

    @property
    def _wire_time(self) -> float:
        return self._bus.wire_time(cycle_bytes(self._wiring))

    def _look(self) -> dict[int, Sample]:
        now = self._bus.port.now()
        replies = self._bus.read_all(START, SIZE, self._ids)
        missing = [id for id in self._ids if id not in replies]
        if missing:
            raise Faulted(findings.silent(self._wiring, missing, "when asked", self._bus.port.name, None))
        return {id: _sample(now, reply) for id, reply in replies.items()}

    def _accepted(self, replies: Mapping[int, Reply]) -> dict[int, Sample]:
        """The samples in replies that can be true."""
        now, good = self._bus.port.now(), dict[int, Sample]()
        for id, reply in replies.items():
            sample, last = _sample(now, reply), self.samples.get(id)
            speed = None if last is None else self._too_fast(id, last, sample)
            if speed is None:
                good[id] = sample
                self._odd.pop(id, None)
            else:
                self._bus.counters.strange += 1
                self._odd[id] = speed
        return good

    def _too_fast(self, id: int, last: Sample, sample: Sample) -> float | None:
        """The speed, rad/s, that a joint would have needed between two samples, if it is more than it has."""
        elapsed = max(sample.time - last.time, 1e-3)
        steps = abs(sample.position - last.position)
        if steps <= _SPEED_ROOM * self._top[id] * elapsed + _STEP_ROOM:
            return None
        return steps / elapsed * reg.STEP

    def _judged(self, good: Mapping[int, Sample], goals: Mapping[int, int], now: float) -> Finding | None:
        """Count what is wrong with whom; raise what cannot wait, return what can."""
        wiring, name = self._wiring, self._bus.port.name
        for id, sample in good.items():
            self._ill[id] = self._ill[id] + 1 if sample.errors or not sample.holds else 0
            if self._ill[id] >= _LOOKS_AT_ILL:
                words = reg.error_words(sample.errors)
                told = findings.reported(wiring, id, sample.errors, words)
                raise Faulted(told if sample.errors else findings.without_torque(wiring, id))
        if len(good) == len(self._ids):
            self._complete = now
        silence = now - self._complete
        for id in self._ids:
            self._missed[id] = 0 if id in good else self._missed[id] + 1
            self._deaf[id] = self._deaf[id] + 1 if id in good and good[id].goal != goals[id] else 0
        missing = [id for id in self._ids if self._missed[id] >= PATIENCE_CYCLES]
        odd = next((id for id in missing if id in self._odd), None)
        if odd is not None:
            raise Faulted(findings.implausible(wiring, odd, self._odd[odd]))
        if silence > LOST:
            raise Faulted(findings.silent(wiring, missing, f"for {silence:.2f} s", name, None))
        if missing and (good or silence > QUIET):
            return findings.silent(wiring, missing, f"for {silence:.2f} s", name, None)
        deaf = next((id for id in self._ids if self._deaf[id] >= PATIENCE_CYCLES), None)
        return None if deaf is None else findings.deaf(wiring, deaf, self._deaf[deaf])


def _sample(now: float, reply: Reply) -> Sample:
    data = reply.data
    return Sample(
        now,
        position=reg.PRESENT_POSITION.unpack(data, START),
        speed=reg.PRESENT_VELOCITY.unpack(data, START) * reg.STEP,
        torque=reg.PRESENT_CURRENT.unpack(data, START) * reg.CURRENT_STEP * _TORQUE_PER_AMPERE,
        goal=reg.GOAL_POSITION.unpack(data, START),
        holds=reg.TORQUE_ENABLE.unpack(data, START) == 1,
        errors=reply.error,
    )


def cycle_bytes(wiring: Wiring) -> int:
    """Bytes on the wire in one cycle: goals of all servos, states of all joints."""
    joints, goals = len(wiring.axes), len(wiring.axes) + len(wiring.outputs)
    write = wire.wire_size(2 + goals * (1 + reg.GOAL_POSITION.size))
    return write + wire.wire_size(2 + joints) + joints * wire.wire_size(SIZE)
