"""The trace: one CSV line a cycle, commanded and measured. Readers leave a torn last line out.

Columns: `t` (s of the arm's clock since the run began), `segment`, `s` (path parameter), `rate` (of path time),
`c_JOINT` commanded and `m_JOINT` measured (rad), `t_JOINT` motor torques (Nm), `outputs`, `inputs` (lines as bits),
`arc` (0 off, 1 igniting, 2 established; of a bead 0 shut, 1 opened, 2 laid), and `v_NAME` for every analogue signal of
the cell (SI; `nan` where the arm shows none). The measured TCP is forward kinematics of the measured joints and is left
to readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import FileError, Finding, Place
from cellctl.model.pose import FloatArray

_LINES_A_WRITE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """What one cycle commanded and measured; `commanded` and `measured` (dof,) rad, `torques` (dof,) Nm; `analog` in
    the order of the trace's names.
    """

    time: float
    segment: int
    s: float
    rate: float
    commanded: FloatArray
    measured: FloatArray
    torques: FloatArray
    outputs: int
    inputs: int
    arc: int
    analog: tuple[float, ...] = ()


class TraceWriter:
    """A trace being written, a few dozen lines at a time."""

    def __init__(self, path: Path, joints: tuple[str, ...], analog: tuple[str, ...] = ()) -> None:
        self._file = path.open("x", encoding="ascii", newline="\n")
        self._file.write(",".join(_heading(joints, analog)) + "\n")
        lines = "%d,%d,%d" + ",%.7g" * len(analog)
        self._form = "%.6f,%d,%.12f,%.6f," + "%.12f," * 2 * len(joints) + "%.4f," * len(joints) + lines + "\n"
        self._lines: list[str] = []

    def write(self, cycle: Cycle) -> None:
        """Take one cycle."""
        values = (*cycle.commanded.tolist(), *cycle.measured.tolist(), *cycle.torques.tolist())
        head = (cycle.time, cycle.segment, cycle.s, cycle.rate)
        self._lines.append(self._form % (*head, *values, cycle.outputs, cycle.inputs, cycle.arc, *cycle.analog))
        if len(self._lines) >= _LINES_A_WRITE:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.write("".join(self._lines))
        self._file.flush()
        self._lines.clear()

    def close(self) -> None:
        """Write what is left and close."""
        self.flush()
        self._file.close()


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A trace that was read: `time`, `segment`, `s`, `rate`, `outputs`, `inputs`, `arc` (n,); `commanded`, `measured`,
    `torques` (n, dof); `analog` (n,) by name.
    """

    joints: tuple[str, ...]
    time: FloatArray
    segment: NDArray[np.int64]
    s: FloatArray
    rate: FloatArray
    commanded: FloatArray
    measured: FloatArray
    torques: FloatArray
    outputs: NDArray[np.int64]
    inputs: NDArray[np.int64]
    arc: NDArray[np.int64]
    notice: Finding | None = None
    analog: Mapping[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def arc_power(self) -> FloatArray:
        """What the arc was measured to take (n,), W; 0 where the cell does not show its current and voltage."""
        nothing = np.zeros(len(self))
        current, voltage = (self.analog.get(name, nothing) for name in ("current", "arc_voltage"))
        return np.asarray(np.nan_to_num(current * voltage), dtype=np.float64)

    @property
    def bead_flow(self) -> FloatArray:
        """The flow that the dispenser's meter showed (n,), m^3/s; 0 where there is none."""
        shown = self.analog.get("dispenser_meter", np.zeros(len(self)))
        return np.asarray(np.nan_to_num(shown), dtype=np.float64)


def read_trace(path: Path) -> Trace:
    """The trace in a file, without a torn last line; raises FileError (X452) when it is no trace or damaged in the
    middle.
    """
    try:
        head, *lines, tail = path.read_text(encoding="ascii").split("\n")
        joints, names = _names(head)
        width = 7 + 3 * len(joints) + len(names)
        table = np.array([line.split(",") for line in lines], dtype=np.float64).reshape(-1, width)
    except (OSError, ValueError) as error:
        raise FileError(Finding("X452", f"this is not a trace that can be read: {error}", Place(str(path)))) from None
    n = len(joints)
    whole = table[:, [1, *range(4 + 3 * n, 7 + 3 * n)]].astype(np.int64)
    notice = Finding(
        "X451", f"the last line is torn: {len(tail)} bytes are left out", Place(str(path)), severity="note"
    )
    return Trace(
        joints=joints,
        time=table[:, 0],
        segment=whole[:, 0],
        s=table[:, 2],
        rate=table[:, 3],
        commanded=table[:, 4 : 4 + n],
        measured=table[:, 4 + n : 4 + 2 * n],
        torques=table[:, 4 + 2 * n : 4 + 3 * n],
        outputs=whole[:, 1],
        inputs=whole[:, 2],
        arc=whole[:, 3],
        notice=notice if tail else None,
        analog={name: table[:, 7 + 3 * n + k] for k, name in enumerate(names)},
    )


def _heading(joints: tuple[str, ...], analog: tuple[str, ...]) -> list[str]:
    sides = [f"{side}_{joint}" for side in "cmt" for joint in joints]
    values = [f"v_{name}" for name in analog]
    return ["t", "segment", "s", "rate", *sides, "outputs", "inputs", "arc", *values]


def _names(head: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the joints and of the analogue values of a heading; raises ValueError."""
    names = head.split(",")
    joints, analog = (tuple(name[2:] for name in names if name.startswith(side)) for side in ("c_", "v_"))
    if not joints or names != _heading(joints, analog):
        raise ValueError("its heading is not a trace's")
    return joints, analog
