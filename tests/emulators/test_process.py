"""The controller as a process, with its driver: lock-step, real time, watchdog, disconnection, end of the parent."""

from __future__ import annotations

import os
import signal
import socket
import time

import numpy as np
import pytest

from cellctl.drivers.driver import ArmSetup, Setpoint, open_driver
from cellctl.drivers.simulated import SimulatedArm
from cellctl.errors import EnvironmentMissing, Faulted
from cellctl.model import arm_wire as wire

ARC = 1 << 1


def eventually(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_lock_step_is_the_same_every_time(start_process, wave):
    runs = []
    for _ in range(2):
        with SimulatedArm(start_process().socket_path) as arm:
            assert arm.identify().lock_step
            assert arm.identify().period == 0.004
            runs.append([arm.exchange(Setpoint(wave(k), ARC)) for k in range(1, 200)])
    assert [s.time for s in runs[0]] == pytest.approx([0.004 * k for k in range(1, 200)])
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one.joints, other.joints)
        assert (one.time, one.inputs) == (other.time, other.inputs)
    assert [s.inputs for s in runs[0]].index(ARC) == pytest.approx(0.15 / 0.004, abs=1)


def test_the_driver_stops_the_arm_when_it_is_left(start_process, wave, logged):
    process = start_process()
    with SimulatedArm(process.socket_path) as arm:
        for k in range(1, 100):
            arm.exchange(Setpoint(wave(k), ARC))
    assert logged(process.log_path) == ["arc_on", "arc_established", "arc_off"]
    with SimulatedArm(process.socket_path) as arm:
        state = arm.read()
        assert np.abs(state.velocities).max() < 5e-3
        assert state.inputs == 0
        arm.exchange(Setpoint(state.joints))


def test_a_refused_setpoint_is_a_fault_that_must_be_cleared(start_process, wave):
    with SimulatedArm(start_process().socket_path) as arm:
        arm.exchange(Setpoint(wave(1)))
        with pytest.raises(Faulted, match="too far from the one before") as caught:
            arm.exchange(Setpoint(wave(1) + 0.1))
        assert caught.value.findings[0].code == "X407"
        with pytest.raises(Faulted):
            arm.exchange(Setpoint(wave(1)))
        arm.stop()
        arm.clear()
        arm.exchange(Setpoint(arm.read().joints))


@pytest.mark.parametrize("pace", ["--lock-step", "--real-time"])
def test_a_client_that_disappears_leaves_a_standing_arm_and_no_arc(start_process, calm, logged, pace):
    process = start_process(pace, "--patience", "0.5")
    arm = SimulatedArm(process.socket_path)
    for k in range(1, 100):
        arm.exchange(Setpoint(calm(k), ARC))
    arm.close()
    expected = ["arc_on", "arc_established", "fault_disconnected", "arc_off", "stands"]
    eventually(lambda: logged(process.log_path) == expected)
    with SimulatedArm(process.socket_path) as again:
        eventually(lambda: np.abs(again.read().velocities).max() < 5e-3)
        here = again.read().joints
        with pytest.raises(Faulted, match="hung up while the arm moved"):
            again.exchange(Setpoint(here))


@pytest.mark.parametrize("pace", ["--lock-step", "--real-time"])
def test_a_client_that_disappears_while_it_is_answered_leaves_no_arc_either(start_process, calm, logged, pace):
    """Its last setpoint is taken, and the answer finds nobody."""
    process = start_process(pace, "--patience", "0.5")
    arm = SimulatedArm(process.socket_path)
    for k in range(1, 100):
        arm.exchange(Setpoint(calm(k), ARC))
    process.send_signal(signal.SIGSTOP)
    arm._socket.sendall(wire.pack_setpoint(1000, calm(100), ARC))
    arm.close()
    process.send_signal(signal.SIGCONT)
    expected = ["arc_on", "arc_established", "fault_disconnected", "arc_off", "stands"]
    eventually(lambda: logged(process.log_path) == expected)


def test_in_real_time_silence_is_answered_by_the_watchdog(start_process, calm, logged):
    process = start_process("--real-time", "--patience", "0.5")
    with SimulatedArm(process.socket_path) as arm:
        assert not arm.identify().lock_step
        began, k = time.monotonic(), 0
        while k < 60:
            k += 1
            arm.exchange(Setpoint(calm(k), ARC))
        assert time.monotonic() - began > 0.2, "real time is not faster than time"
        eventually(lambda: "fault_watchdog" in logged(process.log_path))
        eventually(lambda: np.abs(arm.read().velocities).max() < 5e-3)
        with pytest.raises(Faulted, match="no setpoint came in time"):
            arm.exchange(Setpoint(arm.read().joints))
    assert logged(process.log_path)[-2:] == ["arc_off", "stands"]


def test_a_second_client_is_refused(start_process):
    process = start_process()
    with SimulatedArm(process.socket_path), pytest.raises(Faulted, match="already has a client"):
        SimulatedArm(process.socket_path)


def test_who_hangs_up_is_heard_before_who_comes(start_process):
    """Both while the controller was not let run: the second one finds an arm that is free."""
    process = start_process()
    first = SimulatedArm(process.socket_path)
    process.send_signal(signal.SIGSTOP)
    first.close()
    with socket.socket(socket.AF_UNIX) as second:
        second.connect(process.socket_path)
        second.sendall(wire.pack(wire.Kind.IDENTIFY, 1))
        process.send_signal(signal.SIGCONT)
        second.settimeout(30)
        frame, _ = wire.unpack(second.recv(4096))
    assert frame.kind == wire.Kind.IDENTITY


def test_noise_is_hung_up_on_and_the_next_client_is_served(start_process):
    process = start_process()
    with socket.socket(socket.AF_UNIX) as noise:
        noise.connect(process.socket_path)
        noise.sendall(b"GET / HTTP/1.1\r\n\r\n")
        noise.settimeout(30)
        frame, _ = wire.unpack(noise.recv(4096))
        assert frame.kind == wire.Kind.REFUSED
        assert noise.recv(4096) == b""
    with SimulatedArm(process.socket_path) as arm:
        assert arm.identify().robot == "test_arm"


@pytest.mark.parametrize("pace", ["--lock-step", "--real-time"])
def test_the_process_ends_when_its_parent_is_gone(start_process, calm, logged, pace):
    process = start_process(pace, "--patience", "0.5")
    arm = SimulatedArm(process.socket_path)
    for k in range(1, 60):
        arm.exchange(Setpoint(calm(k), ARC))
    process.stdin.close()
    assert process.wait(30) == 0
    assert logged(process.log_path)[-2:] == ["arc_off", "stands"]
    assert not os.path.exists(process.socket_path)
    arm.close()


def test_it_ends_on_sigterm_and_not_on_sigint(start_process):
    process = start_process("--lock-step")
    arm = SimulatedArm(process.socket_path)
    process.send_signal(signal.SIGINT)
    arm.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    arm.close()


def test_nobody_there_and_somebody_else_are_said(tmp_path, start_process):
    with pytest.raises(EnvironmentMissing, match="no simulated arm answers"):
        SimulatedArm(str(tmp_path / "nobody"))
    setup = ArmSetup("kuka", ("A1",), np.zeros(1))
    with pytest.raises(Faulted, match="it is a test_arm with the joints A1, A2"):
        open_driver(f"sim:{start_process().socket_path}", setup)
