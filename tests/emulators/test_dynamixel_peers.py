"""The emulated servos against the vendor's own SDK and an independent one, over a pseudoterminal in real time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cellctl.emulators.dynamixel.bus import ServoBus
from cellctl.emulators.dynamixel.servo import Servo
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.model.wires.dynamixel_registers import GOAL_POSITION, MODELS

pytestmark = pytest.mark.peers

MODEL = MODELS["XM430-W350"]
TORQUE, GOAL, POSITION, HARDWARE_ERROR, WATCHDOG = 64, 116, 132, 70, 98
IDS = (1, 2, 3)


@pytest.fixture
def servos() -> ServoBus:
    return ServoBus(Servo(id, MODEL, 2048 + id) for id in IDS)


@pytest.fixture
def port(servos: ServoBus, served) -> Iterator[str]:
    with Terminal(Line(servos, baud=1_000_000)) as terminal, served(terminal):
        yield terminal.port


class TestVendorSdk:
    """`dynamixel-sdk`, the Python SDK of ROBOTIS."""

    @pytest.fixture
    def sdk(self, port: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple]:
        sdk = pytest.importorskip("dynamixel_sdk", reason="dynamixel-sdk is not installed")
        # it gives up after 34 ms, which is short where a machine has other things to do
        monkeypatch.setattr(sdk.port_handler, "LATENCY_TIMER", 200)
        handler = sdk.PortHandler(port)
        assert handler.openPort()
        assert handler.setBaudRate(1_000_000)
        yield sdk, handler, sdk.PacketHandler(2.0)
        handler.closePort()

    def test_ping(self, sdk) -> None:
        _, port, packets = sdk
        assert packets.ping(port, 1) == (MODEL.number, 0, 0)
        found, result = packets.broadcastPing(port)
        assert result == 0
        assert found == {id: [MODEL.number, 46] for id in IDS}

    def test_read_and_write(self, sdk) -> None:
        _, port, packets = sdk
        assert packets.read4ByteTxRx(port, 2, POSITION) == (2050, 0, 0)
        assert packets.write1ByteTxRx(port, 2, TORQUE, 1) == (0, 0)
        assert packets.write4ByteTxRx(port, 2, GOAL, 2100) == (0, 0)
        assert packets.read4ByteTxRx(port, 2, GOAL) == (2100, 0, 0)

    def test_errors_are_the_vendors(self, sdk) -> None:
        _, port, packets = sdk
        assert packets.write4ByteTxRx(port, 1, POSITION, 1) == (0, 7), "access: read only"
        assert packets.write4ByteTxRx(port, 1, GOAL, 5000) == (0, 6), "data limit"
        assert packets.write1ByteTxRx(port, 1, TORQUE, 2) == (0, 4), "data range"
        assert packets.write1ByteTxRx(port, 1, TORQUE, 1) == (0, 0)
        assert packets.write1ByteTxRx(port, 1, 11, 4) == (0, 7), "access: permanent, under torque"
        result = packets.ping(port, 9)
        assert packets.getTxRxResult(result[1]) == "[TxRxResult] There is no status packet!"

    def test_an_alert_shows_and_takes_the_torque(self, sdk, servos: ServoBus) -> None:
        _, port, packets = sdk
        packets.write1ByteTxRx(port, 3, TORQUE, 1)
        servos.servo(3).fail(5)
        _, result, error = packets.read4ByteTxRx(port, 3, POSITION)
        assert (result, error) == (0, 0x80)
        assert packets.read1ByteTxRx(port, 3, HARDWARE_ERROR)[0] == 0x20
        assert packets.read1ByteTxRx(port, 3, TORQUE)[0] == 0
        packets.write1ByteTxRx(port, 3, TORQUE, 1)
        assert packets.read1ByteTxRx(port, 3, TORQUE)[0] == 0
        assert packets.reboot(port, 3) == (0, 0x80)

    @pytest.mark.parametrize("fast", [False, True])
    def test_sync_read(self, sdk, fast: bool) -> None:
        module, port, packets = sdk
        group = module.GroupSyncRead(port, packets, POSITION, 4)
        assert all(group.addParam(id) for id in IDS)
        assert (group.fastSyncRead() if fast else group.txRxPacket()) == 0
        assert [group.getData(id, POSITION, 4) for id in IDS] == [2049, 2050, 2051]

    def test_sync_write_bulk_read_and_bulk_write(self, sdk) -> None:
        module, port, packets = sdk
        write = module.GroupSyncWrite(port, packets, GOAL, 4)
        for id in IDS:
            write.addParam(id, [id, 8, 0, 0])
        assert write.txPacket() == 0
        bulk_write = module.GroupBulkWrite(port, packets)
        bulk_write.addParam(3, WATCHDOG, 1, [5])
        bulk_write.addParam(2, GOAL, 4, [9, 8, 0, 0])
        assert bulk_write.txPacket() == 0
        bulk = module.GroupBulkRead(port, packets)
        bulk.addParam(1, GOAL, 4)
        bulk.addParam(2, GOAL, 4)
        bulk.addParam(3, WATCHDOG, 1)
        assert bulk.txRxPacket() == 0
        assert [bulk.getData(1, GOAL, 4), bulk.getData(2, GOAL, 4), bulk.getData(3, WATCHDOG, 1)] == [2049, 2057, 5]

    def test_registered_writes_wait_for_their_action(self, sdk) -> None:
        _, port, packets = sdk
        assert packets.regWriteTxRx(port, 1, GOAL, 4, [0, 8, 0, 0]) == (0, 0)
        assert packets.read4ByteTxRx(port, 1, GOAL)[0] == 2049
        assert packets.action(port, 0xFE) == 0
        assert packets.read4ByteTxRx(port, 1, GOAL)[0] == 2048

    def test_bytes_that_the_sdk_does_not_stuff_are_taken(self, sdk, servos: ServoBus) -> None:
        _, port, packets = sdk
        servos.servo(1).put_limits(0, 2**31 - 1)
        assert packets.write4ByteTxRx(port, 1, GOAL, 0x00FDFFFF) == (0, 0)
        assert packets.read4ByteTxRx(port, 1, GOAL) == (0x00FDFFFF, 0, 0)


class TestIndependentSdk:
    """`rustypot`, written in Rust by others."""

    @pytest.fixture
    def sdk(self, port: str):
        rustypot = pytest.importorskip("rustypot", reason="rustypot is not installed")
        return rustypot.Xl430PyController(port, 1_000_000, 0.2)

    def test_ping_read_write_and_sync(self, sdk) -> None:
        assert sdk.ping(1)
        assert sdk.sync_read_present_position(list(IDS)) == [2049, 2050, 2051]
        sdk.sync_write_torque_enable(list(IDS), [True] * 3)
        assert sdk.sync_read_torque_enable(list(IDS)) == [True] * 3
        sdk.sync_write_goal_position([1, 2], [2058, 2038])
        assert sdk.sync_read_goal_position(list(IDS)) == [2058, 2038, 2051]
        sdk.write_goal_position(3, 2040)
        assert sdk.read_goal_position(3) == [2040]

    def test_stuffed_bytes_come_through(self, sdk, servos: ServoBus) -> None:
        servos.servo(1).put_limits(0, 2**31 - 1)
        sdk.sync_write_goal_position([1], [0x00FDFFFF])
        assert sdk.sync_read_goal_position([1]) == [0x00FDFFFF]
        assert servos.servo(1).get(GOAL_POSITION) == 0x00FDFFFF

    def test_a_missing_servo_is_an_error(self, sdk) -> None:
        assert not sdk.ping(9)
        with pytest.raises(RuntimeError):
            sdk.sync_read_present_position([1, 9])
