"""Process values over Modbus RTU: frames of the vendors, emulated devices, bad lines; in simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.drivers.modbus.frames import Answer
from cellctl.drivers.modbus.io import ModbusIo
from cellctl.emulators.link.line import Line
from cellctl.errors import EnvironmentMissing, Faulted, UsageError
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.process_channels import DEVICES, ModbusLine, ProcessChannel
from cellctl.model.wires.checksums import crc16_modbus

pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
from cellctl.drivers.modbus.frames import Frames
from cellctl.emulators.modbus.line import ProcessLine, process_line


class Bench:
    """Three devices on a line, and the driver."""

    def __init__(self, port_on, *faults: Fault) -> None:
        self.devices: ProcessLine = process_line()
        settings = ModbusLine()
        self.line = Line(self.devices, baud=settings.baud, script=FaultScript(faults, 1))
        self.io = ModbusIo(lambda: port_on(self.line), settings, tuple(DEVICES.values()))

    def wait(self, seconds: float) -> None:
        self.line.advance(self.line.now + seconds)


@pytest.fixture
def bench(port_on) -> Callable[..., Bench]:
    return lambda *faults: Bench(port_on, *faults)


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def test_frames_are_those_of_the_library_and_of_the_vendors_manual() -> None:
    frames = Frames()
    assert frames.read(9, "holding", 2000, 3) == bytes.fromhex("09 03 07 D0 00 03 04 0E")
    frame = frames.write(9, "holding", 1000, (0x0900, 0x00FF, 0xFF80))
    assert frame == bytes.fromhex("09 10 03 E8 00 03 06 09 00 00 FF FF 80 03 C9")
    assert crc16_modbus(frame[:-2]).to_bytes(2, "little") == frame[-2:]


@given(
    st.builds(
        ProcessChannel,
        name=st.just("x"),
        table=st.just("holding"),
        address=st.just(0),
        shift=st.integers(0, 8),
        bits=st.integers(2, 8),
        scale=st.sampled_from([1.0, 0.1, 0.01]),
        signed=st.booleans(),
    ),
    st.integers(0, 0xFFFF),
    st.data(),
)
def test_values_come_out_as_they_went_in_and_leave_their_neighbours_alone(channel, before: int, data) -> None:
    half = 1 << channel.bits - 1
    low, high = (-half, half - 1) if channel.signed else (0, 2 * half - 1)
    raw = data.draw(st.integers(low, high))
    entry = channel.entry(raw * channel.scale, before)
    assert channel.value(entry) == pytest.approx(raw * channel.scale)
    mask = (1 << channel.bits) - 1 << channel.shift
    assert entry & ~mask == before & ~mask
    with pytest.raises(OverflowError):
        channel.entry((high + 1) * channel.scale)


def test_random_bytes_never_raise_and_never_answer_with_a_wrong_checksum() -> None:
    chance, frames = random.Random(1), Frames()
    good = bytes.fromhex("09 03 04 12 34 56 78")
    good += crc16_modbus(good).to_bytes(2, "little")
    for _ in range(20_000):
        noise = bytes([9, chance.choice([1, 2, 3, 4, 5, 16, 0x83])]) + chance.randbytes(chance.randint(0, 40))
        assert frames.answer(noise, 9, 3, 2) is None
        broken = bytearray(good)
        broken[chance.randrange(2, 9)] ^= chance.randint(1, 255)
        assert frames.answer(bytes(broken), 9, 3, 2) is None
    assert frames.answer(good, 9, 3, 2) == Answer((0x1234, 0x5678))


def test_ten_million_random_bytes_never_raise_and_never_answer_with_a_wrong_checksum() -> None:
    chance, frames, answered = random.Random(2), Frames(), 0
    for _ in range(10_000_000 // 250):
        noise = bytearray(chance.randbytes(250))
        noise[10:12] = b"\x09\x03"
        if frames.answer(bytes(noise), 9, 3, 2) is None:
            continue
        answered += 1
        sums = (crc16_modbus(noise[k : k + 7]).to_bytes(2, "little") == noise[k + 7 : k + 9] for k in range(242))
        assert any(sums)
    assert answered <= 3, "by chance alone"


def test_values_are_read_by_name(bench) -> None:
    b = bench()
    assert b.io.read("weld_source", "arc_ok", "measured_current") == {"arc_ok": 0.0, "measured_current": 0.0}
    assert set(b.io.read("gripper")) == {channel.name for channel in DEVICES["gripper"].channels}


def test_an_arc_is_lit_and_goes_out_at_a_stop(bench) -> None:
    b = bench()
    b.io.write("weld_source", {"wire_feed": 0.1, "voltage": 18.5, "gas_on": 1, "arc_on": 1})
    assert b.io.read("weld_source", "arc_ok")["arc_ok"] == 0.0
    b.wait(0.2)
    now = b.io.read("weld_source")
    assert (now["arc_ok"], now["measured_voltage"], now["measured_current"]) == (1.0, 18.5, pytest.approx(90, abs=1))
    b.io.stop()
    assert b.devices.device("weld_source").get("arc_on") == 0.0
    assert b.devices.device("weld_source").get("gas_on") == 0.0
    b.wait(0.01)
    assert b.io.read("weld_source", "arc_ok")["arc_ok"] == 0.0


def test_an_arc_that_breaks_is_seen(bench) -> None:
    b = bench()
    b.io.write("weld_source", {"wire_feed": 0.1, "gas_on": 1, "arc_on": 1})
    b.wait(0.3)
    b.devices.behaviour("weld_source").breaks = True
    b.wait(0.01)
    assert b.io.read("weld_source", "arc_ok", "fault") == {"arc_ok": 0.0, "fault": 1.0}


def test_a_gripper_closes_on_a_part(bench) -> None:
    b = bench()
    b.devices.behaviour("gripper").part = 0.6
    b.io.write("gripper", {"activate": 1})
    b.wait(0.6)
    assert b.io.read("gripper", "ready")["ready"] == 3.0
    b.io.write("gripper", {"position": 1.0, "speed": 0.5, "force": 0.3, "go": 1})
    b.wait(2.0)
    now = b.io.read("gripper", "object", "measured_position", "fault")
    assert now == {"object": 2.0, "measured_position": pytest.approx(0.6, abs=0.003), "fault": 0.0}
    assert b.devices.device("gripper").get("activate") == 1.0
    assert b.devices.device("gripper").get("force") == pytest.approx(0.3, abs=0.003)


def test_a_screw_gets_tight_or_gives_way(bench) -> None:
    b = bench()
    b.io.write("screwdriver", {"torque_limit": 5.0, "angle_limit": 30.0, "run": 1})
    b.wait(3.0)
    now = b.io.read("screwdriver")
    assert (now["tight"], now["failed"]) == (1.0, 0.0)
    assert now["torque"] == pytest.approx(5.0, abs=0.1)
    b.io.write("screwdriver", {"run": 0})
    b.wait(0.01)
    b.devices.behaviour("screwdriver").strips = 3.0
    b.io.write("screwdriver", {"run": 1})
    b.wait(4.0)
    now = b.io.read("screwdriver")
    assert (now["tight"], now["failed"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"arc": 1}, "known: arc_on"),
        ({"arc_ok": 1}, "is an input"),
        ({"voltage": 1e6}, "no room"),
        ({"voltage": -1}, "no room"),
    ],
)
def test_what_cannot_be_set_is_refused_before_anything_is_sent(bench, values, words: str) -> None:
    b = bench()
    before = b.io.counters.requests
    with pytest.raises(UsageError, match=words) as caught:
        b.io.write("weld_source", values)
    assert code(caught) == ["X483"]
    assert b.io.counters.requests == before


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop_byte", share=0.1),
        Fault("flip_bit", share=0.1),
        Fault("flip_bit", share=0.1, way="commands"),
        Fault("swap_bytes", share=0.1),
        Fault("noise", share=0.2),
        Fault("echo"),
        Fault("split", by=2e-5),
        Fault("lose", share=0.1, way="commands"),
        Fault("late", by=0.08, share=0.05),
    ],
    ids=lambda fault: f"{fault.kind} {fault.way}",
)
def test_a_bad_line_gives_right_values_or_none(bench, fault: Fault) -> None:
    """pymodbus-dev/pymodbus#1331: retries were ignored."""
    b = bench(replace(fault, start=0.2))
    b.wait(0.3)
    device, failed = b.devices.device("weld_source"), []
    for k in range(60):
        try:
            b.io.write("weld_source", {"voltage": 10.0 + 0.1 * k})
            assert device.get("voltage") == pytest.approx(10.0 + 0.1 * k)
            assert b.io.read("weld_source", "voltage")["voltage"] == pytest.approx(10.0 + 0.1 * k)
        except Faulted as told:
            failed.append(told.findings[0].code)
    assert set(failed) <= {"X480", "X481", "X482"}
    assert len(failed) <= 12


