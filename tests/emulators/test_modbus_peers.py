"""Emulated process devices against pymodbus' own client, over a pseudoterminal in real time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal

pytestmark = pytest.mark.peers
modbus = pytest.importorskip("pymodbus.client", reason="pymodbus is missing: pip install 'cellctl[peers]'")


@pytest.fixture
def client(served) -> Iterator[object]:
    from cellctl.emulators.modbus.line import process_line

    with Terminal(Line(process_line(), baud=115_200)) as terminal, served(terminal):
        client = modbus.ModbusSerialClient(terminal.port, baudrate=115_200, timeout=0.5, retries=1)
        assert client.connect()
        yield client
        client.close()


def test_registers_and_bits(client) -> None:
    assert client.read_holding_registers(1000, count=3, device_id=9).registers == [0, 0, 0]
    assert not client.write_registers(1000, [0x0900, 0x00FF, 0xFF80], device_id=9).isError()
    assert client.read_holding_registers(1000, count=3, device_id=9).registers == [0x0900, 0x00FF, 0xFF80]
    assert not client.write_register(1, 185, device_id=20).isError()
    assert client.read_holding_registers(1, count=1, device_id=20).registers == [185]
    assert not client.write_coil(1, True, device_id=20).isError()
    assert client.read_coils(0, count=2, device_id=20).bits[:2] == [False, True]
    assert not client.write_coils(0, [False, False], device_id=20).isError()
    assert client.read_discrete_inputs(0, count=2, device_id=20).bits[:2] == [False, False]
    assert client.read_input_registers(2000, count=3, device_id=9).registers[0] & 0x3000 == 0x1000


def test_objections(client) -> None:
    wrong = client.read_holding_registers(5, count=1, device_id=20)
    assert (wrong.isError(), wrong.exception_code) == (True, 2)


def test_a_unit_that_is_not_there_does_not_answer(client) -> None:
    from pymodbus.exceptions import ModbusIOException

    with pytest.raises(ModbusIOException):
        client.read_coils(0, count=1, device_id=77)
