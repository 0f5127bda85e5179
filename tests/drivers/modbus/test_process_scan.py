"""Signals of a cell on a Modbus line, round after round, in simulated time: judged by what the devices do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellctl.errors import CellctlError
from cellctl.model.link_faults import Fault

pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
from cellctl.bench.serial.process_bench import ProcessBench
from cellctl.drivers.modbus.io import ModbusIo
from cellctl.drivers.modbus.scan import ProcessScan


@pytest.fixture
def bench() -> type[ProcessBench]:
    """The shipped wiring on a line with the emulated devices, served in turns."""
    return ProcessBench


def test_an_arc_burns_while_a_run_says_so(bench) -> None:
    b = bench()
    assert b.scan.inputs == {"gripper_open"}
    b.serve(0.1, "arc_on")
    assert b.source.get("arc_on") == 1.0
    assert "arc_ok" not in b.scan.inputs, "not yet"
    b.serve(0.2, "arc_on")
    assert "arc_ok" in b.scan.inputs
    b.serve(0.05)
    assert b.source.get("arc_on") == 0.0
    assert "arc_ok" not in b.scan.inputs
    assert b.ended == ""


def test_a_gripper_closes_and_keeps_its_part_at_rest(bench) -> None:
    b = bench(signals=("gripper", "gripped", "gripper_open"))
    b.devices.behaviour("gripper").part = 0.6
    b.serve(1.0)
    b.serve(2.5, "gripper")
    assert b.scan.inputs == {"gripped"}
    b.rest(0.1)
    assert b.gripper.get("position") == 1.0
    b.serve(0.1, "gripper")
    b.serve(2.5)
    assert b.scan.inputs == {"gripper_open"}


def test_opening_the_line_switches_off_what_burns_and_leaves_a_gripper_alone(bench) -> None:
    b = bench()
    b.serve(1.0, "arc_on", "gripper")
    assert (b.source.get("arc_on"), b.gripper.get("position")) == (1.0, 1.0)
    again = ProcessScan(ModbusIo(b.open_port, b.wiring.line, b.wiring.devices), b.wiring)
    assert (b.source.get("arc_on"), b.gripper.get("position")) == (0.0, 1.0)
    assert again.settled is again.wish


def test_an_off_between_two_ons_is_not_passed_over(bench) -> None:
    """A second attempt to strike an arc is none for a weld source that never saw the first one end."""
    b = bench()
    b.serve(0.1, "arc_on")
    b.scan.say(frozenset())
    b.scan.say(frozenset({"arc_on"}))
    b.scan.round()
    assert b.source.get("arc_on") == 0.0
    b.serve(0.1, "arc_on")
    assert b.source.get("arc_on") == 1.0


def test_a_run_that_says_nothing_any_more_loses_its_arc(bench) -> None:
    """The thread that serves the line goes on when the one that moves the arm hangs."""
    b = bench()
    b.serve(0.3, "arc_on", "gripper")
    b.serve(0.2, says=False)
    assert b.source.get("arc_on") == 1.0
    b.serve(0.2, says=False)
    assert b.ended == "X495"
    assert (b.source.get("arc_on"), b.gripper.get("position")) == (0.0, 1.0)
    b.serve(0.5, "arc_on")
    assert b.source.get("arc_on") == 0.0, "not before it is cleared"


def test_after_a_gap_nothing_is_switched_on_again(bench) -> None:
    """A host that was paused must not go on where it was: the device has let go meanwhile."""
    b = bench()
    b.serve(0.3, "arc_on")
    b.line.advance(b.now + 2.0)
    assert b.source.get("arc_on") == 0.0, "its own watchdog"
    b.serve(0.3, "arc_on")
    assert b.ended == "X495"
    assert b.source.get("arc_on") == 0.0


def test_a_device_that_changes_an_output_by_itself_ends_it(bench) -> None:
    b = bench()
    b.serve(0.3, "arc_on")
    b.source.put("arc_on", 0.0)
    b.serve(0.1, "arc_on")
    assert b.ended == "X496"
    assert b.source.get("arc_on") == 0.0


@pytest.mark.parametrize(("kind", "length", "codes"), [("reboot", 0.1, {"X496"}), ("brown_out", 0.6, {"X480"})])
def test_a_device_that_starts_anew_is_noticed_and_not_switched_on_again(
    bench, kind: str, length: float, codes: set[str]
) -> None:
    """Its outputs are off when it is back, and stay so until somebody has cleared the fault and asks again."""
    b = bench(Fault(kind, start=1.0, end=1.0 + length, servo=20))
    b.serve(0.99 - b.line.age, "arc_on")
    assert "arc_ok" in b.scan.inputs
    b.serve(length + 0.1, "arc_on")
    assert b.ended in codes
    b.serve(2.0, "arc_on")
    assert (b.source.get("arc_on"), b.ended in codes) == (0.0, True)
    b.scan.clear()
    b.serve(0.3)
    assert (b.source.get("arc_on"), b.ended) == (0.0, "")
    b.serve(0.3, "arc_on")
    assert "arc_ok" in b.scan.inputs, "with what it was preset to"


def test_an_output_that_a_device_does_not_take_is_told(bench) -> None:
    b = bench()
    b.source.write = lambda table, address, entries: True
    b.serve(0.2, "arc_on")
    assert b.ended == ""
    b.serve(0.2, "arc_on")
    assert b.ended == "X482"


def test_a_pulled_cable_is_told_at_once_and_the_watchdog_puts_the_arc_out(bench) -> None:
    b = bench(Fault("hang_up", start=1.0, end=3.0))
    b.serve(0.99 - b.line.age, "arc_on")
    assert "arc_ok" in b.scan.inputs
    b.serve(0.05, "arc_on")
    assert b.ended == "X480"
    b.line.advance(b.now + 0.35)
    assert b.source.get("arc_on") == 0.0
    assert b.source.get("arc_ok") == 0.0
    b.line.advance(3.1)
    b.serve(0.2, "arc_on")
    assert b.ended == "X480", "until it is cleared"
    b.scan.clear()
    assert (b.ended, b.source.get("arc_on")) == ("", 0.0)
    b.serve(0.3, "arc_on")
    assert "arc_ok" in b.scan.inputs


def test_another_device_on_the_old_name_is_refused(bench) -> None:
    b = bench(Fault("hang_up", start=1.0, end=2.0))
    b.serve(1.2 - b.line.age, "arc_on")
    b.line.advance(b.now + 2.0)
    b.devices._devices.pop(20)
    with pytest.raises(CellctlError, match="weld_source") as caught:
        b.scan.clear()
    assert caught.value.findings[0].code == "E571"
    b.serve(0.2, "arc_on", "gripper")
    assert b.gripper.get("position") == 0.0


@pytest.mark.parametrize(("length", "ended"), [(0.05, ""), (0.2, ""), (1.0, "X480")])
def test_a_latency_spike(bench, length: float, ended: str) -> None:
    """What is shorter than the deadline passes; after a longer one nothing is switched on."""
    b = bench(Fault("stall", start=1.0, end=1.0 + length))
    b.serve(2.5 - b.line.age, "arc_on")
    assert b.ended == ended
    assert b.source.get("arc_on") == (0.0 if ended else 1.0)


def test_a_silent_device_is_given_up_at_the_deadline_and_the_others_go_off(bench) -> None:
    b = bench(Fault("silent", start=1.0, servo=9))
    b.serve(1.0 - b.line.age, "arc_on")
    began = b.now
    while not b.ended:
        b.serve(0.001, "arc_on")
    assert b.ended == "X480"
    assert "unit 9" in b.scan.finding.message
    assert b.now - began < b.wiring.deadline + 0.1
    b.serve(0.2, "arc_on")
    assert b.source.get("arc_on") == 0.0


def test_an_on_whose_answer_was_lost_is_taken_back(bench) -> None:
    """The device hears every question, so its watchdog is content; it must be told to switch off."""
    b = bench(Fault("lose", start=1.0, end=3.0))
    b.serve(0.99 - b.line.age)
    b.serve(0.5, "arc_on")
    assert b.ended == "X480"
    b.serve(0.2, "arc_on")
    assert b.source.get("arc_on") == 0.0


def test_clearing_a_line_that_is_still_dead_says_so(bench) -> None:
    b = bench(Fault("silent", start=1.0, servo=20))
    b.serve(2.0 - b.line.age, "arc_on")
    assert b.ended == "X480"
    with pytest.raises(CellctlError, match="weld_source") as caught:
        b.scan.clear()
    assert caught.value.findings[0].code == "E571"
    assert b.ended == "X480"
    assert b.io.lost
    b.serve(0.3, "arc_on")
    assert (b.ended, b.source.get("arc_on")) == ("X480", 0.0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop_byte", share=0.03),
        Fault("flip_bit", share=0.03),
        Fault("flip_bit", share=0.03, way="commands"),
        Fault("lose", share=0.03, way="commands"),
        Fault("swap_bytes", share=0.03),
        Fault("noise", share=0.2),
        Fault("echo"),
        Fault("split", by=2e-5),
        Fault("glue", share=0.03),
        Fault("late", by=0.03, share=0.03),
        Fault("stall", start=1.0, end=1.05),
    ],
    ids=lambda fault: f"{fault.kind} {fault.way}",
)
def test_a_bad_line_is_lived_with(bench, fault: Fault) -> None:
    """An arc is struck and put out ten times; it burns only when it was told to, give or take the deadline."""
    b = bench(replace(fault, start=max(fault.start, 0.5)))
    b.serve(0.5)
    for _ in range(10):
        b.serve(0.5, "arc_on")
        assert "arc_ok" in b.scan.inputs, b.scan.finding
        b.serve(0.3)
        assert b.source.get("arc_on") == 0.0
        assert "arc_ok" not in b.scan.inputs
    assert b.ended == ""


def test_a_stall_beyond_the_deadline_ends_it(bench) -> None:
    b = bench(Fault("stall", start=1.0, end=2.0))
    b.serve(1.0 - b.line.age, "arc_on")
    b.serve(0.6, "arc_on")
    assert b.ended in ("X480", "X495")
    b.line.advance(2.5)
    assert b.source.get("arc_on") == 0.0


def test_at_rest_the_line_is_settled(bench) -> None:
    b = bench()
    b.serve(0.3, "arc_on")
    wish = b.scan.say(None)
    assert b.scan.settled is not wish
    b.serve(0.1, says=False)
    assert b.scan.settled is wish
    b.scan.close()
    assert b.source.get("arc_on") == 0.0


def test_closing_switches_off(bench) -> None:
    b = bench()
    b.serve(0.3, "arc_on")
    b.scan.close()
    assert b.source.get("arc_on") == 0.0


def test_a_device_that_refuses_its_preset_is_not_opened(bench) -> None:
    b = bench()
    wrong = replace(b.wiring.presets[0].channel, address=77)
    preset = replace(b.wiring.presets[0], channel=wrong)
    device = replace(b.wiring.devices[0], channels=(*b.wiring.devices[0].channels, wrong))
    wiring = replace(b.wiring, devices=(device, b.wiring.devices[1]), presets=(preset,))
    with pytest.raises(CellctlError, match="no such address"):
        ProcessScan(ModbusIo(b.open_port, wiring.line, wiring.devices), wiring)
