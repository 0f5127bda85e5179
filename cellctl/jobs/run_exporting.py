"""The record of a run in other tools' words: MCAP for Foxglove, Parquet for tables. The record stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from cellctl.errors import EnvironmentMissing, Finding
from cellctl.execution.records.record import EVENTS, TRACE
from cellctl.execution.records.trace import Trace, read_trace
from cellctl.files import cell_from_inputs, read_plan
from cellctl.files.mcap_writing import McapWriter
from cellctl.jobs.run_figures import PLAN_FILE
from cellctl.model.cell import Mechanism
from cellctl.model.plan import Plan
from cellctl.model.pose import Pose

_ARC = ("off", "igniting", "established")


def export_mcap(folder: str | Path, path: Path) -> int:
    """Write the trace and the events of a run as MCAP; returns the number of messages. Raises FileError.

    Topics: `/joints` (commanded and measured, rad, and torques, Nm), `/tcp` (`foxglove.PoseInFrame`, from measured
    joints), `/process`, `/events`. Times are the arm's clock since the start of the run.
    """
    plan, trace = _read(Path(folder))
    poses = _tcp_poses(plan, trace)
    count = 0
    with McapWriter(path) as file:
        joints = file.topic("/joints", "cellctl.Joints", _object(t="number", commanded="object", measured="object"))
        tcp = file.topic("/tcp", "foxglove.PoseInFrame", _object(timestamp="object", frame_id="string", pose="object"))
        process = file.topic("/process", "cellctl.Process", _object(segment="integer", s="number", arc="string"))
        events = file.topic("/events", "cellctl.Event", _object(kind="string", data="object"))
        for k, time in enumerate(trace.time.tolist()):
            file.message(joints, k, time, _joints_message(trace, k))
            file.message(tcp, k, time, _pose_message(poses[k], time))
            file.message(process, k, time, _process_message(trace, k))
            count += 3
        for k, event in enumerate(_events(Path(folder))):
            file.message(events, k, event["time"], {"kind": event["kind"], "data": event["data"]})
            count += 1
    return count


def export_parquet(folder: str | Path, path: Path) -> int:
    """Write the trace of a run as one Parquet table, a row a cycle; returns the number of rows.

    Raises EnvironmentMissing (X490) without pyarrow, FileError for no run.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        finding = Finding("X490", "Parquet needs the package pyarrow", suggestion="pip install cellctl[parquet]")
        raise EnvironmentMissing(finding) from None
    plan, trace = _read(Path(folder))
    positions = np.array([pose.position for pose in _tcp_poses(plan, trace)]).reshape(-1, 3)
    columns: dict[str, Any] = {"t_s": trace.time, "segment": trace.segment, "s": trace.s, "rate": trace.rate}
    for name, values, unit in (
        ("commanded", trace.commanded, "rad"),
        ("measured", trace.measured, "rad"),
        ("torque", trace.torques, "Nm"),
    ):
        columns |= {f"{joint}_{name}_{unit}": values[:, k] for k, joint in enumerate(trace.joints)}
    columns |= {f"tcp_{axis}_m": positions[:, k] for k, axis in enumerate("xyz")}
    columns |= {"outputs": trace.outputs, "inputs": trace.inputs, "arc": trace.arc}
    columns |= {f"v_{name}": values for name, values in trace.analog.items()}
    table = pyarrow.table({name: pyarrow.array(values) for name, values in columns.items()})
    pyarrow.parquet.write_table(table, path)
    return len(trace)


def _read(folder: Path) -> tuple[Plan, Trace]:
    return read_plan(folder / PLAN_FILE), read_trace(folder / TRACE)


def _tcp_poses(plan: Plan, trace: Trace) -> list[Pose]:
    """The TCP in the world for every row, from the measured joints; where the tool has none, the flange."""
    from cellctl.kinematics.chain import chain_of
    from cellctl.kinematics.forward import flange_matrices

    mechanism = _mechanism(plan)
    flanges = flange_matrices(chain_of(mechanism.robot), trace.measured[:, : mechanism.robot.dof])
    tools = [_tool(plan, mechanism, max(int(index), 0)) for index in trace.segment]
    return [mechanism.pose_world_base @ Pose(flange) @ tool for flange, tool in zip(flanges, tools, strict=True)]


def _tool(plan: Plan, mechanism: Mechanism, index: int) -> Pose:
    step = plan.segments[index].step
    ctwd = next((other.process.ctwd for other in plan.segments if other.step == step and other.process), 0.0)
    return mechanism.pose_flange_tip(ctwd)


def _mechanism(plan: Plan) -> Mechanism:
    cell = cell_from_inputs(plan.inputs)
    (group,) = plan.start
    return cell.mechanism(cell.group(group).mechanisms[0])


def _events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run, without a torn last line."""
    found = []
    for line in (folder / EVENTS).read_bytes().split(b"\n")[:-1]:
        found.append(json.loads(line))
    return found


def _joints_message(trace: Trace, k: int) -> Mapping[str, object]:
    sides = {"commanded": trace.commanded, "measured": trace.measured, "torques": trace.torques}
    named = {side: dict(zip(trace.joints, values[k].tolist(), strict=True)) for side, values in sides.items()}
    return {"t": float(trace.time[k]), **named}


def _process_message(trace: Trace, k: int) -> Mapping[str, object]:
    return {
        "segment": int(trace.segment[k]),
        "s": float(trace.s[k]),
        "rate": float(trace.rate[k]),
        "outputs": int(trace.outputs[k]),
        "inputs": int(trace.inputs[k]),
        "arc": _ARC[int(trace.arc[k])],
        "analog": {name: float(values[k]) for name, values in trace.analog.items() if isfinite(values[k])},
    }


def _pose_message(pose: Pose, time: float) -> Mapping[str, object]:
    x, y, z = pose.position.tolist()
    qx, qy, qz, qw = pose.quat_xyzw.tolist()
    seconds = int(time)
    return {
        "timestamp": {"sec": seconds, "nsec": round((time - seconds) * 1e9)},
        "frame_id": "world",
        "pose": {"position": {"x": x, "y": y, "z": z}, "orientation": {"x": qx, "y": qy, "z": qz, "w": qw}},
    }


def _object(**kinds: str) -> dict[str, object]:
    """A JSON Schema of an object with these members."""
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in kinds.items()}}
