"""Cell files: the `Cell` that a file becomes, with its robots, tools, parts and procedures. Plans nothing."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from cellctl.errors import Place
from cellctl.files.body_values import check_distance, one_body
from cellctl.files.cell_fields import CellFile, FixtureField, MarginsField
from cellctl.files.configurations import configuration
from cellctl.files.frames import WORLD, FrameTable
from cellctl.files.part_file import open_part, part_of
from cellctl.files.procedure_file import read_procedure
from cellctl.files.reading import File, Reading
from cellctl.files.robot_file import read_robot
from cellctl.files.strict_model import Path
from cellctl.files.tool_file import read_tool
from cellctl.model.cell import (
    Camera,
    Cell,
    Fixture,
    Frame,
    Group,
    Margins,
    Mechanism,
    PairMargin,
    PartPlacement,
    Phase,
    Signal,
)
from cellctl.model.names import thing_names
from cellctl.model.part import Body, Part
from cellctl.model.pose import Pose
from cellctl.model.robot import Robot, Tool, with_adapter
from cellctl.model.shapes import Solid, Visual
from cellctl.model.tightening import TighteningProgram
from cellctl.model.wps import SeamProcedure

MOST_TURNS = 200
"""A thread that goes in by more turns than this has another unit than was meant."""


@dataclass(frozen=True, slots=True)
class CellReading:
    """A cell as far as it could be built, and every name that its files write, also of entries that are wrong.

    `configurations` are the names per mechanism whose robot can be read, `seams` and `holes` the names per part; a part
    whose file cannot be read has None, `tooled` the mechanisms that name a tool.
    """

    cell: Cell
    mechanisms: frozenset[str]
    groups: frozenset[str]
    configurations: Mapping[str, frozenset[str]]
    seams: Mapping[str, frozenset[str] | None]
    holes: Mapping[str, frozenset[str] | None]
    procedures: frozenset[str]
    tightening: frozenset[str]
    fixtures: frozenset[str]
    tooled: frozenset[str]


def read_cell(reading: Reading, reference: str, asked: Place | None = None) -> CellReading | None:
    """The cell described at `reference`; what is wrong is reported and left out."""
    file = reading.open(CellFile, "cell", reference, asked)
    if file is None:
        return None
    cell = file.model
    _check_names(file)
    _check_lines(file)
    robots = _robots(file)
    frames = _frames(file, robots)
    tools = _tools(file)
    mechanisms = tuple(_mechanism(file, name, robot, frames, tools) for name, robot in robots.items())
    parts, seams, holes = _parts(file, frames)
    value = Cell(
        name=cell.name or _name_of(reference),
        mechanisms=mechanisms,
        groups=_groups(file),
        fixtures=_fixtures(file, frames),
        parts=parts,
        frames=tuple(Frame(name, parent, pose) for name, (parent, pose) in frames.entries().items()),
        signals=tuple(
            Signal(name, signal.output, signal.input, signal.analog_output, signal.analog_input)
            for name, signal in cell.signals.items()
        ),
        procedures=_procedures(file),
        tightening=_tightening(file),
        margins=Margins(cell.margins.clearance, cell.margins.nozzle_to_plates, _pair_margins(cell.margins)),
        camera=None if cell.camera is None else Camera(cell.camera.eye, cell.camera.target, cell.camera.field_of_view),
        inputs=reading.sorted_inputs(),
    )
    _check_pairs(file, value)
    names = file.names("mechanisms")
    return CellReading(
        value,
        names,
        file.names("groups") or names,
        _configuration_names(file, mechanisms),
        seams,
        holes,
        file.names("procedures"),
        file.names("tightening"),
        file.names("fixtures"),
        frozenset(name for name, field in cell.mechanisms.items() if field.tool is not None),
    )


def _pair_margins(margins: MarginsField) -> tuple[PairMargin, ...]:
    found = []
    for key, gaps in margins.pairs.items():
        first, second = key.split()
        found += [] if gaps.always is None else [PairMargin(first, second, gaps.always)]
        by_phase = ((phase, getattr(gaps, phase)) for phase in get_args(Phase))
        found += [PairMargin(first, second, gap, (phase,)) for phase, gap in by_phase if gap is not None]
    return tuple(found)


def _check_pairs(file: File[CellFile], cell: Cell) -> None:
    """Both names of a pair are known, and one may move. What belongs to a thing that cannot be read is let be."""
    known = thing_names(cell)
    written = file.names("mechanisms") | file.names("fixtures") | file.names("parts")
    still = file.names("fixtures") - {fixture.name for fixture in cell.fixtures if fixture.moves_with}
    for key in file.model.margins.pairs:
        for name in key.split():
            owner = name.partition(".")[0]
            if name not in known and (owner in known or owner not in written):
                file.unknown("solid", name, known, ("margins", "pairs", key))
        if all(name.partition(".")[0] in still for name in key.split()):
            file.report("F130", f"both of '{key}' are fixtures: they keep still", ("margins", "pairs", key))


def _configuration_names(file: File[CellFile], mechanisms: tuple[Mechanism, ...]) -> dict[str, frozenset[str]]:
    """The names that the cell writes and those of the robots' own files; none for a robot that cannot be read."""
    written = {m.name: file.names("mechanisms", m.name, "configurations") for m in mechanisms}
    return {m.name: written[m.name] | frozenset(m.configurations) for m in mechanisms}


