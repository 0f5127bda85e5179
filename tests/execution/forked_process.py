"""One process of a forked cell, run by its path: `TOLD` is what it was told when it was started.

The controller has the stand-in for the mechanics; the executor loads one job, whatever plan it is asked to load.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "emulators"))

from doomed import doom
from stand_in_controller import FirstOrderStandIn

from cellctl.emulators.simulated_arm import launch as controller
from cellctl.emulators.simulated_arm.weld_source import WeldSourceSettings
from cellctl.execution.service import launch as executor


def control(words, figures, setup):
    source = WeldSourceSettings(setup.arc_on, setup.arc_ok)
    controller.run(controller.parsed(words), figures, FirstOrderStandIn(len(figures.joints)), source=source)


def execute(words, job, setup, doomed):
    if doomed:
        doom(doomed)
    executor.run(executor.parsed(words), setup, lambda path: job)


if __name__ == "controller":
    control(*TOLD)  # noqa: F821
elif __name__ == "executor":
    execute(*TOLD)  # noqa: F821
