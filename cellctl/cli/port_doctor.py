"""`cellctl doctor PORT`: who is on a serial line, and how they are. It writes nothing and moves nothing."""

from __future__ import annotations

from dataclasses import asdict
from math import degrees
from pathlib import Path
from typing import TYPE_CHECKING

from cellctl.cli.output import Outcome
from cellctl.errors import EnvironmentMissing, Finding

if TYPE_CHECKING:
    from rich.table import Table

    from cellctl.drivers.servos.survey import ServoReport
    from cellctl.model.wiring import Protocol, Wiring

_BAUD_RATES = (1_000_000, 57_600, 115_200, 2_000_000, 3_000_000, 4_000_000)
_ADAPTERS = Path("/sys/bus/usb-serial/devices")
_SLOW_ADAPTER = 1


def examine(port: str, arm: str | None) -> Outcome:
    """The port, its adapter, and the servos behind it: DYNAMIXEL ones unless `arm` has others.

    Raises EnvironmentMissing E550, E551 or E553.
    """
    from cellctl.drivers.servos.survey import advice
    from cellctl.files import load_wiring

    wiring = load_wiring(arm) if arm else None
    baud, reports = _found(port, wiring)
    findings = [*_adapter(port), *advice(reports), *_missing(wiring, reports)]
    lines: list[str | Table] = [f"{port}: {len(reports)} servos at {baud} baud", _table(reports, wiring)]
    data = {"port": port, "baud": baud, "servos": [asdict(report) for report in reports]}
    wrong = any(finding.severity == "error" for finding in findings)
    return Outcome(
        text=tuple(lines), data=data, findings=tuple(findings), exit_code=EnvironmentMissing.exit_code if wrong else 0
    )


def _found(port: str, wiring: Wiring | None) -> tuple[int, list[ServoReport]]:
    """The baud rate at which somebody answers, and who; the wiring's rate is tried first."""
    from cellctl.drivers.port import PortLost
    from cellctl.drivers.serial_port import SerialPort
    from cellctl.drivers.servos.survey import survey

    protocol: Protocol = wiring.protocol if wiring else "dynamixel"
    rates = dict.fromkeys(([wiring.baud] if wiring else []) + list(_BAUD_RATES))
    for baud in rates:
        line = SerialPort(port, baud=baud)
        try:
            reports = survey(line, protocol, baud=baud, ids=sorted(wiring.models) if wiring else ())
        except PortLost as lost:
            raise EnvironmentMissing(Finding("E550", f"port '{port}' was lost: {lost}")) from None
        finally:
            line.close()
        if reports:
            return baud, reports
    what = "Feetech" if protocol == "feetech" else "DYNAMIXEL"
    message = f"no {what} servo answers at {port}, at none of {', '.join(map(str, rates))} baud"
    raise EnvironmentMissing(
        Finding("E553", message, suggestion="look at power and cable; which servos are meant is said by --arm")
    )


def _adapter(port: str) -> list[Finding]:
    """What slows the adapter down: its latency timer, ms, where it has one."""
    timer = _ADAPTERS / Path(port).resolve().name / "latency_timer"
    try:
        value = int(timer.read_text())
    except (OSError, ValueError):
        return []
    if value <= _SLOW_ADAPTER:
        return []
    message = f"the adapter of {port} holds replies back for up to {value} ms"
    return [Finding("E556", message, suggestion=f"echo 1 | sudo tee {timer}", severity="warning")]


def _missing(wiring: Wiring | None, reports: list[ServoReport]) -> list[Finding]:
    """What the wiring names and the bus does not have, or has otherwise."""
    from cellctl.drivers.servos import findings

    if wiring is None:
        return []
    models = {report.id: report.model for report in reports}
    absent = [id for id in sorted(wiring.models) if id not in models]
    wrong = [
        findings.differs(wiring, id, "type", model, models[id])
        for id, model in sorted(wiring.models.items())
        if id in models and models[id] != model
    ]
    return [*([findings.no_answer("this port", wiring, absent)] if absent else []), *wrong]


def _table(reports: list[ServoReport], wiring: Wiring | None) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("servo", "type", "firmware", "steps", "joint, deg", "torque", "V", "deg C", "errors"):
        table.add_column(heading)
    joints = {axis.id: axis for axis in wiring.axes} if wiring else {}
    for report in reports:
        axis = joints.get(report.id)
        table.add_row(
            wiring.called(report.id) if wiring else str(report.id),
            report.model,
            str(report.firmware),
            str(report.position),
            f"{degrees(axis.joint_value(report.position)):.1f}" if axis else "",
            "on" if report.torque else "off",
            f"{report.voltage:.1f}",
            str(report.temperature),
            report.errors or "none",
        )
    return table


def calibrated(port: str, arm: str, at: str) -> dict[str, int]:
    """The raw positions that are joint value 0, by joint, from an arm that a person has put at the joint values `at`.

    Raises EnvironmentMissing when the arm does not answer, UsageError for joint values that do not fit it.
    """
    from cellctl.cli.emulate import joint_values
    from cellctl.files import load_wiring

    wiring = load_wiring(arm)
    values = joint_values(wiring, at)
    _, reports = _found(port, wiring)
    missing = _missing(wiring, reports)
    if missing:
        raise EnvironmentMissing(missing)
    raw = {report.id: report.position for report in reports}
    return {
        axis.joint: raw[axis.id] - (axis.raw(value) - axis.zero)
        for axis, value in zip(wiring.axes, values, strict=True)
    }


def released(port: str, arm: str) -> None:
    """Take the torque of the arm at `port`; raises EnvironmentMissing (E550), Faulted for servos that do not let go."""
    from cellctl.drivers.port import PortLost
    from cellctl.drivers.serial_port import SerialPort
    from cellctl.drivers.servos.opening import servos_at
    from cellctl.files import load_wiring

    wiring = load_wiring(arm)
    line = SerialPort(port, baud=wiring.baud)
    try:
        servos_at(line, wiring).disable()
    except PortLost as lost:
        raise EnvironmentMissing(Finding("E550", f"port '{port}' was lost: {lost}")) from None
    finally:
        line.close()
