"""The door to pymodbus: requests to bytes, and bytes to the reply that fits. It opens no port and waits for nothing.

Only the frames are taken from there. Waiting, retrying and reconnecting are ours, with a deadline each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cellctl.errors import EnvironmentMissing, Finding
from cellctl.model.process_channels import Table

_FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device answered: the entries that it was asked for, or the number of its objection."""

    entries: tuple[int, ...] = ()
    objection: int = 0


class Frames:
    """Requests and replies of a line. Raises EnvironmentMissing (E570) when pymodbus is not installed."""

    def __init__(self) -> None:
        try:
            from pymodbus.framer import FramerRTU
            from pymodbus.pdu import DecodePDU
        except ImportError:
            hint = "pip install 'cellctl[modbus]'"
            raise EnvironmentMissing(Finding("E570", "package pymodbus is missing", suggestion=hint)) from None
        self._framer = FramerRTU(DecodePDU(is_server=False))

    def read(self, unit: int, table: Table, address: int, count: int) -> bytes:
        """Ask for `count` entries from `address`."""
        from pymodbus.pdu import bit_message as bits
        from pymodbus.pdu import register_message as registers

        kind = {
            "coil": bits.ReadCoilsRequest,
            "discrete": bits.ReadDiscreteInputsRequest,
            "holding": registers.ReadHoldingRegistersRequest,
            "input": registers.ReadInputRegistersRequest,
        }[table]
        return bytes(self._framer.buildFrame(kind(dev_id=unit, address=address, count=count)))

    def write(self, unit: int, table: Table, address: int, entries: tuple[int, ...]) -> bytes:
        """Write entries from `address`: coils one by one (function 5), registers together (function 16)."""
        from pymodbus.pdu.bit_message import WriteSingleCoilRequest
        from pymodbus.pdu.register_message import WriteMultipleRegistersRequest

        if table == "coil":
            (entry,) = entries
            return bytes(
                self._framer.buildFrame(WriteSingleCoilRequest(dev_id=unit, address=address, bits=[bool(entry)]))
            )
        request = WriteMultipleRegistersRequest(dev_id=unit, address=address, registers=list(entries))
        return bytes(self._framer.buildFrame(request))

    def answer(self, data: bytes, unit: int, function: int, count: int) -> Answer | None:
        """The answer of `unit` to `function` in `data`, None while there is none; what does not fit is no answer, and
        what stands before one is passed over.
        """
        starts = (k for k in range(len(data) - 3) if data[k] == unit and data[k + 1] & 0x7F == function)
        found = (self._answer_at(data[k:], unit, function, count) for k in starts)
        return next((answer for answer in found if answer is not None), None)

    def _answer_at(self, data: bytes, unit: int, function: int, count: int) -> Answer | None:
        from pymodbus.exceptions import ModbusException

        try:
            _, pdu = self._framer.handleFrame(data, unit, 0)
        except (ModbusException, ValueError, IndexError, struct.error):
            return None
        if pdu is None or pdu.function_code & 0x7F != function:
            return None
        if pdu.isError():
            return Answer(objection=pdu.exception_code)
        if function > 4:
            return Answer()
        entries = pdu.registers if function in (3, 4) else [int(bit) for bit in pdu.bits]
        if len(entries) < count or (function in (3, 4) and len(entries) != count):
            return None
        return Answer(tuple(entries[:count]))


def function_of(table: Table, *, writing: bool = False) -> int:
    """The number of the function that reads or writes a table."""
    if writing:
        return 5 if table == "coil" else 16
    return _FUNCTIONS[table]
