"""A cell whose processes are forked from a server that has everything imported: real processes, and up in a moment."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from runpy import run_path

import numpy as np

from cellctl.drivers.driver import ArmSetup
from cellctl.emulators.simulated_arm.controller import ArmFigures
from cellctl.execution.job import Job
from cellctl.execution.service.client import ExecutorClient
from cellctl.execution.service.processes import (
    CellOptions,
    Programs,
    controller_command,
    executor_command,
    new_folder,
)
from cellctl.execution.service.session import CellLink
from tests.execution.living import eventually

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["cellctl.emulators.simulated_arm.launch", "cellctl.execution.service.launch", "cellctl.drivers.simulated"]
)
PROCESSES = Programs((), ())
PROCESS = Path(__file__).with_name("forked_process.py")


@dataclass(frozen=True)
class Arm:
    """What the processes of a cell are told of their arm, and the control period (s)."""

    figures: ArmFigures
    setup: ArmSetup
    period: float = 0.004

    def standing_at(self, joints: np.ndarray) -> Arm:
        return replace(self, figures=replace(self.figures, start=joints))


def arm_of(job: Job, setup: ArmSetup, *, period: float = 0.004) -> Arm:
    """The arm that a job is for."""
    envelope = job.envelope
    limits = {name: getattr(envelope, name) for name in ("lower", "upper", "velocity", "acceleration")}
    return Arm(ArmFigures(setup.robot, setup.joints, start=setup.start, **limits), setup, period)


@contextmanager
def forked_cell(job: Job, arm: Arm, *, doomed: str = "") -> Iterator[tuple[CellLink, int]]:
    """A cell in lock-step, and the number of its executor process."""
    folder, options = new_folder(b""), CellOptions(period=arm.period, lease=600.0)
    words = [part for part in controller_command(folder, options, PROCESSES)[2:] if part != "--lifeline"]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder.path, ignore_errors=True)
        _started(stack, "controller", words, arm.figures, arm.setup)
        words = executor_command(folder, options, PROCESSES)[2:]
        process = _started(stack, "executor", words, job, arm.setup, doomed)
        eventually(folder.executor.exists)
        with ExecutorClient(folder.executor, name="test") as client:
            client.acquire()
            yield CellLink(client, folder), process.pid


def _started(stack: ExitStack, who: str, *told: object) -> BaseProcess:
    """A process that is ended with the stack."""
    process = CONTEXT.Process(target=run_path, args=(str(PROCESS), {"TOLD": told}, who), daemon=True)
    process.start()

    def end() -> None:
        process.terminate()
        process.join(30.0)
        assert process.exitcode is not None, "it does not end"
        process.close()

    stack.callback(end)
    return process
