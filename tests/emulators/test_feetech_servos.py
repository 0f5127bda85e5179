"""The emulated Feetech servos by themselves: EEPROM and its lock, torque, errors, and packets that make no sense."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.emulators.feetech.bus import ServoBus
from cellctl.emulators.feetech.servo import Servo
from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech import BROADCAST, Instruction, Packet

MODEL = reg.MODELS["STS3215"]


def new_bus() -> ServoBus:
    return ServoBus(Servo(id, MODEL, 2048.0) for id in (1, 2))


@pytest.fixture
def bus() -> ServoBus:
    return new_bus()


def told(bus: ServoBus, packet: Packet, now: float = 0.0) -> list[Packet]:
    """What the servos answer to a packet."""
    decoder = wire.Decoder()
    return [reply for said in bus.hear(wire.encode(packet), now) for reply in decoder.feed(said.data)]


def put(bus: ServoBus, id: int, register: reg.Register, value: int) -> None:
    told(bus, wire.write(id, register.address, register.pack(value)))


def test_the_eeprom_keeps_what_is_written_while_it_is_unlocked(bus: ServoBus) -> None:
    put(bus, 1, reg.RETURN_DELAY, 10)
    put(bus, 2, reg.LOCK, 0)
    put(bus, 2, reg.RETURN_DELAY, 20)
    for id in (1, 2):
        bus.servo(id).reboot()
    bus.advance(0.5)
    assert [bus.servo(id).get(reg.RETURN_DELAY) for id in (1, 2)] == [0, 20]
    assert [bus.servo(id).get(reg.LOCK) for id in (1, 2)] == [1, 1]


def test_a_servo_goes_on_to_its_goal_when_nobody_speaks(bus: ServoBus) -> None:
    put(bus, 1, reg.GOAL_VELOCITY, 200)
    put(bus, 1, reg.TORQUE_ENABLE, 1)
    put(bus, 1, reg.GOAL_POSITION, 2248)
    bus.advance(0.5)
    assert 2100.0 < bus.servo(1).position < 2200.0
    bus.advance(5.0)
    assert bus.servo(1).position == pytest.approx(2248.0, abs=1.0)


def test_a_goal_is_kept_inside_the_range_of_the_servo(bus: ServoBus) -> None:
    bus.servo(1).put(reg.MAX_POSITION, 3000)
    put(bus, 1, reg.GOAL_POSITION, 3500)
    assert bus.servo(1).get(reg.GOAL_POSITION) == 3000


def test_torque_128_makes_the_pose_the_middle_of_the_turn(bus: ServoBus) -> None:
    bus.servo(1).position = 3000.0
    put(bus, 1, reg.TORQUE_ENABLE, reg.REZERO)
    (reply,) = told(bus, wire.read(1, reg.PRESENT_POSITION.address, 2))
    assert reg.PRESENT_POSITION.unpack(reply.parameters, reg.PRESENT_POSITION.address) == 2048


def test_an_error_takes_the_torque_until_it_is_switched(bus: ServoBus) -> None:
    put(bus, 1, reg.TORQUE_ENABLE, 1)
    bus.servo(1).fail(5)
    assert not bus.servo(1).torque
    (reply,) = told(bus, wire.ping(1))
    assert reply.code == 1 << 5
    put(bus, 1, reg.TORQUE_ENABLE, 0)
    (reply,) = told(bus, wire.ping(1))
    assert reply.code == 0


def test_a_broadcast_is_obeyed_by_all_and_answered_by_none(bus: ServoBus) -> None:
    assert told(bus, wire.write(BROADCAST, reg.TORQUE_ENABLE.address, b"\1")) == []
    assert all(bus.servo(id).torque for id in (1, 2))


packets = st.builds(
    Packet, st.integers(0, 254), st.one_of(st.sampled_from(Instruction), st.integers(0, 255)), st.binary(max_size=40)
)


@settings(max_examples=300)
@given(st.lists(packets, max_size=8))
def test_no_packet_breaks_the_servos(sent: list[Packet]) -> None:
    bus = new_bus()
    for k, packet in enumerate(sent):
        bus.hear(wire.encode(packet), 0.01 * k)
        bus.advance(0.01 * k)