def _name_of(reference: str) -> str:
    folder, name = posixpath.split(reference.partition(":")[2])
    stem = name.partition(".")[0]
    return posixpath.basename(folder) if stem == "cell" and folder else stem


def _check_names(file: File[CellFile]) -> None:
    """Mechanisms, fixtures and parts share one name space: findings and pairs call them by name."""
    owner: dict[str, str] = {WORLD: "frame"}
    for kind in ("mechanisms", "fixtures", "parts", "frames"):
        for name in sorted(file.names(kind)):
            if name in owner:
                message = f"'{name}' is also the name of a {owner[name]}"
                file.report("F134", message, (kind, name), "choose another name")
            owner.setdefault(name, kind.removesuffix("s"))


def _robots(file: File[CellFile]) -> dict[str, Robot]:
    """The robot of every mechanism whose file can be read, as it carries its tool."""
    robots: dict[str, Robot] = {}
    for name, field in file.model.mechanisms.items():
        if field.tool is not None and field.tool not in file.names("tools"):
            file.unknown("tool", field.tool, file.names("tools"), ("mechanisms", name, "tool"))
        path = ("mechanisms", name, "model")
        reference = file.joined(field.model, path, "robot")
        robot = None if reference is None else read_robot(file.reading, reference, file.place(*path))
        if robot is not None:
            robots[name] = robot if field.tool is None else with_adapter(robot)
    return robots


def _frames(file: File[CellFile], robots: Mapping[str, Robot]) -> FrameTable:
    """Declared frames, and one for every part and fixture; the top face of a box is `NAME.top`, what a mechanism
    without a tool carries stands on `NAME.flange`.
    """
    table = FrameTable(file)
    cell = file.model
    for kind, entries in (("frames", cell.frames), ("fixtures", cell.fixtures), ("parts", cell.parts)):
        for name, entry in entries.items():
            at = entry if kind == "frames" else entry.at  # type: ignore[union-attr]
            path: Path = (kind, name) if kind == "frames" else (kind, name, "at")
            table.add(name, at.frame, at.pose, (*path, "frame"))  # type: ignore[union-attr]
            check_distance(file, at.pose, path)  # type: ignore[union-attr]
        for name in file.names(kind) - set(entries):
            table.leave_out(name)
            table.leave_out(f"{name}.top")
    for name, fixture in cell.fixtures.items():
        if fixture.box is not None:
            top = Pose.of((0.0, 0.0, fixture.box[2] / 2.0))
            table.add(f"{name}.top", name, top, ("fixtures", name))
    for name, mechanism in cell.mechanisms.items():
        path = ("mechanisms", name, "at")
        if name not in robots:
            table.leave_out(f"{name}.flange")
        elif mechanism.tool is None:
            pose = mechanism.at.pose @ robots[name].pose_base_flange
            table.add_flange(name, mechanism.at.frame, pose, (*path, "frame"))
    table.check()
    for name, mechanism in cell.mechanisms.items():
        path = ("mechanisms", name, "at")
        carrier = table.carrier(mechanism.at.frame)
        if carrier:
            text = f"'{name}' stands on what '{carrier}' moves, which cannot be planned"
            file.report("F139", text, (*path, "frame"), "stand it in the world or on a fixture that stands still")
        elif name not in robots or mechanism.tool is not None:
            _world_pose(file, table, mechanism.at.frame, mechanism.at.pose, path)
    return table


def _world_pose(file: File[CellFile], frames: FrameTable, frame: str, pose: Pose, path: Path) -> Pose:
    if frame != WORLD and not frames.knows(frame):
        file.unknown("frame", frame, (*frames.entries(), WORLD), (*path, "frame"))
    return frames.pose_world(frame) @ pose


def _tools(file: File[CellFile]) -> dict[str, Tool]:
    tools: dict[str, Tool] = {}
    for name, text in file.model.tools.items():
        path = ("tools", name)
        reference = file.joined(text, path, "tool")
        tool = None if reference is None else read_tool(file.reading, reference, name, file.place(*path))
        if tool is not None:
            tools[name] = tool
    return tools


def _mechanism(
    file: File[CellFile], name: str, robot: Robot, frames: FrameTable, tools: Mapping[str, Tool]
) -> Mechanism:
    path, field = ("mechanisms", name), file.model.mechanisms[name]
    configurations = dict(robot.configurations)
    for key, values in field.configurations.items():
        joints = configuration(file, robot, values, (*path, "configurations", key))
        if joints is not None:
            configurations[key] = joints
    pose = frames.pose_world(field.at.frame) @ field.at.pose
    return Mechanism(name, robot, pose, tools.get(field.tool or ""), configurations)


