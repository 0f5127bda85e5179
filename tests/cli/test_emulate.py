"""`cellctl emulate` as a process, and the consent that a real arm asks for."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def emulated(checkout: Path) -> Iterator:
    processes = []

    def start(*words: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        command = [sys.executable, "-m", "cellctl", "emulate", *words]
        process = subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_port_is_told_at_once_and_ctrl_c_ends_it(emulated, checkout: Path, tmp_path: Path) -> None:
    script = checkout / "sim/faults/noisy_line.yaml"
    process, said = emulated("dynamixel", "--faults", str(script), "--link", str(tmp_path / "arm"))
    assert said == {"protocol": "dynamixel", "arm": "open_manipulator_x", "port": str(tmp_path / "arm")}
    assert (tmp_path / "arm").is_char_device()
    process.send_signal(signal.SIGINT)
    assert process.wait(20.0) == 0
    assert "faults on the line: none" in process.stdout.read()
    assert not (tmp_path / "arm").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--arm", "kuka_kr16_2"], "wiring.yaml: there is no such file"),
        (["--at", "1 2 deg"], "--at: "),
        (["--faults", "nothing.yaml"], "nothing.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_emulated_is_a_usage_error(say, words: list[str], said: str) -> None:
    answer = say("emulate", "dynamixel", *words)
    assert answer.code == 2
    assert said in answer.err


def test_a_real_arm_moves_only_with_consent(say) -> None:
    answer = say("run", "tasks/desk/over_the_blocks.yaml", "--driver", "dynamixel:/dev/ttyNONE")
    assert (answer.code, answer.err) == (
        2,
        "the arm at dynamixel:/dev/ttyNONE was not agreed to move - add --yes when it may move [U645]\n",
    )


def test_a_driver_without_its_port_is_a_usage_error(say) -> None:
    answer = say("run", "tasks/desk/over_the_blocks.yaml", "--driver", "dynamixel", "--yes")
    assert answer.code == 2
    assert "[U644]" in answer.err
