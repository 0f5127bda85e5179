"""What the servos measure, cycle by cycle: fresh, plausible, or the last one with its age. It sends no goal of its own.

A servo counts milliseconds (`realtime_tick`); a reply whose count lags behind the time that has passed is a late one
from an earlier cycle and is not taken for a new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

from cellctl.drivers.servos import findings
from cellctl.drivers.servos.bus import ServoBus
from cellctl.drivers.servos.servos import Sample
from cellctl.errors import Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.servo import Reply
from cellctl.model.wiring import Wiring

START = reg.GOAL_POSITION.address
SIZE = reg.PRESENT_POSITION.address + reg.PRESENT_POSITION.size - START
HEALTH_START = reg.TORQUE_ENABLE.address
HEALTH_SIZE = reg.BUS_WATCHDOG.address + reg.BUS_WATCHDOG.size - HEALTH_START
OUTPUT_SIZE = START + SIZE - HEALTH_START

PATIENCE_CYCLES = 3
"""Cycles in a row that one servo may miss, be deaf or talk nonsense."""
_PASSED_OVER = 2
"""Of those cycles, the ones in which a servo that comes later has answered; else it is the line that is slow."""
QUIET = 0.1
"""s that all servos may be silent before the arm is slowed down."""
_QUIET_CYCLES, _LOST_CYCLES = 2.5, 6.0
"""The same and the next in periods, for a bus that is so slow that these are longer."""
LOST = 0.25
"""s after which a silent arm is given up."""
_SHARE, _HEALTH_SHARE = 0.65, 0.25
"""of a period: the time within which replies count in their cycle, and within which one servo says how it is."""
_FIRST_SHARE = 0.75
"""of that time: what the first request gets, so that there is some left to ask again."""
_TURN_AROUND, _ROOM, _FORGETTING = 0.002, 1.5, 0.05
"""s that adapter and servos may take beyond the time on the wire at first; how much longer than usual all of them may
take before a servo is asked again; how fast it is learnt that they have become faster."""
_RETRIES = 2
_EMPTY = 2
"""Cycles without any reply after which servos are asked for one packet each."""
_SPEED_ROOM, _STEP_ROOM = 1.5, 12
_LATE = 0.8
"""of a period: a reply that is later than this belongs to an earlier cycle."""
_TICKS = 32_768
_LONGEST_TICK = 10.0


class Sensing:
    """The last sample of every servo with a joint, and how long each has been in trouble."""

    def __init__(self, bus: ServoBus[Any], wiring: Wiring, limits: Sequence[JointLimits]) -> None:
        self.samples: dict[int, Sample] = {}
        self.outputs: dict[int, Sample] = {}
        self.complete = -1.0
        self._bus, self._wiring = bus, wiring
        self._ids = [axis.id for axis in wiring.axes]
        self._output_ids = frozenset(output.id for output in wiring.outputs)
        self._models = {id: reg.MODELS[model] for id, model in wiring.models.items()}
        self._top = {axis.id: limit.velocity / reg.STEP for axis, limit in zip(wiring.axes, limits, strict=True)}
        self._rota = cycle(sorted(wiring.models))
        self._missed = dict.fromkeys(self._ids, 0)
        self._passed_over = dict.fromkeys(self._ids, 0)
        self._sent: deque[Mapping[int, int]] = deque(maxlen=PATIENCE_CYCLES)
        self._odd: dict[int, float] = {}
        self._first = self._empty = 0
        self._fast = wiring.fast_read
        self._usual = bus.wire_time(cycle_bytes(wiring)) + _TURN_AROUND

    def settled(self) -> dict[int, Sample]:
        """Fresh samples of an arm that is not followed; raises Faulted X461."""
        now = self._bus.port.now()
        replies = self._bus.read_all(START, SIZE, self._ids)
        missing = [id for id in self._ids if id not in replies]
        if missing:
            raise Faulted(findings.silent(self._wiring, missing, "when asked", self._bus.port.name, None))
        self.samples = {id: self._sample(now, reply) for id, reply in replies.items()}
        self._missed = dict.fromkeys(self._ids, 0)
        self._odd.clear()
        self._sent.clear()
        self.complete = now
        return self.samples

    def cycle(self, first: bytes, goals: Mapping[int, int]) -> Finding | None:
        """Send `first`, read every joint; retries reads within the cycle, never what was sent.

        `goals` by id are what the servos should hold then. Returns the trouble that lets the arm slow down on its path.
        Raises Faulted X461 when the arm is given up, X462 for a hardware error.
        """
        bus, now = self._bus, self._bus.port.now()
        deadline = now + _SHARE * self._wiring.period
        enough = now + min(_ROOM * self._usual, _FIRST_SHARE * _SHARE * self._wiring.period)
        order = self._next_order()
        request = wire.encode(wire.sync_read(START, SIZE, order, fast=self._fast))
        replies = bus.ask(request, order, size=SIZE, deadline=enough, first=first, fresh=self._fresh(now))
        self._learn(bus.port.now() - now)
        self._doubt_fast_read(any_reply=bool(replies))
        for id in [id for id in order if id not in replies][:_RETRIES]:
            if (again := bus.port.now()) < deadline - bus.read_time(1, SIZE):
                bus.counters.retries += 1
                request = bus.codec.read((id,), START, SIZE)
                replies |= bus.ask(request, (id,), size=SIZE, deadline=deadline, fresh=self._fresh(again))
        good = {id: self._sample(now, reply) for id, reply in replies.items() if not wire.refusal(reply)}
        self.samples |= good
        for id, reply in replies.items():
            check_alert(bus, self._wiring, id, reply)
        return self._judged(good, goals, now, order)

    def check_health(self) -> None:
        """Ask one servo, each in its turn, for torque, errors and watchdog, an output also where it stands; raises
        Faulted X462, X463 or X464.
        """
        id, bus = next(self._rota), self._bus
        deadline = bus.port.now() + _HEALTH_SHARE * self._wiring.period
        size = HEALTH_SIZE if id not in self._output_ids else OUTPUT_SIZE
        request = bus.codec.read((id,), HEALTH_START, size)
        reply = bus.ask(request, (id,), size=size, deadline=deadline).get(id)
        if reply is None or wire.refusal(reply):
            return
        if id in self._output_ids:
            self.outputs[id] = self._sample(bus.port.now(), reply, HEALTH_START)
        bits = reg.HARDWARE_ERROR.unpack(reply.data, HEALTH_START)
        if bits:
            raise Faulted(_told(self._wiring, id, bits))
        if not reg.TORQUE_ENABLE.unpack(reply.data, HEALTH_START):
            raise Faulted(findings.without_torque(self._wiring, id))
        if reg.BUS_WATCHDOG.unpack(reply.data, HEALTH_START) == reg.EXPIRED:
            raise Faulted(findings.expired(self._wiring, id))

    def _next_order(self) -> list[int]:
        """The servos in an order that begins with another one each cycle: who is silent though later ones answer is
        dead, while a slow line only cuts the end off, which is somebody else's every time.
        """
        self._first = (self._first + 1) % len(self._ids)
        return self._ids[self._first :] + self._ids[: self._first]

    def _doubt_fast_read(self, *, any_reply: bool) -> None:
        """One servo that is silent breaks the one packet that all add to; old firmware does not know it at all."""
        self._empty = 0 if any_reply else self._empty + 1
        if self._fast and self._empty >= _EMPTY:
            self._fast = False
            self._bus.counters.fallbacks += 1

    def _learn(self, took: float) -> None:
        """How long all replies usually take: slower is believed at once, faster little by little."""
        self._usual = max(took, self._usual + _FORGETTING * (took - self._usual))

    def _fresh(self, asked: float) -> Callable[[Reply], bool]:
        """Whether a reply is to a request of the time `asked`, and can be true."""

        def fresh(reply: Reply) -> bool:
            last = self.samples.get(reply.id)
            if last is None or wire.refusal(reply):
                return True
            sample, period = self._sample(asked, reply), self._wiring.period
            elapsed = max(asked - last.time, period)
            ticked = (sample.tick - last.tick) % _TICKS * 1e-3
            if elapsed < _LONGEST_TICK and ticked < elapsed - _LATE * period:
                return False
            speed = abs(sample.position - last.position) / elapsed
            if speed > _SPEED_ROOM * self._top[reply.id] + _STEP_ROOM / elapsed:
                self._odd[reply.id] = speed * reg.STEP
                return False
            self._odd.pop(reply.id, None)
            return True

        return fresh

    def _judged(
        self, good: Mapping[int, Sample], goals: Mapping[int, int], now: float, order: list[int]
    ) -> Finding | None:
        """Count what is wrong with whom; raise what cannot wait, return what can."""
        wiring, name = self._wiring, self._bus.port.name
        if len(good) == len(self._ids):
            self.complete = now
        silence = now - self.complete
        for id in self._ids:
            self._missed[id] = 0 if id in good else self._missed[id] + 1
            passed_over = any(later in good for later in order[order.index(id) :])
            self._passed_over[id] = 0 if id in good else self._passed_over[id] + passed_over
        missing = [id for id in self._ids if self._missed[id] >= PATIENCE_CYCLES]
        odd = next((id for id in missing if id in self._odd), None)
        if odd is not None:
            raise Faulted(findings.implausible(wiring, odd, self._odd[odd]))
        if silence > max(LOST, _LOST_CYCLES * wiring.period):
            raise Faulted(findings.silent(wiring, missing, f"for {silence:.2f} s", name, None))
        quiet = silence > max(QUIET, _QUIET_CYCLES * wiring.period)
        dead = missing if quiet else [id for id in missing if self._passed_over[id] >= _PASSED_OVER]
        if dead:
            return findings.silent(wiring, dead, f"for {silence:.2f} s", name, None)
        self._sent.append(goals)
        deaf = next((id for id, sample in good.items() if self._is_deaf(id, sample)), None)
        return None if deaf is None else findings.deaf(wiring, deaf, PATIENCE_CYCLES)

    def _sample(self, now: float, reply: Reply, start: int = START) -> Sample:
        data, model = reply.data, self._models[reply.id]
        current = reg.PRESENT_CURRENT.unpack(data, start) * model.current_step
        return Sample(
            now,
            position=reg.PRESENT_POSITION.unpack(data, start),
            speed=reg.PRESENT_VELOCITY.unpack(data, start) * reg.SPEED_STEP,
            torque=current * model.torque_per_ampere,
            goal=reg.GOAL_POSITION.unpack(data, start),
            tick=reg.REALTIME_TICK.unpack(data, start),
        )

    def _is_deaf(self, id: int, sample: Sample) -> bool:
        """True when the servo holds none of the goals of the last cycles; a slow line may be a cycle behind."""
        return len(self._sent) == PATIENCE_CYCLES and all(sample.goal != goals[id] for goals in self._sent)


def check_alert(bus: ServoBus[Any], wiring: Wiring, id: int, reply: Reply | None) -> None:
    """Raise Faulted X462 with the cause when a reply says that there is one."""
    if reply is not None and wire.alert(reply):
        told = bus.read_register(id, reg.HARDWARE_ERROR)
        raise Faulted(_told(wiring, id, told.data[0] if told and told.data else 0))


def _told(wiring: Wiring, id: int, bits: int) -> Finding:
    return findings.reported(wiring, id, bits, reg.error_words(bits))


def cycle_bytes(wiring: Wiring) -> int:
    """Bytes on the wire in one cycle: goals, states of all joints, health of one servo."""
    joints, goals = len(wiring.axes), len(wiring.leaders)
    write = wire.wire_size(4 + goals * (1 + reg.GOAL_POSITION.size))
    request, replies = wire.wire_size(4 + joints), joints * wire.wire_size(1 + SIZE)
    return (
        write
        + request
        + replies
        + wire.wire_size(4)
        + wire.wire_size(1 + (OUTPUT_SIZE if wiring.outputs else HEALTH_SIZE))
    )
