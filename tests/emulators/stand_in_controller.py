"""A controller process whose arm is a stand-in for the mechanics: each joint follows its target with a first-order lag.

It lets the socket, watchdog and stop be tested where PyBullet is not; the shipped controller never uses it.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from cellctl.emulators.simulated_arm.controller import ArmFigures
from cellctl.emulators.simulated_arm.launch import parsed, run
from cellctl.emulators.simulated_arm.weld_source import WeldSourceSettings

LAG = 0.002
STEP = 0.001


class FirstOrderStandIn:
    """Joints that follow their target with a lag of 2 ms; no mass, no torque. Something in the way stops them all."""

    def __init__(self, dof: int) -> None:
        self._q = np.zeros(dof)
        self._qd = np.zeros(dof)
        self._braked = False

    def set_joints(self, q: np.ndarray) -> None:
        self._q, self._qd = np.array(q), np.zeros(len(q))

    def close_brakes(self) -> None:
        self._braked = True

    def open_brakes(self) -> None:
        self._braked = False

    def obstruct(self) -> None:
        self._braked = True

    def step(self, q_set: np.ndarray, qd_set: np.ndarray) -> None:
        q_set = self._q if self._braked else q_set
        after = self._q + (1.0 - np.exp(-STEP / LAG)) * (q_set - self._q)
        self._qd = (after - self._q) / STEP
        self._q = after

    def read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._q, self._qd, np.zeros(len(self._q))


def main() -> None:
    launch = parsed(sys.argv[1:])
    arm = json.loads(launch.cell.read_bytes())
    figures = ArmFigures(
        **{name: arm[name] for name in ArmFigures.__dataclass_fields__} | {"joints": tuple(arm["joints"])}
    )
    run(
        launch, figures, FirstOrderStandIn(len(figures.joints)), source=WeldSourceSettings(arm["arc_on"], arm["arc_ok"])
    )


if __name__ == "__main__":
    main()
