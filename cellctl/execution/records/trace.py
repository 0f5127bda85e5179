"""The trace: one CSV line a cycle, commanded and measured. Readers leave a torn last line out.

Columns: `t` (s of the arm's clock since the run began), `segment`, `s` (path parameter), `rate` (of path time),
`c_JOINT` commanded and `m_JOINT` measured (rad), `t_JOINT` motor torques (Nm), `outputs`, `inputs` (lines as bits),
`arc` (0 off, 1 igniting, 2 established). The measured TCP is forward kinematics of the measured joints and is left to
readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import FileError, Finding, Place
from cellctl.model.pose import FloatArray

_LINES_A_WRITE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """What one cycle commanded and measured; `commanded` and `measured` (dof,) rad, `torques` (dof,) Nm."""

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


class TraceWriter:
    """A trace being written, a few dozen lines at a time."""

    def __init__(self, path: Path, joints: tuple[str, ...]) -> None:
        self._file = path.open("x", encoding="ascii", newline="\n")
        names = [f"{side}_{joint}" for side in "cmt" for joint in joints]
        self._file.write(",".join(["t", "segment", "s", "rate", *names, "outputs", "inputs", "arc"]) + "\n")
        self._form = "%.6f,%d,%.12f,%.6f," + "%.12f," * 2 * len(joints) + "%.4f," * len(joints) + "%d,%d,%d\n"
        self._lines: list[str] = []

    def write(self, cycle: Cycle) -> None:
        """Take one cycle."""
        values = (*cycle.commanded.tolist(), *cycle.measured.tolist(), *cycle.torques.tolist())
        head = (cycle.time, cycle.segment, cycle.s, cycle.rate)
        self._lines.append(self._form % (*head, *values, cycle.outputs, cycle.inputs, cycle.arc))
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
    `torques` (n, dof).
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

    def __len__(self) -> int:
        return len(self.time)


def read_trace(path: Path) -> Trace:
    """The trace in a file, without a torn last line; raises FileError (X452) when it is no trace or damaged in the
    middle.
    """
    try:
        head, *lines, tail = path.read_text(encoding="ascii").split("\n")
        joints = _joints(head)
        table = np.array([line.split(",") for line in lines], dtype=np.float64).reshape(-1, 7 + 3 * len(joints))
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
    )


def _joints(head: str) -> tuple[str, ...]:
    """Joint names of a heading; raises ValueError."""
    names = head.split(",")
    joints = tuple(name[2:] for name in names if name.startswith("c_"))
    sides = [f"{side}_{joint}" for side in "cmt" for joint in joints]
    if not joints or names != ["t", "segment", "s", "rate", *sides, "outputs", "inputs", "arc"]:
        raise ValueError("its heading is not a trace's")
    return joints
