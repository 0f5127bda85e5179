"""A small arm and its controller, in this process and as a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ARM = {
    "robot": "test_arm",
    "joints": ["A1", "A2", "A3", "A4", "A5", "A6"],
    "lower": [-3.0] * 6,
    "upper": [3.0] * 6,
    "velocity": [2.0] * 6,
    "acceleration": [8.0, 8.0, 8.0, 12.0, 12.0, 12.0],
    "start": [0.0, -1.2, 1.4, 0.0, 0.6, 0.0],
}


def stand_in():
    spec = importlib.util.spec_from_file_location("stand_in_controller", HERE / "stand_in_controller.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FirstOrderStandIn(6)


@pytest.fixture
def figures():
    from cellctl.emulators.simulated_arm.controller import ArmFigures

    return ArmFigures(**{k: tuple(v) if k == "joints" else v for k, v in ARM.items()})


@pytest.fixture
def controller(figures):
    """A controller in this process, with its log as a list."""
    from cellctl.emulators.simulated_arm.controller import Controller, ControllerSettings
    from cellctl.emulators.simulated_arm.weld_source import WeldSourceSettings

    log = []
    result = Controller(
        figures,
        stand_in(),
        settings=ControllerSettings(),
        source=WeldSourceSettings(arc_on=1, arc_ok=1),
        log=lambda at, event, joints: log.append((round(at, 6), event)),
    )
    result.events = log
    return result


@pytest.fixture
def start_process():
    """Start controller processes; whatever still runs at the end is ended."""
    started = []
    with tempfile.TemporaryDirectory(prefix="csa") as folder:

        def start(*arguments):
            n = len(started)
            path, cell, log = (Path(folder) / f"{name}{n}" for name in ("s", "cell", "log"))
            cell.write_text(json.dumps(ARM | {"arc_on": 1, "arc_ok": 1}))
            command = [sys.executable, str(HERE / "stand_in_controller.py"), "--socket", path, "--cell", cell]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(
                [*map(str, command), "--log", str(log), "--lifeline", *arguments],
                stdin=subprocess.PIPE,
                env=environment,
            )
            started.append(process)
            deadline = time.monotonic() + 60
            while not path.exists():
                assert process.poll() is None, "the controller ended at once"
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.socket_path, process.log_path = str(path), log
            return process

        yield start
        for process in started:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def events_of(log):
    return [json.loads(line)["event"] for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def logged():
    return events_of


@pytest.fixture
def wave():
    """Setpoints of a smooth motion from the arm's start: value at cycle k."""
    start = np.array(ARM["start"])
    return lambda k: start + 0.2 * (1.0 - np.cos(0.02 * k)) * np.array([1, -1, 1, -1, 1, 1])


@pytest.fixture
def calm():
    """The same, so slow that an arm that went on by itself for half a second is still near the next setpoint."""
    start = np.array(ARM["start"])
    return lambda k: start + 0.006 * (1.0 - np.cos(0.02 * k)) * np.array([1, -1, 1, -1, 1, 1])


@contextmanager
def _served(terminal) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=terminal.serve, args=(ended.is_set,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10.0)
        assert not thread.is_alive()


@pytest.fixture
def served() -> Callable[..., AbstractContextManager[None]]:
    """Serves a terminal in a thread of its own for as long as a block lasts."""
    return _served
