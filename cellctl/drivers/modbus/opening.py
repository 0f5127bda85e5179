"""Opens a Modbus process line as a file describes it. It asks and switches nothing by itself."""

from __future__ import annotations

from cellctl.drivers.driver import ArmSetup
from cellctl.drivers.modbus.io import ModbusIo
from cellctl.drivers.modbus.scan import ProcessScan
from cellctl.drivers.modbus.serving import ServedLine
from cellctl.drivers.serial_port import SerialPort
from cellctl.errors import Finding, UsageError
from cellctl.files import load_io

EMULATED = "lib:sim/process_line/io.yaml"
"""Where the devices of `cellctl emulate modbus` have their signals."""


def open_modbus_line(port: str, setup: ArmSetup) -> ServedLine:
    """The signals of a cell that its file (by default the one for the emulated devices) puts on the line at `port`.

    Raises UsageError U655 where none of them is, and what reading the file and opening the line raise.
    """
    return ServedLine(open_scan(port, setup))


def open_scan(port: str, setup: ArmSetup) -> ProcessScan:
    """The same, to be served by the caller."""
    file, signals = setup.io_file or EMULATED, sorted(signal.name for signal in setup.signals)
    wiring = load_io(file).used_by(signals)
    if not wiring.devices:
        known = ", ".join(signals) or "none"
        text = f"'{file}' has none of the cell's signals"
        raise UsageError(Finding("U655", text, suggestion=f"signals of the cell: {known}"))
    line = wiring.line
    io = ModbusIo(
        lambda: SerialPort(port, baud=line.baud, parity=line.parity, stop_bits=line.stop_bits), line, wiring.devices
    )
    try:
        return ProcessScan(io, wiring)
    except BaseException:
        io.close()
        raise
