"""Emulated servos on one bus: what each packet makes them do and answer. It knows neither line nor port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cellctl.emulators.feetech.servo import Servo
from cellctl.emulators.link.line import Said
from cellctl.model.link_faults import Fault
from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech import BROADCAST, Decoder, Instruction, Packet
from cellctl.model.wiring import Wiring

_OVERHEATING, _OVERLOAD = 2, 5
_IDLE = 0.005
"""s without a byte after which a packet that is not whole is given up."""


class ServoBus:
    """A `Controller` of servos by id. Packets with a wrong checksum are not heard, and answers of others are not
    obeyed.
    """

    busy = False

    def __init__(self, servos: Iterable[Servo]) -> None:
        self._servos = {servo.id: servo for servo in sorted(servos, key=lambda servo: servo.id)}
        self._decoder = Decoder()
        self._heard_at = 0.0
        self._registered: dict[int, tuple[int, bytes]] = {}
        self._suffering: tuple[Fault, ...] = ()

    def servo(self, id: int) -> Servo:
        """The servo with this id."""
        return self._servos[id]

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Obey the packets that are whole with `data`."""
        if now - self._heard_at > _IDLE:
            self._decoder.reset()
        self._heard_at = now
        return [said for packet in self._decoder.feed(data) for said in self._obey(packet)]

    def advance(self, now: float) -> Sequence[Said]:
        """Move all servos on to `now`, s."""
        for servo in self._servos.values():
            servo.advance(now)
        return ()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """Begin and end what ails the servos."""
        faults = tuple(faults)
        if faults == self._suffering:
            return
        before, self._suffering = self._suffering, faults
        for fault in before:
            if fault not in faults:
                self._each(fault, _end)
        for fault in faults:
            if fault not in before:
                self._each(fault, _begin)

    def _each(self, fault: Fault, deed: Callable[[Fault, Servo], None]) -> None:
        for servo in self._servos.values():
            if fault.servo in (0, servo.id):
                deed(fault, servo)

    # Packets -------------------------------------------------------------------------------------------------------

    def _obey(self, packet: Packet) -> list[Said]:
        parameters = packet.parameters
        if packet.code == Instruction.SYNC_READ:
            return self._sync_read(parameters)
        if packet.code == Instruction.SYNC_WRITE:
            self._sync_write(parameters)
            return []
        said: list[Said] = []
        for servo in self._listening():
            if packet.id in (servo.id, BROADCAST):
                answer = self._answer(servo, packet)
                if answer is not None and (packet.id != BROADCAST or packet.code == Instruction.PING):
                    said.append(_said(servo, answer))
        return said

    def _answer(self, servo: Servo, packet: Packet) -> bytes | None:
        """What one servo does and would answer; None when it would not."""
        parameters = packet.parameters
        talks = bool(servo.get(reg.STATUS_LEVEL))
        match packet.code:
            case Instruction.PING:
                return b""
            case Instruction.READ if len(parameters) == 2:
                return servo.read(parameters[0], parameters[1])
            case Instruction.WRITE if len(parameters) > 1:
                servo.write(parameters[0], parameters[1:])
            case Instruction.REG_WRITE if len(parameters) > 1:
                self._registered[servo.id] = (parameters[0], parameters[1:])
            case Instruction.ACTION:
                servo.write(*self._registered.pop(servo.id, (0, b"")))
            case _:
                return None
        return b"" if talks else None

    def _sync_read(self, parameters: bytes) -> list[Said]:
        """Answers in the order of the ids; one that is silent leaves a gap."""
        if len(parameters) < 2:
            return []
        address, length = parameters[0], parameters[1]
        asked = [self._servos[id] for id in parameters[2:] if id in self._servos]
        return [_said(servo, servo.read(address, length)) for servo in asked if servo.answers]

    def _sync_write(self, parameters: bytes) -> None:
        if len(parameters) < 2:
            return
        address, length = parameters[0], parameters[1]
        for at in range(2, len(parameters) - length, length + 1):
            servo = self._servos.get(parameters[at])
            if servo is not None and servo.answers:
                servo.write(address, parameters[at + 1 : at + 1 + length])

    def _listening(self) -> list[Servo]:
        return [servo for servo in self._servos.values() if servo.answers]


def bus_of(wiring: Wiring, joints: Sequence[float]) -> ServoBus:
    """The servos of an arm, standing at joint values (dof,), rad; grippers stand open."""
    sinks = int(wiring.on_power_removal == "falls")
    servos = [
        Servo(axis.id, reg.MODELS[axis.model], axis.raw(value), sinks=sinks)
        for axis, value in zip(wiring.axes, joints, strict=True)
    ]
    servos += [Servo(output.id, reg.MODELS[output.model], output.off) for output in wiring.outputs]
    return ServoBus(servos)


def _begin(fault: Fault, servo: Servo) -> None:
    match fault.kind:
        case "silent":
            servo.silent = True
        case "stuck":
            servo.stuck = True
        case "reboot":
            servo.reboot()
        case "overheating":
            servo.fail(_OVERHEATING)
        case "overload":
            servo.fail(_OVERLOAD)
        case "brown_out":
            servo.powered = False
        case "wrap":
            servo.turns = 1


def _end(fault: Fault, servo: Servo) -> None:
    match fault.kind:
        case "silent":
            servo.silent = False
        case "stuck":
            servo.stuck = False
        case "brown_out":
            servo.powered = True
            servo.reboot()
        case "wrap":
            servo.turns = 0


def _said(servo: Servo, data: bytes) -> Said:
    delay = servo.get(reg.RETURN_DELAY) * reg.DELAY_STEP
    return Said(delay, wire.encode(Packet(servo.id, servo.errors, data)))
