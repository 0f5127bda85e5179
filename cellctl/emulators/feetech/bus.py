"""Emulated servos on one bus: what each packet makes them do and answer. It knows neither line nor port."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cellctl.emulators.feetech.servo import Servo
from cellctl.emulators.link.line import Said
from cellctl.emulators.servos.bus import EmulatedBus
from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech import BROADCAST, Decoder, Instruction, Packet
from cellctl.model.wiring import Wiring


class ServoBus(EmulatedBus[Servo, Packet]):
    """A `Controller` of servos by id."""

    byte_timeout = 0.005

    def __init__(self, servos: Iterable[Servo]) -> None:
        super().__init__(servos, Decoder())

    def obey(self, packet: Packet) -> list[Said]:
        """Do what a packet says; answers of others are not obeyed."""
        parameters = packet.parameters
        if packet.code == Instruction.SYNC_READ:
            return self._sync_read(parameters)
        if packet.code == Instruction.SYNC_WRITE:
            self._sync_write(parameters)
            return []
        said: list[Said] = []
        for servo in self.listening():
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
                self.registered[servo.id] = (parameters[0], parameters[1:])
            case Instruction.ACTION:
                servo.write(*self.registered.pop(servo.id, (0, b"")))
            case _:
                return None
        return b"" if talks else None

    def _sync_read(self, parameters: bytes) -> list[Said]:
        """Answers in the order of the ids; one that is silent leaves a gap."""
        if len(parameters) < 2:
            return []
        address, length = parameters[0], parameters[1]
        return [_said(servo, servo.read(address, length)) for servo in self.asked(parameters[2:])]

    def _sync_write(self, parameters: bytes) -> None:
        if len(parameters) < 2:
            return
        address, length = parameters[0], parameters[1]
        for at in range(2, len(parameters) - length, length + 1):
            for servo in self.asked(parameters[at : at + 1]):
                servo.write(address, parameters[at + 1 : at + 1 + length])


def bus_of(wiring: Wiring, joints: Sequence[float]) -> ServoBus:
    """The servos of an arm, standing at joint values (dof,), rad; grippers stand open."""
    sinks = int(wiring.on_power_removal == "falls")
    servos = [
        Servo(axis.id, reg.MODELS[axis.model], axis.raw(value), sinks=sinks)
        for axis, value in zip(wiring.axes, joints, strict=True)
    ]
    servos += [Servo(output.id, reg.MODELS[output.model], output.off) for output in wiring.outputs]
    return ServoBus(servos)


def _said(servo: Servo, data: bytes) -> Said:
    delay = servo.get(reg.RETURN_DELAY) * reg.DELAY_STEP
    return Said(delay, wire.encode(Packet(servo.id, servo.errors, data)))
