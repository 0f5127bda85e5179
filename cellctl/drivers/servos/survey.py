"""Who is on a bus and how they are: for a person who wires an arm. It writes nothing and moves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cellctl.drivers.port import Port
from cellctl.drivers.servos.bus import ServoBus
from cellctl.errors import Finding
from cellctl.model.wires import dynamixel, feetech, feetech_registers
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wiring import Protocol

_SCAN_TIME, _SCANNED, _PING_TIME = 0.3, range(1, 21), 0.02
"""s for a broadcast; ids that are asked one by one where a broadcast tells nothing, and s for each."""
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


def survey(port: Port, protocol: Protocol, *, baud: int, ids: Sequence[int] = ()) -> list[ServoReport]:
    """The servos that answer at all, and those of `ids` that answer when asked alone, by id."""
    if protocol == "feetech":
        return _surveyed(ServoBus(port, feetech.FeetechCodec(), baud=baud), _scanned, _feetech_report, ids)
    return _surveyed(ServoBus(port, dynamixel.DynamixelCodec(), baud=baud), _broadcast, _dynamixel_report, ids)


def _surveyed(
    bus: ServoBus[Any],
    search: Callable[[ServoBus[Any]], set[int]],
    report: Callable[[ServoBus[Any], int], ServoReport | None],
    ids: Sequence[int],
) -> list[ServoReport]:
    found = search(bus)
    found |= {id for id in ids if id not in found and bus.answers(id)}
    return [told for id in sorted(found) if (told := report(bus, id)) is not None]


def _broadcast(bus: ServoBus[Any]) -> set[int]:
    request = dynamixel.encode(dynamixel.ping())
    return set(bus.ask(request, range(dynamixel.LARGEST_ID + 1), size=3, deadline=bus.port.now() + _SCAN_TIME))


def _scanned(bus: ServoBus[Any]) -> set[int]:
    """Feetech servos all speak at once when they are asked together."""
    return {id for id in _SCANNED if bus.ask(bus.codec.ping(id), (id,), size=0, deadline=bus.port.now() + _PING_TIME)}


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


def _dynamixel_report(bus: ServoBus[Any], id: int) -> ServoReport | None:
    reply = bus.read(id, 0, reg.TABLE_SIZE)
    if reply is None or dynamixel.refusal(reply):
        return None
    table = reply.data
    number = reg.MODEL.unpack(table)
    bits = reg.HARDWARE_ERROR.unpack(table)
    return ServoReport(
        id=id,
        model=next((name for name, item in reg.MODELS.items() if item.number == number), f"model {number}"),
        firmware=reg.FIRMWARE.unpack(table),
        position=reg.PRESENT_POSITION.unpack(table),
        torque=bool(reg.TORQUE_ENABLE.unpack(table)),
        voltage=reg.PRESENT_VOLTAGE.unpack(table) / 10.0,
        temperature=reg.PRESENT_TEMPERATURE.unpack(table),
        errors=reg.error_words(bits) if bits else "",
        return_delay=reg.RETURN_DELAY.unpack(table),
    )


def _feetech_report(bus: ServoBus[Any], id: int) -> ServoReport | None:
    of = feetech_registers
    reply = bus.read(id, 0, of.TABLE_SIZE)
    if reply is None:
        return None
    table = reply.data
    number = of.MODEL.unpack(table)
    return ServoReport(
        id=id,
        model=next((name for name, known in of.MODELS.items() if known == number), f"model {number}"),
        firmware=of.FIRMWARE_MAJOR.unpack(table),
        position=of.PRESENT_POSITION.unpack(table),
        torque=bool(of.TORQUE_ENABLE.unpack(table)),
        voltage=of.PRESENT_VOLTAGE.unpack(table) * of.VOLTAGE_STEP,
        temperature=of.PRESENT_TEMPERATURE.unpack(table),
        errors=of.error_words(reply.error) if reply.error else "",
        return_delay=of.RETURN_DELAY.unpack(table),
    )
