"""Who is on a bus and how they are: for a person who wires an arm. It writes nothing and moves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellctl.drivers.port import Port
from cellctl.drivers.servos.bus import ServoBus
from cellctl.errors import Finding
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.dynamixel import DynamixelCodec, Packet

_SCAN_TIME = 0.3
_SLOW_DELAY = 50
"""Value of `return_delay` above which the bus is slowed down for nothing."""


@dataclass(frozen=True, slots=True)
class ServoReport:
    """What one servo says about itself; `position` in steps, `voltage` V, `temperature` deg C, `errors` in words."""

    id: int
    model: str
    firmware: int
    position: int
    torque: bool
    voltage: float
    temperature: int
    errors: str
    return_delay: int


def survey(port: Port, *, baud: int, ids: Sequence[int] = ()) -> list[ServoReport]:
    """The servos that answer a broadcast, and those of `ids` that answer when asked alone, by id."""
    bus = ServoBus(port, DynamixelCodec(), baud=baud)
    found = set(bus.ask(wire.encode(wire.ping()), range(wire.LARGEST_ID + 1), size=3, deadline=port.now() + _SCAN_TIME))
    found |= {id for id in ids if id not in found and bus.answers(id)}
    reports = (_report(bus, id) for id in sorted(found))
    return [report for report in reports if report is not None]


def advice(reports: Sequence[ServoReport]) -> list[Finding]:
    """What a person might change, as warnings and notes."""
    findings = []
    for report in reports:
        if report.errors:
            findings.append(Finding("X462", f"servo {report.id} reports: {report.errors}", severity="warning"))
        if report.return_delay > _SLOW_DELAY:
            delay = report.return_delay * reg.DELAY_STEP * 1e6
            message = f"servo {report.id} waits {delay:.0f} us before it answers"
            hint = "set its return delay to 0"
            findings.append(Finding("E556", message, suggestion=hint, severity="warning"))
    if len({report.firmware for report in reports if report.model == reports[0].model}) > 1:
        findings.append(
            Finding("E556", "servos of one type have different firmware", suggestion="update them", severity="warning")
        )
    return findings


def _report(bus: ServoBus[Packet], id: int) -> ServoReport | None:
    reply = bus.read(id, 0, reg.TABLE_SIZE)
    if reply is None or wire.refusal(reply):
        return None
    table = reply.data
    number = reg.MODEL.unpack(table)
    model = next((name for name, item in reg.MODELS.items() if item.number == number), f"model {number}")
    bits = reg.HARDWARE_ERROR.unpack(table)
    return ServoReport(
        id=id,
        model=model,
        firmware=reg.FIRMWARE.unpack(table),
        position=reg.PRESENT_POSITION.unpack(table),
        torque=bool(reg.TORQUE_ENABLE.unpack(table)),
        voltage=reg.PRESENT_VOLTAGE.unpack(table) / 10.0,
        temperature=reg.PRESENT_TEMPERATURE.unpack(table),
        errors=reg.error_words(bits) if bits else "",
        return_delay=reg.RETURN_DELAY.unpack(table),
    )