def _groups(file: File[CellFile]) -> tuple[Group, ...]:
    """The groups that the file lists, or one per mechanism."""
    known = file.names("mechanisms")
    if not file.names("groups"):
        return tuple(Group(name, (name,)) for name in file.model.mechanisms)
    for name, members in file.model.groups.items():
        for index, member in enumerate(members):
            if member not in known:
                file.unknown("mechanism", member, known, ("groups", name, index))
        if not members:
            file.report("F112", f"group '{name}' has no mechanism", ("groups", name))
    return tuple(Group(name, tuple(members)) for name, members in file.model.groups.items())


def _fixtures(file: File[CellFile], frames: FrameTable) -> tuple[Fixture, ...]:
    fixtures = []
    for name, field in file.model.fixtures.items():
        path = ("fixtures", name)
        if field.carries is not None and field.carries not in file.names("mechanisms"):
            file.unknown("mechanism", field.carries, file.names("mechanisms"), (*path, "carries"))
        own = field.file is None
        body = one_body(file, name, field, field.at.pose, path) if own else _body_of_part(file, name, field)
        if body is not None:
            pose = frames.pose_world(field.at.frame) @ field.at.pose
            moves_with = frames.carrier(field.at.frame)
            fixtures.append(Fixture(name, body, field.at.frame, pose, field.carries or "", moves_with))
    return tuple(fixtures)


def _body_of_part(file: File[CellFile], name: str, field: FixtureField) -> Body | None:
    """A part file as a fixture: its bodies become the solids of one."""
    path = ("fixtures", name, "file")
    part = _part(file, name, field.file or "", path)
    if part is None:
        return None
    solids: list[Solid] = []
    visuals: list[Visual] = []
    for body in part.bodies:
        for solid in body.solids:
            solid_name = body.name if len(body.solids) == 1 else f"{body.name}_{solid.name}"
            solids.append(Solid(solid_name, solid.shape, body.pose @ solid.pose))
        visuals += [Visual(v.shape, v.mesh, body.pose @ v.pose, v.colour, v.scale) for v in body.visuals]
    return Body(name, tuple(solids), tuple(visuals), field.at.pose)


def _part(file: File[CellFile], name: str, text: str, path: Path) -> Part | None:
    reference = file.joined(text, path)
    opened = None if reference is None else open_part(file.reading, reference, file.place(*path))
    return None if opened is None else part_of(opened, name)


def _parts(
    file: File[CellFile], frames: FrameTable
) -> tuple[tuple[PartPlacement, ...], dict[str, frozenset[str] | None], dict[str, frozenset[str] | None]]:
    """The placed parts, and the names of the seams and of the holes on each."""
    placements: list[PartPlacement] = []
    seams: dict[str, frozenset[str] | None] = dict.fromkeys(sorted(file.names("parts")))
    holes = dict(seams)
    for name, field in file.model.parts.items():
        path = ("parts", name, "file")
        reference = file.joined(field.file, path)
        opened = None if reference is None else open_part(file.reading, reference, file.place(*path))
        if opened is None:
            continue
        seams[name], holes[name] = opened.names("seams"), opened.names("holes")
        pose = frames.pose_world(field.at.frame) @ field.at.pose
        moves_with = frames.carrier(field.at.frame)
        placements.append(PartPlacement(name, part_of(opened, name), field.at.frame, pose, moves_with))
    return tuple(placements), seams, holes


def _check_lines(file: File[CellFile]) -> None:
    """No two signals are on one line."""
    owners: dict[tuple[str, int], str] = {}
    for name, signal in file.model.signals.items():
        for kind in ("output", "input", "analog_output", "analog_input"):
            line = getattr(signal, kind)
            if line is None:
                continue
            owner = owners.setdefault((kind, line), name)
            if owner != name:
                text = f"'{name}' and '{owner}' are both {kind} {line}"
                file.report("F193", text, ("signals", name, kind), "give each signal a line of its own")


def _tightening(file: File[CellFile]) -> dict[str, TighteningProgram]:
    """The tightening programs; one whose windows and thread do not fit together is reported."""
    programs = {}
    for name, field in file.model.tightening.items():
        path = ("tightening", name)
        if not field.snug < field.torque.minimum:
            file.report("F112", "'snug' must be less than the smallest final torque", (*path, "snug"))
        if field.angle.minimum <= 0.0:
            file.report("F112", "the angle from snug must be more than 0", (*path, "angle"))
        if field.length < field.pitch:
            file.report("F112", "the screw goes in by less than one pitch", (*path, "length"))
        if field.length > MOST_TURNS * field.pitch:
            file.report("F112", f"the screw goes in by more than {MOST_TURNS} turns", (*path, "pitch"))
        programs[name] = TighteningProgram(
            name,
            pitch=field.pitch,
            length=field.length,
            speed=field.speed,
            snug=field.snug,
            torque=field.torque,
            angle=field.angle,
            timeout=field.timeout,
            head=field.head,
        )
    return programs


def _procedures(file: File[CellFile]) -> dict[str, SeamProcedure]:
    procedures: dict[str, SeamProcedure] = {}
    for name, text in file.model.procedures.items():
        path = ("procedures", name)
        reference = file.joined(text, path)
        procedure = None if reference is None else read_procedure(file.reading, reference, name, file.place(*path))
        if procedure is not None:
            procedures[name] = procedure
    return procedures
