"""Real ports: a pseudoterminal opened through pyserial, in use, silent, pulled out; and the arm behind one."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup, Setpoint, open_driver
from cellctl.drivers.port import PortLost
from cellctl.drivers.serial_port import SerialPort
from cellctl.emulators.dynamixel.bus import bus_of
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.errors import EnvironmentMissing, Faulted, UsageError
from cellctl.files import load_wiring
from cellctl.model.link_faults import Fault, FaultScript
from cellctl.model.robot import JointLimits

JOINTS = ("joint1", "joint2", "joint3", "joint4")
LIMITS = tuple(JointLimits(-1.5, 1.5, 4.8, 16.0, 160.0, 4.1) for _ in JOINTS)


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    yield master, os.ttyname(slave)
    for descriptor in (master, slave):
        os.close(descriptor)


def test_bytes_go_both_ways_and_a_deadline_is_kept(pty) -> None:
    master, path = pty
    port = SerialPort(path, baud=115_200)
    port.write(b"ask")
    assert os.read(master, 10) == b"ask"
    os.write(master, b"\x03\x11\x13\xff\x00")
    assert port.read(port.now() + 1.0) == b"\x03\x11\x13\xff\x00"
    began = port.now()
    assert port.read(began + 0.02) == b""
    assert port.now() - began > 0.019
    port.close()
    port.close()


def test_a_port_has_one_user_and_the_other_one_is_named(pty) -> None:
    """pyserial/pyserial#326, #484: two programs on one port garble each other."""
    _, path = pty
    first = SerialPort(path, baud=115_200)
    with pytest.raises(EnvironmentMissing, match=rf"'{path}' is in use by process .*{os.getpid()}") as caught:
        SerialPort(path, baud=115_200)
    assert caught.value.findings[0].code == "E551"
    first.close()
    SerialPort(path, baud=115_200).close()


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(EnvironmentMissing, match="there is no port '/dev/ttyNONE'") as caught:
        SerialPort("/dev/ttyNONE", baud=9600)
    assert caught.value.findings[0].code == "E550"


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentMissing) as caught:
        SerialPort(str(tmp_path / "file"), baud=9600)
    assert caught.value.findings[0].code == "E550"


def test_a_pulled_port_is_told_from_a_silent_one_at_once() -> None:
    """pyserial/pyserial#341, #86: "readiness to read but returned no data"."""
    master, slave = os.openpty()
    port = SerialPort(os.ttyname(slave), baud=115_200)
    assert port.read(port.now() + 0.01) == b""
    os.close(slave)
    os.close(master)
    began = port.now()
    with pytest.raises(PortLost):
        port.read(began + 5.0)
    with pytest.raises(PortLost):
        port.write(b"x")
    assert port.now() - began < 1.0
    port.close()


def test_a_port_that_takes_nothing_is_lost() -> None:
    master, slave = os.openpty()
    port = SerialPort(os.ttyname(slave), baud=115_200)
    with pytest.raises(PortLost, match="took no bytes"):
        port.write(bytes(1_000_000))
    assert select.select([master], [], [], 0.0)[0]
    port.close()
    os.close(slave)
    os.close(master)


def test_a_driver_of_an_arm_needs_its_port() -> None:
    with pytest.raises(UsageError, match="write dynamixel:PORT") as caught:
        open_driver("dynamixel", ArmSetup("open_manipulator_x", JOINTS, np.zeros(4)))
    assert caught.value.findings[0].code == "U644"


def test_a_wiring_for_another_arm_is_refused() -> None:
    setup = ArmSetup("open_manipulator_x", ("A1",), np.zeros(1))
    with pytest.raises(UsageError, match="this arm needs dynamixel servos for A1") as caught:
        open_driver("dynamixel:/dev/ttyNONE", setup)
    assert caught.value.findings[0].code == "U646"


@contextmanager
def emulated(name: Path, *faults: Fault) -> Iterator[None]:
    """An arm at the port `name`, served in a thread."""
    wiring = load_wiring("open_manipulator_x")
    line = Line(bus_of(wiring, [0.0] * 4), baud=wiring.baud, script=FaultScript(faults))
    ended = threading.Event()
    with Terminal(line, name=name) as terminal:
        thread = threading.Thread(target=terminal.serve, args=(ended.is_set,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(10.0)


def setup_at(tmp_path: Path, checkout: Path) -> ArmSetup:
    """The arm with a slow period, for machines that have other things to do, too."""
    text = (checkout / "robots/open_manipulator_x/wiring.yaml").read_text("utf-8")
    (tmp_path / "slow.yaml").write_text(text.replace("period: 10 ms", "period: 50 ms").replace("100 ms", "400 ms"))
    setup = ArmSetup("open_manipulator_x", JOINTS, np.zeros(4), limits=LIMITS)
    return replace(setup, wiring=str(tmp_path / "slow.yaml"))


def test_an_arm_behind_a_port_is_pulled_and_comes_back(tmp_path: Path, checkout: Path) -> None:
    """Fault 9 in real time: the cable comes out in motion and is plugged in again."""
    setup, name = setup_at(tmp_path, checkout), tmp_path / "arm"
    with emulated(name, Fault("hang_up", start=1.5, end=2.5)), open_driver(f"dynamixel:{name}", setup) as arm:
        began, sent = time.monotonic(), 0
        deadline = began

        def move() -> None:
            nonlocal deadline, sent
            while sent < 200:
                deadline += 0.05
                time.sleep(max(0.0, deadline - time.monotonic()))
                arm.exchange(Setpoint(np.full(4, 0.002 * sent)))
                sent += 1

        with pytest.raises(Faulted) as caught:
            move()
        assert caught.value.findings[0].code in ("X460", "X461")
        assert str(name) in str(caught.value)
        assert sent > 5
        time.sleep(max(0.0, began + 4.0 - time.monotonic()))
        for _ in range(100):
            time.sleep(0.1)
            try:
                arm.clear()
                break
            except (EnvironmentMissing, Faulted):
                continue
        stood = arm.read().joints
        time.sleep(0.2)
        assert np.abs(arm.read().joints - stood).max() < 0.003
        with pytest.raises(Faulted, match="too far"):
            arm.exchange(Setpoint(stood + 1.0))


def test_another_device_under_the_old_name(tmp_path: Path, checkout: Path) -> None:
    """Fault 10: what is plugged in under the old name is no arm."""
    setup, name = setup_at(tmp_path, checkout), tmp_path / "arm"
    with emulated(name, Fault("hang_up", start=0.6, end=1.0, replug="other_device")):
        arm = open_driver(f"dynamixel:{name}", setup)
        time.sleep(1.5)
        with pytest.raises(EnvironmentMissing) as caught:
            arm.clear()
        assert caught.value.findings[0].code == "E553"
        arm.close()
