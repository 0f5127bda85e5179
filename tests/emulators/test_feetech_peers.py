"""Emulated Feetech servos against the vendor's SDK and an independent one, over a pseudoterminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from cellctl.emulators.feetech.bus import ServoBus
from cellctl.emulators.feetech.servo import Servo
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.model.wires.feetech_registers import MODELS

pytestmark = pytest.mark.peers
SIX = (1, 2, 3, 4, 5, 6)
INSTALL = "pip install 'cellctl[peers]'"


@pytest.fixture
def servos() -> ServoBus:
    return ServoBus(Servo(id, MODELS["STS3215"], 2048.0) for id in SIX)


@pytest.fixture
def port(servos: ServoBus, served) -> Iterator[str]:
    with Terminal(Line(servos, baud=1_000_000)) as terminal, served(terminal):
        yield terminal.port


def wait_for(done: Callable[[], bool], *, patience: float = 5.0) -> bool:
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_the_vendors_sdk(port: str, servos: ServoBus) -> None:
    sdk = pytest.importorskip("scservo_sdk", reason=f"feetech-servo-sdk is missing: {INSTALL}")
    line, packets = sdk.PortHandler(port), sdk.PacketHandler(0)
    line.setPacketTimeout = lambda length: line.setPacketTimeoutMillis(2000)  # a busy machine answers late
    assert line.openPort()
    assert line.setBaudRate(1_000_000)
    assert [packets.ping(line, id) for id in SIX] == [(777, 0, 0)] * 6
    assert packets.ping(line, 7)[1] == sdk.COMM_RX_TIMEOUT
    assert packets.write1ByteTxRx(line, 1, 40, 1) == (0, 0)
    assert packets.read1ByteTxRx(line, 1, 40) == (1, 0, 0)
    assert packets.write2ByteTxRx(line, 1, 42, 2148) == (0, 0)
    assert wait_for(lambda: abs(packets.read2ByteTxRx(line, 1, 56)[0] - 2148) <= 2)
    assert packets.read2ByteTxRx(line, 2, 56) == (2048, 0, 0)

    for id in SIX:
        packets.write1ByteTxRx(line, id, 40, 1)
    write = sdk.GroupSyncWrite(line, packets, 42, 2)
    for id in SIX:
        assert write.addParam(id, [(2100 + id) & 0xFF, (2100 + id) >> 8])
    assert write.txPacket() == sdk.COMM_SUCCESS
    read = sdk.GroupSyncRead(line, packets, 56, 15)
    for id in SIX:
        assert read.addParam(id)

    def arrived() -> bool:
        assert read.txRxPacket() == sdk.COMM_SUCCESS
        return all(abs(read.getData(id, 56, 2) - 2100 - id) <= 2 for id in SIX)

    assert wait_for(arrived)
    assert [read.getData(id, 62, 1) for id in SIX] == [74] * 6
    servos.servo(3).fail(5)
    assert packets.read1ByteTxRx(line, 3, 40) == (0, 0, sdk.ERRBIT_OVERLOAD), "it has let go and says why"
    assert packets.getRxPacketError(sdk.ERRBIT_OVERLOAD) == "[RxPacketError] Overload error!"
    assert packets.ping(line, 2) == (777, 0, 0)
    line.closePort()


def test_an_independent_sdk(port: str) -> None:
    rustypot = pytest.importorskip("rustypot", reason=f"rustypot is missing: {INSTALL}")
    arm = rustypot.Sts3215PyController(port, 1_000_000, 0.1)
    assert all(arm.ping(id) for id in SIX)
    assert arm.read_model(1) == [777]
    assert arm.sync_read_present_position([1, 2, 3, 4, 5]) == pytest.approx([0.0] * 5, abs=0.002)
    for id in SIX:
        arm.write_torque_enable(id, True)
    goals = [0.1, -0.1, 0.2]
    arm.sync_write_goal_position([1, 2, 3], goals)
    near = pytest.approx(goals, abs=0.004)
    assert wait_for(lambda: arm.sync_read_present_position([1, 2, 3]) == near)
    assert wait_for(lambda: arm.read_present_velocity(1) == pytest.approx([0.0], abs=0.01))
    assert arm.read_present_voltage(1) == [74]
    arm.write_goal_position(4, 0.15)
    assert wait_for(lambda: arm.read_present_position(4) == pytest.approx([0.15], abs=0.004))
    assert not arm.ping(9)
    with pytest.raises(RuntimeError):
        arm.sync_read_present_position([1, 9])
