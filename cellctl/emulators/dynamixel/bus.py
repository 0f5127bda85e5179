"""Emulated servos on one bus: what each packet makes them do and answer. It knows neither line nor port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cellctl.emulators.dynamixel.servo import Servo
from cellctl.emulators.link.line import Said
from cellctl.emulators.servos.bus import EmulatedBus
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.dynamixel import BROADCAST, Decoder, Error, Instruction, Packet
from cellctl.model.wires.servo import Reply
from cellctl.model.wiring import Wiring


class ServoBus(EmulatedBus[Servo, Packet]):
    """A `Controller` of servos by id."""

    byte_timeout = 0.05

    def __init__(self, servos: Iterable[Servo]) -> None:
        super().__init__(servos, Decoder())
        self._answers: dict[int, Callable[[Packet], list[Said]]] = {
            Instruction.SYNC_READ: self._sync_read,
            Instruction.FAST_SYNC_READ: self._fast_sync_read,
            Instruction.SYNC_WRITE: self._sync_write,
            Instruction.BULK_READ: self._bulk_read,
            Instruction.BULK_WRITE: self._bulk_write,
        }

    def obey(self, packet: Packet) -> list[Said]:
        """Do what a packet says; any packet feeds the watchdogs."""
        if packet.instruction == Instruction.STATUS:
            return []
        for servo in self.servos.values():
            servo.feed()
        if packet.instruction in self._answers:
            return self._answers[packet.instruction](packet)
        said: list[Said] = []
        for servo in self.listening():
            if packet.id in (servo.id, BROADCAST):
                reply = self._answer(servo, packet)
                if reply is not None and _may_answer(servo, packet):
                    said.append(_said(servo, reply))
            elif packet.id == servo.get(reg.SECONDARY_ID):
                self._answer(servo, packet)
        return said

    def _answer(self, servo: Servo, packet: Packet) -> Reply | None:
        """What one servo does and would answer."""
        parameters = packet.parameters
        match packet.instruction:
            case Instruction.PING:
                model, firmware = servo.get(reg.MODEL), servo.get(reg.FIRMWARE)
                return servo.reply(Error.NONE, reg.MODEL.pack(model) + reg.FIRMWARE.pack(firmware))
            case Instruction.READ if len(parameters) == 4:
                return servo.read(_number(parameters[:2]), _number(parameters[2:]))
            case Instruction.WRITE if len(parameters) > 2:
                return servo.reply(servo.write(_number(parameters[:2]), parameters[2:]))
            case Instruction.REG_WRITE if len(parameters) > 2:
                self.registered[servo.id] = (_number(parameters[:2]), parameters[2:])
                return servo.reply(Error.NONE)
            case Instruction.ACTION:
                return servo.reply(servo.write(*self.registered.pop(servo.id, (0, b""))))
            case Instruction.REBOOT:
                reply = servo.reply(Error.NONE)
                servo.reboot()
                return reply
            case Instruction.READ | Instruction.WRITE | Instruction.REG_WRITE:
                return servo.reply(Error.DATA_LENGTH)
            case _:
                return servo.reply(Error.INSTRUCTION)

    def _sync_read(self, packet: Packet) -> list[Said]:
        address, length, ids = _number(packet.parameters[:2]), _number(packet.parameters[2:4]), packet.parameters[4:]
        return [_said(servo, servo.read(address, length)) for servo in self.asked(ids)]

    def _fast_sync_read(self, packet: Packet) -> list[Said]:
        """One packet that all add to; where one is missing the chain breaks and nothing whole comes."""
        address, length, ids = _number(packet.parameters[:2]), _number(packet.parameters[2:4]), packet.parameters[4:]
        asked = self.asked(ids)
        frame = wire.fast_status([servo.read(address, length) for servo in asked])
        if len(asked) < len(ids):
            frame = frame[: len(frame) // 2]
        return [Said(_delay(asked[0]), frame)] if asked else []

    def _sync_write(self, packet: Packet) -> list[Said]:
        address, length, body = _number(packet.parameters[:2]), _number(packet.parameters[2:4]), packet.parameters[4:]
        for at in range(0, len(body) - length, length + 1):
            self._write(body[at], address, body[at + 1 : at + 1 + length])
        return []

    def _bulk_read(self, packet: Packet) -> list[Said]:
        body = packet.parameters
        wanted = {
            body[at]: (_number(body[at + 1 : at + 3]), _number(body[at + 3 : at + 5]))
            for at in range(0, len(body) - 4, 5)
        }
        return [_said(servo, servo.read(*wanted[servo.id])) for servo in self.asked(wanted)]

    def _bulk_write(self, packet: Packet) -> list[Said]:
        body, at = packet.parameters, 0
        while at + 5 <= len(body):
            length = _number(body[at + 3 : at + 5])
            self._write(body[at], _number(body[at + 1 : at + 3]), body[at + 5 : at + 5 + length])
            at += 5 + length
        return []

    def _write(self, id: int, address: int, data: bytes) -> None:
        """A write without an answer, to a servo and to those that follow it."""
        for servo in self.listening():
            if id in (servo.id, servo.get(reg.SECONDARY_ID)):
                servo.write(address, data)


def bus_of(wiring: Wiring, joints: Sequence[float]) -> ServoBus:
    """The servos of an arm, standing at joint values (dof,), rad; grippers stand open."""
    servos: list[Servo] = []
    for axis, value in zip(wiring.axes, joints, strict=True):
        for id in (axis.id, *axis.shadows):
            servo = Servo(id, reg.MODELS[axis.model], axis.raw(value), sinks=int(wiring.on_power_removal == "falls"))
            if id != axis.id:
                servo.put(reg.SECONDARY_ID, axis.id)
                servo.put(reg.DRIVE_MODE, 1)
            servos.append(servo)
    servos += [Servo(output.id, reg.MODELS[output.model], output.off) for output in wiring.outputs]
    return ServoBus(servos)


def _said(servo: Servo, reply: Reply) -> Said:
    return Said(_delay(servo), wire.encode(wire.status(reply)))


def _delay(servo: Servo) -> float:
    return servo.get(reg.RETURN_DELAY) * reg.DELAY_STEP


def _may_answer(servo: Servo, packet: Packet) -> bool:
    """Whether the servo's `status_return` lets it answer; a broadcast is answered only where it is a ping."""
    if packet.instruction == Instruction.PING:
        return True
    needed = 1 if packet.instruction == Instruction.READ else 2
    return packet.id != BROADCAST and servo.get(reg.STATUS_RETURN) >= needed


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
