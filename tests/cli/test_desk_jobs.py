"""The jobs for a desk, by the words of the README and the manual: on the simulated arm, and on emulated servos behind a
pseudoterminal in real time.
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cellctl.execution.records.trace import read_trace
from cellctl.files import cell_from_inputs, read_plan
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices

COMMAND = re.compile(r"cellctl ((?:emulate|run) [^`\n]+)")
LINK = ("--link", "/tmp/arm")
"""What the manual calls the port; a test has a name of its own for it."""
LATE = ("X461", "X464", "X465", "X470", "X489")
"""What ends a run on servos where the machine that both ends are on has other things to do."""
TRIES = 5
RESOLUTION = 2.5e-3
"""m: what one step of every servo moves the flange, and a little."""


def in_the_manual(checkout: Path) -> dict[str, tuple[list[str], list[str]]]:
    """The words for both terminals, by task, wherever a page gives them one after the other."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for page in ("docs/serial.md", "README.md"):
        lines = [shlex.split(line) for line in COMMAND.findall((checkout / page).read_text("utf-8"))]
        for emulating, running in pairwise(lines):
            if emulating[0] == "emulate" and any(word.startswith(f"{emulating[1]}:") for word in running):
                found[running[1]] = [word for word in emulating if word not in LINK], running
    return found


@pytest.mark.slow
@pytest.mark.parametrize("task", ["tasks/desk/move_blocks.yaml", "tasks/pen/seam_on_paper.yaml"])
def test_a_desk_job_runs_from_the_manuals_words(say, emulated, checkout: Path, tmp_path: Path, task: str) -> None:
    """The measured paths of the flange agree within what one step of each servo moves it. The servos go first, as the
    executor does, so that the machine may have other things to do.
    """
    emulating, words = in_the_manual(checkout)[task]
    ended = say("run", str(checkout / task), "--folder", str(tmp_path / "sim"))
    assert ended.code == 0, ended.err
    for number in range(TRIES):
        _, said = emulated(*emulating[1:], "--ahead", "--link", str(tmp_path / f"arm{number}"))
        driver = f"{emulating[1]}:{said['port']}"
        there = [driver if word.startswith(f"{emulating[1]}:") else word for word in words[2:]]
        servos = tmp_path / f"servos{number}"
        ended = say("run", str(checkout / task), *there, "--folder", str(servos))
        if not any(f"[{code}]" in ended.err for code in LATE):
            break
    assert ended.code == 0, ended.err
    plan = read_plan(tmp_path / "sim" / "plan.zip")
    assert (servos / "plan.zip").read_bytes() == (tmp_path / "sim" / "plan.zip").read_bytes()
    chain = chain_of(cell_from_inputs(plan.inputs).mechanisms[0].robot)
    simulated, measured = (
        flange_matrices(chain, read_trace(folder / "trace.csv").measured)[:, :3, 3]
        for folder in (tmp_path / "sim", servos)
    )
    away = [float(np.linalg.norm(simulated - point, axis=1).min()) for point in measured[::5]]
    assert max(away) < RESOLUTION