def test_an_echo_is_no_answer_of_a_dead_device(bench) -> None:
    """The answer to a coil looks exactly like its request."""
    b = bench(Fault("echo"), Fault("silent", start=0.5, servo=20))
    b.wait(1.0)
    with pytest.raises(Faulted) as caught:
        b.io.write("weld_source", {"arc_on": 1})
    assert code(caught) == ["X480"]


def test_a_silent_device_is_given_up_in_time(bench) -> None:
    """pymodbus-dev/pymodbus#333, #385: an endless loop when the cable is pulled, and no recovery."""
    b = bench(Fault("silent", start=0.5, end=2.0, servo=20))
    b.wait(1.0)
    began = b.line.now
    with pytest.raises(Faulted, match="unit 20 at /dev/simulated does not answer") as caught:
        b.io.read("weld_source", "arc_ok")
    assert code(caught) == ["X480"]
    assert b.line.now - began < 0.35
    assert b.io.read("gripper", "ready") == {"ready": 0.0}
    b.wait(2.0)
    assert b.io.read("weld_source", "arc_ok") == {"arc_ok": 0.0}


def test_a_pulled_cable_is_told_and_the_line_comes_back(bench) -> None:
    b = bench(Fault("hang_up", start=1.0, end=3.0))
    b.io.write("weld_source", {"gas_on": 1})
    b.wait(1.5)
    with pytest.raises(Faulted, match="was lost") as caught:
        b.io.read("weld_source", "arc_ok")
    assert code(caught) == ["X480"]
    b.wait(3.0)
    b.io.clear()
    assert b.io.read("weld_source", "gas_on") == {"gas_on": 1.0}


