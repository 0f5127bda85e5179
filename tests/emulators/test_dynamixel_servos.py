"""The emulated servos by themselves: rules of their registers, watchdog, followers, and packets that make no sense."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.emulators.dynamixel.bus import ServoBus
from cellctl.emulators.dynamixel.servo import Servo
from cellctl.emulators.link.faults import Injector
from cellctl.emulators.link.line import Line
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.dynamixel import ALERT, Error, Instruction, Packet, Reply

MODEL = reg.MODELS["XM430-W350"]


@pytest.fixture
def bus() -> ServoBus:
    return ServoBus(Servo(id, MODEL, 2048) for id in (1, 2))


def told(bus: ServoBus, packet: Packet, now: float = 0.0) -> list[Reply]:
    """What the servos answer to a packet."""
    decoder = wire.Decoder()
    said = [packet for message in bus.hear(wire.encode(packet), now) for packet in decoder.feed(message.data)]
    return [reply for reply in map(wire.reply_of, said) if reply is not None]


def put(bus: ServoBus, id: int, register: reg.Register, value: int) -> int:
    """The error byte of a write."""
    (reply,) = told(bus, wire.write(id, register.address, register.pack(value)))
    return reply.error


def test_rules_of_registers(bus: ServoBus) -> None:
    assert put(bus, 1, reg.PRESENT_POSITION, 0) == Error.ACCESS
    assert put(bus, 1, reg.GOAL_POSITION, 4096) == Error.DATA_LIMIT
    assert put(bus, 1, reg.TORQUE_ENABLE, 2) == Error.DATA_RANGE
    assert put(bus, 1, reg.OPERATING_MODE, 4) == Error.NONE
    assert put(bus, 1, reg.TORQUE_ENABLE, 1) == Error.NONE
    assert put(bus, 1, reg.OPERATING_MODE, 3) == Error.ACCESS
    (reply,) = told(bus, wire.write(1, reg.GOAL_POSITION.address, b"\0\0"))
    assert reply.error == Error.DATA_LENGTH
    (reply,) = told(bus, Packet(1, 0x77))
    assert reply.error == Error.INSTRUCTION


def test_a_servo_that_nobody_speaks_to_stops_by_itself(bus: ServoBus) -> None:
    put(bus, 1, reg.PROFILE_VELOCITY, 50)
    put(bus, 1, reg.TORQUE_ENABLE, 1)
    put(bus, 1, reg.BUS_WATCHDOG, 5)
    put(bus, 1, reg.GOAL_POSITION, 3000)
    bus.advance(0.09)
    moving = bus.servo(1).velocity
    bus.advance(0.5)
    stood = bus.servo(1).position
    bus.advance(2.0)
    assert moving > 100.0
    assert bus.servo(1).position == pytest.approx(stood, abs=0.5)
    assert stood < 2300.0
    assert bus.servo(1).get(reg.BUS_WATCHDOG) == reg.EXPIRED
    assert put(bus, 1, reg.GOAL_POSITION, 2500) == Error.DATA_RANGE
    assert put(bus, 1, reg.BUS_WATCHDOG, 0) == Error.NONE
    assert put(bus, 1, reg.GOAL_POSITION, 2500) == Error.NONE


def test_any_packet_feeds_the_watchdog(bus: ServoBus) -> None:
    put(bus, 1, reg.TORQUE_ENABLE, 1)
    put(bus, 1, reg.BUS_WATCHDOG, 5)
    for k in range(1, 40):
        bus.advance(0.05 * k)
        told(bus, wire.ping(2))
    assert bus.servo(1).get(reg.BUS_WATCHDOG) == 5


def test_a_follower_obeys_its_leader_and_keeps_silent(bus: ServoBus) -> None:
    bus.servo(2).put(reg.SECONDARY_ID, 1)
    replies = told(bus, wire.write(1, reg.TORQUE_ENABLE.address, b"\1"))
    assert [reply.id for reply in replies] == [1]
    assert bus.servo(2).torque


def test_a_hardware_error_takes_the_torque_until_the_servo_starts_anew(bus: ServoBus) -> None:
    put(bus, 1, reg.TORQUE_ENABLE, 1)
    bus.servo(1).fail(5)
    assert put(bus, 1, reg.TORQUE_ENABLE, 1) == ALERT
    assert not bus.servo(1).torque
    told(bus, wire.reboot(1))
    assert told(bus, wire.ping(1)) == [], "it is starting"
    bus.advance(0.5)
    assert put(bus, 1, reg.TORQUE_ENABLE, 1) == Error.NONE
    assert bus.servo(1).get(reg.GOAL_POSITION) == 2048


def test_who_may_answer(bus: ServoBus) -> None:
    told(bus, wire.write(1, reg.STATUS_RETURN.address, b"\0"))
    assert told(bus, wire.read(1, 0, 2)) == []
    assert len(told(bus, wire.ping(1))) == 1
    put_quietly = wire.write(1, reg.STATUS_RETURN.address, b"\1")
    assert told(bus, put_quietly) == []
    assert len(told(bus, wire.read(1, 0, 2))) == 1


packets = st.builds(
    Packet, st.integers(0, 254), st.one_of(st.sampled_from(Instruction), st.integers(0, 255)), st.binary(max_size=40)
)


@settings(max_examples=300)
@given(st.lists(packets, max_size=8))
def test_no_packet_breaks_the_servos(sent: list[Packet]) -> None:
    bus = ServoBus(Servo(id, MODEL, 2048) for id in (1, 2))
    for k, packet in enumerate(sent):
        bus.hear(wire.encode(packet), 0.01 * k)
        bus.advance(0.01 * k)


def test_bytes_take_their_time_on_the_wire(bus: ServoBus) -> None:
    """A read of four bytes at 57 600 baud: 14 there, 15 back, ten bits each."""
    line = Line(bus, baud=57_600)
    line.send(wire.encode(wire.read(1, reg.PRESENT_POSITION.address, 4)), 0.0)
    line.advance(29 * 10 / 57_600 - 1e-4)
    assert line.receive() == b""
    line.advance(29 * 10 / 57_600 + 1e-4)
    assert len(line.receive()) == 15


@given(st.binary(min_size=1, max_size=60), st.integers(0, 1000))
def test_faults_are_the_same_for_the_same_seed(data: bytes, seed: int) -> None:
    faults = tuple(Fault(kind, share=0.7, by=0.01) for kind in ("flip_bit", "drop_byte", "swap_bytes", "noise", "late"))
    one, other = (Injector(FaultScript(faults, seed)) for _ in range(2))
    for k in range(5):
        assert one.passed(data, "replies", 0.1 * k) == other.passed(data, "replies", 0.1 * k)
    assert one.passed(data, "commands", 1.0) == [(0.0, data)]
