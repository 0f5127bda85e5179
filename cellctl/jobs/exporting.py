"""A cell or a plan in other tools' words: URDF with SRDF, and CSV. Everything written is read from the value given."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellctl.errors import FileError, Finding, Place, UsageError
from cellctl.files import cell_from_inputs, load_cell
from cellctl.files.urdf.export import LinkPair, urdf_cell, write_urdf_cell
from cellctl.model.cell import Axes, Cell, Mechanism
from cellctl.model.plan import Plan, Segment
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.wps import Wps

DEFAULT_RATE = 250.0
HIGHEST_RATE = 10_000.0


def export_urdf(cell: Cell | str | Path, folder: str | Path) -> tuple[Path, ...]:
    """Write a cell as `NAME.urdf`, `NAME.srdf` and `meshes/*.stl` into `folder`; returns the files written.

    The SRDF disables every pair of links that a proof does not ask about. Raises FileError.
    """
    loaded = cell if isinstance(cell, Cell) else load_cell(cell)
    return write_urdf_cell(urdf_cell(loaded, checked_links(loaded)), loaded.name, Path(folder))


def checked_links(cell: Cell) -> frozenset[LinkPair]:
    """The pairs of URDF links whose solids a proof asks about, in any group of the cell."""
    from cellctl.scene.bodies import collision_model

    owners = _owners(cell)
    found = set()
    for group in cell.groups:
        model = collision_model(cell, group.name)
        link = [_owner(solid.name, owners) for solid in model.solids]
        found |= {frozenset((link[i], link[j])) for i, j in model.pairs.tolist()}
    return frozenset(found)


def export_csv(plan: Plan, path: str | Path, *, rate: float = DEFAULT_RATE) -> int:
    """Write a plan as a table with `rate` rows a second and one at its end; returns the number of rows.

    Columns: time (s), joints (rad or m), the TCP in the world (m, unit quaternion with the scalar last), its `ctwd`
    (m), segment, kind, path parameter s, and whether the arc is on
    or a bead is laid. The TCP stands off the contact tip by the
    contact-tip-to-work distance of the step's weld, and is the contact tip itself in a step without one; it is the
    flange where there is no torch. Raises UsageError U620 for a rate that cannot be, FileError F180.
    """
    if not 0.0 < rate <= HIGHEST_RATE:
        raise UsageError(Finding("U620", f"a rate is above 0 and at most {HIGHEST_RATE:g} rows a second, not {rate:g}"))
    cell = cell_from_inputs(plan.inputs)
    rows = 0
    try:
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(csv_header(cell.axes(plan.segments[0].group)))
            for row in _rows(plan, cell, rate):
                writer.writerow(row)
                rows += 1
    except OSError as error:
        finding = Finding("F180", f"cannot be written: {error.strerror or error}", Place(str(path)))
        raise FileError(finding) from None
    return rows


def csv_header(axes: Axes) -> tuple[str, ...]:
    """The names of the columns, with their units."""
    joints = [f"{axis.name}_{'m' if axis.kind == 'prismatic' else 'rad'}" for axis in axes.axes]
    tcp = ("tcp_x_m", "tcp_y_m", "tcp_z_m", "tcp_qx", "tcp_qy", "tcp_qz", "tcp_qw", "ctwd_m")
    return ("t_s", *joints, *tcp, "segment", "kind", "s", "arc")


def _rows(plan: Plan, cell: Cell, rate: float) -> Iterator[list[object]]:
    """One row a sample; a sample at a join belongs to the segment that begins there."""
    ends = np.cumsum([segment.duration for segment in plan.segments])
    starts = ends - [segment.duration for segment in plan.segments]
    count = int(np.floor(ends[-1] * rate * (1.0 + 1e-12))) + 1
    times = np.arange(count) / rate
    if times[-1] < ends[-1] - 1e-9:
        times = np.append(times, ends[-1])
    owner = np.minimum(np.searchsorted(ends, times, side="right"), len(ends) - 1)
    for index in np.unique(owner).tolist():
        own = times[owner == index]
        yield from _segment_rows(plan, cell, index, own, np.minimum(own - starts[index], _duration(plan, index)))


def _segment_rows(plan: Plan, cell: Cell, index: int, times: FloatArray, inside: FloatArray) -> Iterator[list[object]]:
    from cellctl.kinematics.chain import chain_of
    from cellctl.kinematics.forward import flange_matrices

    segment = plan.segments[index]
    mechanism = cell.mechanism(cell.group(plan.segments[0].group).mechanisms[0])
    tool, ctwd = _tcp_of(plan, mechanism, segment)
    s = segment.law(inside)[:, 0]
    q = segment.path(s)
    flanges = flange_matrices(chain_of(mechanism.robot), q[:, : mechanism.robot.dof])
    arc = _process_on(cell, segment, s)
    for k, time in enumerate(times.tolist()):
        pose = mechanism.pose_world_base @ Pose(flanges[k]) @ tool
        numbers = [time, *q[k].tolist(), *pose.position.tolist(), *pose.quat_xyzw.tolist(), ctwd]
        yield [*(f"{number:.9g}" for number in numbers), index, segment.kind, f"{s[k]:.9g}", int(arc[k])]


def _duration(plan: Plan, index: int) -> float:
    return plan.segments[index].duration


def _tcp_of(plan: Plan, mechanism: Mechanism, segment: Segment) -> tuple[Pose, float]:
    """The TCP in the flange frame, and the contact-tip-to-work distance that it stands for, m."""
    welds = [other.process for other in plan.segments if other.step == segment.step and other.process is not None]
    ctwd = welds[0].ctwd if welds else 0.0
    return mechanism.pose_flange_tip(ctwd), ctwd


def _process_on(cell: Cell, segment: Segment, s: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the arc burns or a bead is laid at path parameters `s` (n,); a pen does neither."""
    section = segment.process
    procedure = None if section is None else cell.procedures[section.wps]
    if section is None or (isinstance(procedure, Wps) and procedure.draws):
        return np.zeros(len(s), dtype=np.bool_)
    return (section.begin <= s) & (s < section.end)


def _owners(cell: Cell) -> tuple[str, ...]:
    """The names of the URDF links that have solids."""
    names = [f"{mechanism.name}.{link.name}" for mechanism in cell.mechanisms for link in mechanism.robot.links]
    names += [f"{mechanism.name}.{mechanism.tool.name}" for mechanism in cell.mechanisms if mechanism.tool is not None]
    names += [fixture.name for fixture in cell.fixtures]
    names += [f"{placement.name}.{body.name}" for placement in cell.parts for body in placement.part.bodies]
    return tuple(names)


def _owner(solid: str, owners: tuple[str, ...]) -> str:
    """The link that a solid of this full name belongs to."""
    return max((name for name in owners if solid == name or solid.startswith(f"{name}.")), key=len)
