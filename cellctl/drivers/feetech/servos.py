"""Feetech servos as an arm needs them: settings that two readings agree on, errors, and how they are switched on.

They have no watchdog: they finish the way to their last goal and hold it when nobody speaks to them any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cellctl.drivers.feetech.sensing import SIZE, START, Sensing, cycle_bytes
from cellctl.drivers.port import Port
from cellctl.drivers.servos import findings
from cellctl.drivers.servos.bus import ServoBus
from cellctl.drivers.servos.servos import Sample, Servos, Writing
from cellctl.errors import Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech import FeetechCodec
from cellctl.model.wires.servo import Register, Reply
from cellctl.model.wiring import ServoAxis, Wiring

_LOOKS, _READINGS = 3, 5


class FeetechServos(Servos):
    """The servos of `wiring` behind a port."""

    goal: Register = reg.GOAL_POSITION
    torque: Register = reg.TORQUE_ENABLE

    def __init__(self, port: Port, wiring: Wiring, limits: Sequence[JointLimits]) -> None:
        super().__init__(ServoBus(port, FeetechCodec(), baud=wiring.baud), wiring, limits)
        self._sensing = Sensing(self.bus, wiring, limits)

    @property
    def samples(self) -> Mapping[int, Sample]:
        """The last samples."""
        return self._sensing.samples

    def settled(self) -> Mapping[int, Sample]:
        """Fresh samples of an arm that is not followed, each of which a second look bears out."""
        return self._sensing.settled()

    def cycle(self, goals: Mapping[int, int]) -> Finding | None:
        """Goals out, joints back."""
        return self._sensing.cycle(self.bus.codec.write(self.goal, goals), goals)

    @property
    def cycle_bytes(self) -> int:
        """Bytes on the wire in one cycle."""
        return cycle_bytes(self.wiring)

    def forgive(self) -> None:
        """Switch off the torque of servos that report an error and have let go already."""
        failed = [id for id, reply in self._statuses().items() if reply.error]
        if failed:
            self.bus.write_all(reg.TORQUE_ENABLE, dict.fromkeys(failed, 0))
        for id, reply in self._statuses().items():
            self.demand_no_error(id, reply)

    def let_go(self) -> None:
        """The one packet that takes the torque of every servo on the bus."""
        self.bus.tell(wire.encode(wire.write(wire.BROADCAST, reg.TORQUE_ENABLE.address, reg.TORQUE_ENABLE.pack(0))))

    def stand_alone(self) -> None:
        """Nothing to do: there is no watchdog."""

    def paused(self, gap: float) -> Finding:
        """Nothing has stopped the servos."""
        return findings.paused_without_watchdog(gap)

    def demand_no_error(self, id: int, reply: Reply | None) -> None:
        """Raise Faulted X462 with the causes when a servo reports an error."""
        if reply is not None and reply.error:
            raise Faulted(findings.reported(self.wiring, id, reply.error, reg.error_words(reply.error)))

    def write_permanently(self, id: int, register: reg.Register, value: int) -> bool:
        """Write one register of the EEPROM of a servo without torque: unlock, write, lock, read back; False when it
        does not hold it. Only for a person who asked for it.
        """
        bus, torque = self.bus, self.bus.read_register(id, reg.TORQUE_ENABLE)
        if torque is None or torque.data != b"\0":
            return False
        for item, what in ((reg.LOCK, 0), (register, value), (reg.LOCK, 1)):
            bus.insist(wire.encode(wire.write(id, item.address, item.pack(what))), (id,), 0)
        held = [reply.data if (reply := bus.read_register(id, item)) else b"" for item in (register, reg.LOCK)]
        return held == [register.pack(value), reg.LOCK.pack(1)]

    def _statuses(self) -> dict[int, Reply]:
        ids = sorted(self.wiring.models)
        replies = self.bus.read_all(reg.STATUS.address, reg.STATUS.size, ids)
        missing = [id for id in ids if id not in replies]
        if missing:
            raise Faulted(findings.silent(self.wiring, missing, "when the fault is cleared", self.bus.port.name, None))
        return replies

    def _settings(self, id: int) -> bytes | None:
        """As two readings in a row agree on them, since the checksum alone may let others pass."""
        before: bytes | None = None
        for _ in range(_READINGS):
            reply = self.bus.read(id, 0, START)
            if reply is None or reply.data == before:
                break
            before = reply.data
        return before

    def _differences(self, id: int, table: bytes) -> Iterable[Finding]:
        wiring, model = self.wiring, self.wiring.models[id]
        multi_turn = int(bool(reg.PHASE.unpack(table) & reg.MULTI_TURN_PHASE))
        for what, expected, found in (
            (f"model number ({model})", reg.MODELS[model], reg.MODEL.unpack(table)),
            ("mode", reg.POSITION_MODE, reg.MODE.unpack(table)),
            ("multi-turn bit of phase", 0, multi_turn),
        ):
            if found != expected:
                yield findings.differs(wiring, id, what, expected, found)
        firmware = reg.FIRMWARE_MAJOR.unpack(table)
        if firmware < wiring.firmware:
            yield findings.differs(wiring, id, "firmware", f"{wiring.firmware} or later", firmware)

    def _limit_differences(self, axis: ServoAxis, limits: JointLimits, table: bytes) -> Iterable[Finding]:
        """Both ends 0 means no range at all."""
        low, high = reg.MIN_POSITION.unpack(table), reg.MAX_POSITION.unpack(table)
        return [] if low == high == 0 else self.range_differences(axis, limits, low, high)

    def _looks(self) -> Sequence[Mapping[int, int]]:
        looks = [self.settled() for _ in range(_LOOKS)]
        for id, last in looks[-1].items():
            if all(look[id].errors for look in looks):
                raise Faulted(findings.reported(self.wiring, id, last.errors, reg.error_words(last.errors)))
        return [{id: sample.position for id, sample in look.items()} for look in looks]

    def _first_goal(self, id: int, position: int | None) -> int:
        if position is not None:
            sample = self.samples[id]
            return sample.goal if sample.holds else position
        reply = self.bus.read(id, START, SIZE)
        if reply is None:
            raise Faulted(findings.silent(self.wiring, [id], "when it is to be switched on", self.bus.port.name, None))
        register = reg.GOAL_POSITION if reg.TORQUE_ENABLE.unpack(reply.data, START) else reg.PRESENT_POSITION
        return register.unpack(reply.data, START)

    def _switching_on(self, goals: Mapping[int, int], speeds: Mapping[int, float]) -> Iterable[Writing]:
        yield reg.GOAL_POSITION, goals
        yield reg.ACCELERATION, 0
        yield reg.GOAL_VELOCITY, {id: round(speed / reg.STEP) for id, speed in speeds.items()}
        yield reg.TORQUE_ENABLE, 1
