"""`cellctl doctor PORT` and `cellctl calibrate` on emulated servos at a pseudoterminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cellctl.cli import port_doctor
from cellctl.emulators.dynamixel.bus import ServoBus, bus_of
from cellctl.emulators.feetech import bus as feetech
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.emulators.servos.bus import EmulatedBus
from cellctl.files import load_wiring
from cellctl.model.wires import dynamixel_registers as reg

POSE = (0.1, -0.2, 0.3, 0.4)


@contextmanager
def behind(port: Path, bus: EmulatedBus, baud: int) -> Iterator[str]:
    """The port of emulated servos that are served for as long as the block lasts."""
    ended = threading.Event()
    with Terminal(Line(bus, baud=baud), name=port) as terminal:
        thread = threading.Thread(target=terminal.serve, args=(ended.is_set,))
        thread.start()
        yield terminal.port
        ended.set()
        thread.join(10.0)


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[tuple[ServoBus, str]]:
    wiring = load_wiring("open_manipulator_x")
    bus = bus_of(wiring, POSE)
    with behind(tmp_path / "arm", bus, wiring.baud) as port:
        yield bus, port


@pytest.fixture
def so101(tmp_path: Path) -> Iterator[tuple[EmulatedBus, str]]:
    wiring = load_wiring("so101")
    bus = feetech.bus_of(wiring, (*POSE, 0.5))
    with behind(tmp_path / "so101", bus, wiring.baud) as port:
        yield bus, port


def test_who_is_there_and_how_they_are(say: Callable, arm) -> None:
    """TheRobotStudio/SO-ARM100#174: a wrong supply is seen before anything is switched on."""
    _, port = arm
    said = say("doctor", port, "--arm", "open_manipulator_x")
    assert (said.code, said.err) == (0, "")
    assert f"{port}: 5 servos at 1000000 baud" in said.out
    assert "joint2 (servo 12)" in said.out
    assert "-11.4" in said.out
    data = json.loads(say("doctor", port, "--json").out)
    assert [servo["id"] for servo in data["servos"]] == [11, 12, 13, 14, 15]
    assert data["servos"][0]["model"] == "XM430-W350"
    assert {servo["voltage"] for servo in data["servos"]} == {12.0}


def test_an_adapter_that_holds_replies_back_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ROBOTIS-GIT/DynamixelSDK#288, #330, #80, #316: 15 ms for each read, by the latency timer of the adapter."""
    monkeypatch.setattr(port_doctor, "_ADAPTERS", tmp_path)
    timer = tmp_path / "ttyUSB0" / "latency_timer"
    timer.parent.mkdir()
    timer.write_text("16\n")
    (finding,) = port_doctor._adapter("/dev/ttyUSB0")
    assert (finding.code, finding.severity) == ("E556", "warning")
    assert finding.message == "the adapter of /dev/ttyUSB0 holds replies back for up to 16 ms"
    timer.write_text("1\n")
    assert port_doctor._adapter("/dev/ttyUSB0") == []
    assert port_doctor._adapter("/dev/ttyUSB1") == []


def test_what_is_wrong_is_told(say: Callable, arm) -> None:
    """ROBOTIS-GIT/DynamixelSDK#302: a return delay of 500 us for each servo made reading slow."""
    bus, port = arm
    bus.servo(11).put(reg.RETURN_DELAY, 250)
    bus.servo(12).fail(5)
    bus.servo(13).silent = True
    bus.servo(14).put(reg.MODEL, 1060)
    said = say("doctor", port, "--arm", "open_manipulator_x")
    assert said.code == 3
    for words in (
        "warning: servo 11 waits 500 us before it answers - set its return delay to 0 [E556]",
        "warning: servo 12 reports: overload [X462]",
        "joint3 (servo 13) did not answer at this port",
        "joint4 (servo 14): type is XL430-W250, the wiring says XM430-W350",
    ):
        assert words in said.err
    assert not any(bus.servo(id).torque for id in (11, 12, 13, 14, 15))


def test_an_arm_is_calibrated_from_a_known_pose(say: Callable, arm, tmp_path: Path) -> None:
    bus, port = arm
    bus.servo(12).position += 100.0
    before = [bus.servo(id).position for id in (11, 12, 13, 14)]
    output = tmp_path / "mine" / "wiring.yaml"
    output.parent.mkdir()
    at = "0.1 -0.2 0.3 0.4 rad"
    said = say("calibrate", "open_manipulator_x", "--port", port, "--at", at, "-o", str(output))
    assert (said.code, said.err) == (0, "")
    zeros = {axis.joint: axis.zero for axis in load_wiring(output).axes}
    assert zeros == {"joint1": 2048, "joint2": 2148, "joint3": 2048, "joint4": 2048}
    assert "# As ROBOTIS sets the arm up" in output.read_text("utf-8"), "comments stay"
    assert "$schema" not in output.read_text("utf-8"), "it would lead nowhere from here"
    assert [bus.servo(id).position for id in (11, 12, 13, 14)] == before
    assert say("calibrate", "open_manipulator_x", "--port", port, "--at", at, "-o", str(output)).code == 2


def test_an_arm_is_let_go_with_consent(say: Callable, arm) -> None:
    bus, port = arm
    for id in (11, 12, 13, 14, 15):
        bus.servo(id).put(reg.TORQUE_ENABLE, 1)
    said = say("release", "open_manipulator_x", "--port", port)
    assert (said.code, "[U645]" in said.err) == (2, True)
    assert all(bus.servo(id).get(reg.TORQUE_ENABLE) for id in (11, 12, 13, 14, 15))
    assert say("release", "open_manipulator_x", "--port", port, "--yes").code == 0
    assert not any(bus.servo(id).get(reg.TORQUE_ENABLE) for id in (11, 12, 13, 14, 15))


def test_nobody_there(say: Callable, tmp_path: Path) -> None:
    with Terminal(Line(ServoBus([]), baud=1_000_000), name=tmp_path / "empty") as terminal:
        said = say("doctor", terminal.port)
    assert said.code == 3
    assert "no DYNAMIXEL servo answers" in said.err


def test_an_arm_of_feetech_servos_is_looked_at_calibrated_and_let_go(say: Callable, so101, tmp_path: Path) -> None:
    bus, port = so101
    said = say("doctor", port, "--arm", "so101")
    assert (said.code, said.err) == (0, "")
    assert f"{port}: 6 servos at 1000000 baud" in said.out
    assert "shoulder_lift (servo 2)" in said.out
    bus.servo(2).position += 100.0
    output = tmp_path / "wiring.yaml"
    said = say("calibrate", "so101", "--port", port, "--at", "0.1 -0.2 0.3 0.4 0.5 rad", "-o", str(output))
    assert (said.code, said.err) == (0, "")
    assert [axis.zero for axis in load_wiring(output).axes] == [2048, 2148, 2048, 2048, 2048]
    bus.servo(2).fail(5)
    assert "warning: servo 2 reports: overload [X462]" in say("doctor", port, "--arm", "so101").err
    for id in range(1, 7):
        bus.servo(id).write(40, b"\1")
    assert say("release", "so101", "--port", port, "--yes").code == 0
    assert not any(bus.servo(id).torque for id in range(1, 7))
