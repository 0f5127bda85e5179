"""Emulated devices on one Modbus RTU line: what each request makes them answer. pymodbus reads and makes frames."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu import bit_message as bits
from pymodbus.pdu import register_message as registers

from cellctl.emulators.link.line import Said
from cellctl.emulators.modbus.devices import Behaviour, Device, device_called
from cellctl.model.link_faults import Fault, FaultKind
from cellctl.model.process_channels import Table

_TIME_STEP = 0.002
_FRAME_GAP = 0.003
_TURNAROUND = 0.001
_TABLES: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding"}
_TABLES |= {15: "coil", 16: "holding"}
_NO_FUNCTION, _NO_ADDRESS, _WRONG_VALUE = 1, 2, 3
_REPLIES = {
    1: bits.ReadCoilsResponse,
    2: bits.ReadDiscreteInputsResponse,
    3: registers.ReadHoldingRegistersResponse,
    4: registers.ReadInputRegistersResponse,
}


class ProcessLine:
    """A `Controller` of devices by unit number. Frames with a wrong checksum, and those for others, are not heard."""

    busy = False

    def __init__(self, devices: Sequence[tuple[Device, Behaviour]]) -> None:
        self._devices = {device.description.unit: device for device, _ in devices}
        self._behaviours = list(devices)
        self._framer = FramerRTU(DecodePDU(is_server=True))
        self._received = b""
        self._heard_at = self._now = 0.0
        self._silent: set[int] = set()
        self._restarting: set[int] = set()

    def device(self, name: str) -> Device:
        """The device called `name`."""
        return next(device for device in self._devices.values() if device.description.name == name)

    def behaviour(self, name: str) -> Behaviour:
        """What the device called `name` does."""
        return next(behaviour for device, behaviour in self._behaviours if device.description.name == name)

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Answer the request that is whole with `data`; a pause ends a frame that is not."""
        if now - self._heard_at > _FRAME_GAP:
            self._received = b""
        self._heard_at = now
        self._received = (self._received + data)[-512:]
        try:
            used, request = self._framer.handleFrame(self._received, 0, 0)
        except (ModbusException, ValueError, IndexError, struct.error):
            self._received = b""
            return []
        self._received = self._received[used:]
        if request is None or request.dev_id not in self._devices or request.dev_id in self._silent:
            return []
        self._devices[request.dev_id].heard()
        reply = self._reply(self._devices[request.dev_id], request)
        reply.dev_id = request.dev_id
        return [Said(_TURNAROUND, bytes(self._framer.buildFrame(reply)))]

    def advance(self, now: float) -> Sequence[Said]:
        """Let the devices work up to `now`, s."""
        while self._now + _TIME_STEP <= now:
            self._now += _TIME_STEP
            for device, behaviour in self._behaviours:
                device.watch(_TIME_STEP)
                behaviour.tick(device, _TIME_STEP)
        return ()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """`silent` keeps a unit from answering, `brown_out` takes its power, `reboot` starts it anew; `servo` is its
        number, 0 for all.
        """
        restarting = self._units(faults, "brown_out", "reboot")
        for unit in restarting - self._restarting:
            self._devices[unit].start_anew()
        self._restarting = restarting
        self._silent = self._units(faults, "silent", "brown_out")

    def _units(self, faults: Sequence[Fault], *kinds: FaultKind) -> set[int]:
        """The units that a fault of these kinds happens to."""
        told = {fault.servo for fault in faults if fault.kind in kinds}
        return {unit for unit in self._devices if unit in told or 0 in told}

    def _reply(self, device: Device, request: ModbusPDU) -> ModbusPDU:
        function, address = request.function_code, request.address
        table = _TABLES.get(function)
        if table is None:
            return ExceptionResponse(function, _NO_FUNCTION)
        if function in _REPLIES:
            entries = device.read(table, address, request.count)
            if entries is None:
                return ExceptionResponse(function, _NO_ADDRESS)
            if function <= 2:
                return _REPLIES[function](bits=[bool(entry) for entry in entries], count=len(entries))
            return _REPLIES[function](registers=entries)
        return self._written(device, request, table)

    def _written(self, device: Device, request: ModbusPDU, table: Table) -> ModbusPDU:
        function, address = request.function_code, request.address
        if table == "coil":
            entries = [int(bit) for bit in request.bits][: max(request.count, 1)]
        else:
            entries = list(request.registers)
        if not entries:
            return ExceptionResponse(function, _WRONG_VALUE)
        if not device.write(table, address, entries):
            return ExceptionResponse(function, _NO_ADDRESS)
        match function:
            case 5:
                return bits.WriteSingleCoilResponse(address=address, bits=[bool(entries[0])])
            case 6:
                return registers.WriteSingleRegisterResponse(address=address, registers=entries)
            case 15:
                return bits.WriteMultipleCoilsResponse(address=address, count=len(entries))
        return registers.WriteMultipleRegistersResponse(address=address, count=len(entries))


def process_line(*names: str) -> ProcessLine:
    """A line with the emulated devices of these names, all unless named; raises KeyError."""
    return ProcessLine([device_called(name) for name in names or ("gripper", "screwdriver", "weld_source")])
