"""A weld source and a gripper on a lying Modbus line, served in turns in simulated time. It judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from cellctl.bench.serial.simulated import SimulatedPort
from cellctl.drivers.modbus.io import ModbusIo
from cellctl.drivers.modbus.scan import ProcessScan
from cellctl.drivers.port import Port
from cellctl.emulators.link.line import Line
from cellctl.emulators.modbus.line import process_line
from cellctl.errors import EnvironmentMissing, Finding
from cellctl.files import load_io
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.process_wiring import ProcessWiring

SIGNALS = ("arc_on", "arc_ok", "gripper", "gripped", "gripper_open")
shipped_io: Callable[[str], ProcessWiring] = cache(load_io)
"""A process wiring of the library, read once."""
_PAUSE = 0.002


class ProcessBench:
    """The signals of the shipped wiring at the emulated devices; raises EnvironmentMissing E570 without pymodbus."""

    def __init__(self, *faults: Fault, seed: int = 1, signals: tuple[str, ...] = SIGNALS) -> None:
        self.wiring = shipped_io("lib:sim/process_line/io.yaml").used_by(signals)
        self.devices = process_line("gripper", "weld_source")
        self.line = Line(self.devices, baud=self.wiring.line.baud, script=FaultScript(faults, seed))
        self.io = ModbusIo(self.open_port, self.wiring.line, self.wiring.devices)
        self.scan = ProcessScan(self.io, self.wiring)
        self.source, self.gripper = self.devices.device("weld_source"), self.devices.device("gripper")

    def open_port(self) -> Port:
        """Another port at the same line; raises EnvironmentMissing while the cable is out."""
        if self.line.unplugged:
            raise EnvironmentMissing(Finding("E550", "there is no port '/dev/simulated'"))
        return SimulatedPort(self.line)

    @property
    def now(self) -> float:
        """The line's time, s."""
        return self.line.now

    @property
    def ended(self) -> str:
        """The code of what the line was given up for, empty while it was not."""
        return "" if self.scan.finding is None else self.scan.finding.code

    def serve(self, seconds: float, *on: str, says: bool = True) -> None:
        """Serve the line as its thread does, while a run `says` what shall be on."""
        end = self.now + seconds
        while self.now < end:
            if says:
                self.scan.say(frozenset(on))
            self.scan.round()
            self.line.advance(self.now + _PAUSE)

    def rest(self, seconds: float) -> None:
        """The run is over; serve the line on."""
        self.scan.say(None)
        self.serve(seconds, says=False)
