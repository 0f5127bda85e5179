"""A process line that is served by its thread over a pseudoterminal, as in a run. Nothing here depends on how fast."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cellctl.drivers import memory
from cellctl.drivers.driver import ArmIdentity, ArmSetup, Setpoint, open_driver
from cellctl.drivers.memory import MemoryArm
from cellctl.errors import EnvironmentMissing, Faulted, UsageError
from cellctl.model.cell import Signal

pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
from cellctl.emulators.modbus.line import process_line

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudoterminals")
PATIENT = 60.0
"""s after which something hangs."""
SIGNALS = (Signal("arc_on", output=1), Signal("arc_ok", input=1))
SLOW = [("answer_time: 20 ms", "answer_time: 10 s"), ("deadline: 250 ms", "deadline: 50 s")]


@pytest.fixture
def io_file(tmp_path: Path, checkout: Path) -> Callable[..., Path]:
    """The shipped wiring with other times, for machines that have other things to do, too."""

    def write(*changes: tuple[str, str]) -> Path:
        text = (checkout / "sim/process_line/io.yaml").read_text("utf-8")
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        path = tmp_path / "io.yaml"
        path.write_text(text)
        return path

    return write


def setup(port: Path, file: Path, signals: tuple[Signal, ...] = SIGNALS) -> ArmSetup:
    return ArmSetup("a", ("J1",), [0.0], signals=signals, io=f"modbus:{port}", io_file=str(file))


def cycles(driver, outputs: int, until: Callable[[], bool]) -> None:
    """Cycle until something holds."""
    waited = threading.Event()
    for _ in range(round(PATIENT / 0.01)):
        driver.exchange(Setpoint([0.0], outputs))
        if until():
            return
        waited.wait(0.01)
    pytest.fail("it never came")


def test_an_arm_switches_an_arc_on_the_line(tmp_path: Path, io_file, served) -> None:
    devices = process_line()
    source = devices.device("weld_source")
    with (
        served(devices, tmp_path / "io"),
        open_driver("memory", setup(tmp_path / "io", io_file(*SLOW))) as arm,
    ):
        cycles(arm, 0b10, lambda: arm.read().inputs == 0b10)
        assert source.get("arc_on") == 1.0
        arm.stop()
        assert source.get("arc_on") == 0.0
        cycles(arm, 0b10, lambda: arm.read().inputs == 0b10)
    assert source.get("arc_on") == 0.0, "off when it is left"


def test_a_pulled_cable_is_trouble_and_a_stop_does_not_claim_more_than_it_saw(tmp_path: Path, io_file, served) -> None:
    file = io_file(("deadline: 250 ms", "deadline: 2 s"), ("answer_time: 20 ms", "answer_time: 1 s"))
    with served(process_line(), tmp_path / "io") as ended, open_driver("memory", setup(tmp_path / "io", file)) as arm:
        arm.exchange(Setpoint([0.0], 0b10))
        ended.set()
        cycles(arm, 0b10, lambda: arm.read().trouble is not None)
        state = arm.read()
        assert (state.trouble.code, state.outputs_heard) == ("X480", False)
        with pytest.raises(Faulted, match="could not be seen") as caught:
            arm.stop()
        assert caught.value.findings[0].code == "X497"
        assert arm.stop().trouble.code == "X480", "told once"
        with pytest.raises(EnvironmentMissing):
            arm.clear()


def test_a_process_that_is_killed_leaves_the_arc_to_the_watchdog(
    tmp_path: Path, io_file, served, checkout: Path
) -> None:
    file = io_file(*SLOW, ("value: 30}", "value: 300}"))
    devices = process_line()
    with served(devices, tmp_path / "io"):
        script = f"""
from threading import Event
from cellctl.drivers import memory
from cellctl.drivers.driver import ArmIdentity, ArmSetup, Setpoint, open_driver
from cellctl.drivers.memory import MemoryArm
from cellctl.model.cell import Signal
signals = (Signal("arc_on", output=1), Signal("arc_ok", input=1))
setup = ArmSetup("a", ("J1",), [0.0], signals=signals, io="modbus:{tmp_path / "io"}", io_file={str(file)!r})
with open_driver("memory", setup) as arm:
    while True:
        arm.exchange(Setpoint([0.0], 2))
        Event().wait(0.01)
"""
        process = subprocess.Popen([sys.executable, "-c", script], cwd=checkout)
        source, waited = devices.device("weld_source"), threading.Event()
        try:
            assert came(lambda: source.get("arc_ok") == 1.0, waited)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENT)
        assert came(lambda: source.get("arc_on") == 0.0, waited)
        assert came(lambda: source.get("arc_ok") == 0.0, waited)


def came(holds: Callable[[], bool], waited: threading.Event) -> bool:
    """Whether something comes to hold."""
    for _ in range(round(PATIENT / 0.01)):
        if holds():
            return True
        waited.wait(0.01)
    return False


def test_an_arm_that_plans_by_itself_takes_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Planner(MemoryArm):
        def identify(self) -> ArmIdentity:
            return replace(super().identify(), plans=True)

        def close(self) -> None:
            closed.append(self)

    monkeypatch.setattr(memory, "open_memory_arm", lambda port, setup: Planner(setup))
    with pytest.raises(UsageError) as caught:
        open_driver("memory", ArmSetup("a", ("J1",), [0.0], signals=SIGNALS, io="modbus:/dev/ttyNONE"))
    assert caught.value.findings[0].code == "U656"
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("io", "signals", "code"),
    [
        ("profinet:/dev/x", SIGNALS, "U640"),
        ("modbus", SIGNALS, "U644"),
        ("modbus:/dev/ttyNONE", SIGNALS, "E550"),
        ("modbus:/dev/ttyNONE", (Signal("lamp", output=1),), "U655"),
    ],
)
def test_what_is_no_process_line_is_told_and_the_arm_let_go(io: str, signals, code: str) -> None:
    with pytest.raises((UsageError, EnvironmentMissing)) as caught:
        open_driver("memory", ArmSetup("a", ("J1",), [0.0], signals=signals, io=io))
    assert caught.value.findings[0].code == code