def test_an_objection_is_told_in_words(port_on) -> None:
    line = Line(process_line("weld_source"), baud=115_200)
    source = DEVICES["weld_source"]
    wrong = replace(source, channels=(*source.channels, ProcessChannel("water", "discrete", 99, bits=1)))
    io = ModbusIo(lambda: port_on(line), ModbusLine(), (wrong,))
    with pytest.raises(Faulted, match=r"exception 2, it has no such address") as caught:
        io.read("weld_source", "water")
    assert code(caught) == ["X481"]


def test_a_device_that_is_not_there_is_named(port_on) -> None:
    line = Line(process_line("gripper"), baud=115_200)
    with pytest.raises(EnvironmentMissing, match=r"the weld_source \(unit 20\) at /dev/simulated") as caught:
        ModbusIo(lambda: port_on(line), ModbusLine(), (DEVICES["gripper"], DEVICES["weld_source"]))
    assert code(caught) == ["E571"]


def test_leaving_switches_the_process_off(bench) -> None:
    """gnea/grbl#573: a laser stayed on."""
    b = bench()
    with b.io as io:
        io.write("weld_source", {"wire_feed": 0.1, "gas_on": 1, "arc_on": 1})
        assert b.devices.device("weld_source").get("arc_on") == 1.0
    assert b.devices.device("weld_source").get("arc_on") == 0.0
