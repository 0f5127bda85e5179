"""A cell: what stands there. Everything that can change over time is kept elsewhere (joint values, attached parts)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from cellctl.model.inputs import Input
from cellctl.model.part import Body, Hole, Part, Seam
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Joint, JointLimit, Robot, Tool
from cellctl.model.tightening import TighteningProgram
from cellctl.model.wps import SeamProcedure

if TYPE_CHECKING:
    from pathlib import Path

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Frame:
    """A named frame: `pose` in the frame called `parent`; the root is `world`."""

    name: str
    parent: str
    pose: Pose


@dataclass(frozen=True, slots=True)
class Mechanism:
    """An arm or a positioner standing at `pose_world_base`, with a tool and its named configurations.

    `configurations` maps a name to joint values (dof,), rad or m.
    """

    name: str
    robot: Robot
    pose_world_base: Pose
    tool: Tool | None
    configurations: Mapping[str, tuple[float, ...]]

    def pose_flange_tip(self, ctwd: float = 0.0) -> Pose:
        """Where its tool works, in the flange's frame: the tip of a torch or a nozzle and `ctwd` (m) on along its axis,
        the tip of a screwdriver's bit; the flange itself where it carries none of them.
        """
        if self.tool is not None and self.tool.seam_tool is not None:
            return self.tool.seam_tool.tcp(ctwd)
        if self.tool is not None and self.tool.screwdriver is not None:
            return self.tool.screwdriver.bit_tip
        return Pose.identity()


@dataclass(frozen=True, slots=True)
class Group:
    """Joints that move together: the mechanisms of that group in order. A cell with one arm has one group of its
    name.
    """

    name: str
    mechanisms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Axes:
    """The joints of a group end to end, mechanism after mechanism: (dof,) in this order everywhere.

    Names are the joints' own where there is one mechanism, `MECHANISM.JOINT` where there are several.
    """

    mechanisms: tuple[Mechanism, ...]

    @property
    def axes(self) -> tuple[Joint, ...]:
        """The joints that move."""
        if len(self.mechanisms) == 1:
            return self.mechanisms[0].robot.axes
        return tuple(replace(j, name=f"{m.name}.{j.name}") for m in self.mechanisms for j in m.robot.axes)

    @property
    def dof(self) -> int:
        """Number of joints that move."""
        return sum(mechanism.robot.dof for mechanism in self.mechanisms)

    def limit_array(self, quantity: JointLimit) -> FloatArray:
        """One limit of every joint, (dof,)."""
        return np.concatenate([mechanism.robot.limit_array(quantity) for mechanism in self.mechanisms])

    def configuration(self, name: str) -> FloatArray:
        """Joint values (dof,) of a configuration that every mechanism has; raises KeyError."""
        return np.concatenate([np.array(mechanism.configurations[name]) for mechanism in self.mechanisms])

    def joints_of(self, mechanism: str) -> slice:
        """Which of the joints are those of one mechanism; raises KeyError."""
        first = 0
        for one in self.mechanisms:
            if one.name == mechanism:
                return slice(first, first + one.robot.dof)
            first += one.robot.dof
        raise KeyError(mechanism)


@dataclass(frozen=True, slots=True)
class PartPlacement:
    """A part in the cell: `frame` is the frame it is attached to, `pose_world_part` where that puts it.

    Where it is fixed to the flange of a mechanism, `moves_with` names that, and the pose is the one with all joints of
    the mechanism at zero.
    """

    name: str
    part: Part
    frame: str
    pose_world_part: Pose
    moves_with: str = ""


@dataclass(frozen=True, slots=True)
class Fixture:
    """Something that stands still where it is fixed: a table, a clamp, a pedestal. `body.pose` is in `frame`;
    `pose_world` resolves it.

    `carries` names the mechanism whose base stands on it, so that this pair is not asked about. `moves_with` is as in
    `PartPlacement`: a chuck on the table of a positioner.
    """

    name: str
    body: Body
    frame: str
    pose_world: Pose
    carries: str = ""
    moves_with: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A line of the cell's controller; exactly one of the numbers is given.

    `output` and `input` are digital lines, `analog_output` and `analog_input` channels that hold one number in SI.
    """

    name: str
    output: int | None = None
    input: int | None = None
    analog_output: int | None = None
    analog_input: int | None = None


Phase = Literal["transit", "approach", "process", "retract"]


@dataclass(frozen=True, slots=True)
class PairMargin:
    """The smallest gap (m) of all pairs of a solid of `first` and one of `second`: full names, or those of what owns
    them. It holds in the motions of these `phases`, in all where there are none.
    """

    first: str
    second: str
    gap: float
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class Margins:
    """Smallest gaps that a plan must keep, m: in general, between a torch nozzle and the plates of its own seam, and of
    single pairs, which outdo both.
    """

    clearance: float = 0.010
    nozzle_to_plates: float = 0.001
    pairs: tuple[PairMargin, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in the cell, resolved. `inputs` are the files it was read from, as they went into it."""

    name: str
    mechanisms: tuple[Mechanism, ...]
    groups: tuple[Group, ...]
    fixtures: tuple[Fixture, ...]
    parts: tuple[PartPlacement, ...]
    frames: tuple[Frame, ...] = ()
    signals: tuple[Signal, ...] = ()
    procedures: Mapping[str, SeamProcedure] = field(default_factory=dict)
    tightening: Mapping[str, TighteningProgram] = field(default_factory=dict)
    margins: Margins = field(default_factory=Margins)
    camera: Camera | None = None
    inputs: tuple[Input, ...] = ()

    def mechanism(self, name: str) -> Mechanism:
        """The mechanism called `name`; raises KeyError."""
        return _named(self.mechanisms, name)

    def group(self, name: str) -> Group:
        """The group called `name`; raises KeyError."""
        return _named(self.groups, name)

    def axes(self, group: str) -> Axes:
        """The joints of the group called `group`; raises KeyError."""
        return Axes(tuple(self.mechanism(name) for name in self.group(group).mechanisms))

    def controlled(self, mechanism: str = "") -> Axes:
        """The joints that one controller drives: those of `mechanism`, or of the first group unless given; raises
        KeyError.
        """
        return Axes((self.mechanism(mechanism),)) if mechanism else self.axes(self.groups[0].name)

    def carrier(self, part: str, group: str) -> Mechanism | None:
        """The mechanism of a group that the part called `part` is fixed to, None where the part stands still."""
        moves_with = self.placement(part).moves_with
        return self.mechanism(moves_with) if moves_with in self.group(group).mechanisms else None

    def placement(self, name: str) -> PartPlacement:
        """The placed part called `name`; raises KeyError."""
        return _named(self.parts, name)

    def output_line(self, name: str) -> int | None:
        """The line of the output signal called `name`, None where there is none."""
        return next((signal.output for signal in self.signals if signal.name == name), None)

    def input_line(self, name: str) -> int | None:
        """The line of the input signal called `name`, None where there is none."""
        return next((signal.input for signal in self.signals if signal.name == name), None)

    def analog_output(self, name: str) -> int | None:
        """The channel of the analogue output called `name`, None where there is none."""
        return next((signal.analog_output for signal in self.signals if signal.name == name), None)

    def analog_input(self, name: str) -> int | None:
        """The channel of the analogue input called `name`, None where there is none."""
        return next((signal.analog_input for signal in self.signals if signal.name == name), None)

    def support(self, part: str) -> str:
        """The fixture or part in whose frame a placed part stands, empty where that is another frame; raises
        KeyError.
        """
        owner = self.placement(part).frame.partition(".")[0]
        owners = {fixture.name for fixture in self.fixtures} | {placement.name for placement in self.parts}
        return owner if owner in owners else ""

    def seam(self, reference: str) -> tuple[PartPlacement, Seam]:
        """The placed part and seam of `PART.SEAM`; raises KeyError."""
        part_name, _, seam_name = reference.partition(".")
        placement = self.placement(part_name)
        return placement, placement.part.seam(seam_name)

    def hole(self, reference: str) -> tuple[PartPlacement, Hole]:
        """The placed part and hole of `PART.HOLE`; raises KeyError."""
        part_name, _, hole_name = reference.partition(".")
        placement = self.placement(part_name)
        return placement, placement.part.hole(hole_name)

    @staticmethod
    def load(path: str | Path) -> Cell:
        """Read a cell file; raises FileError with every finding in it. (Reads through `cellctl.files`.)"""
        from importlib import import_module

        cell: Cell = import_module("cellctl.files").load_cell(path)
        return cell


def standing_joints(axes: Axes, at: str) -> tuple[float, ...]:
    """Joint values (dof,) of a configuration by its name, or written out in rad or m with commas between.

    Raises ValueError for what is neither.
    """
    known = set.intersection(*(set(mechanism.configurations) for mechanism in axes.mechanisms))
    if at in known:
        return tuple(axes.configuration(at).tolist())
    try:
        values = tuple(float(word) for word in at.split(","))
    except ValueError:
        values = ()
    if len(values) != axes.dof:
        names = " and ".join(f"'{mechanism.name}'" for mechanism in axes.mechanisms)
        raise ValueError(f"'{at}' is no configuration of {names}, which has {', '.join(sorted(known))}")
    return values


@dataclass(frozen=True, slots=True)
class Camera:
    """Where a picture is taken from: `eye` and `target` (3,) m in the world, vertical field of view in rad."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view: float = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class CellState:
    """What can change: joint values (dof,) per group, and parts that are attached to a frame other than their own."""

    joints: Mapping[str, FloatArray]
    attached: Mapping[str, str] = field(default_factory=dict)


def _named(items: tuple[_T, ...], name: str) -> _T:
    for item in items:
        if getattr(item, "name", None) == name:
            return item
    raise KeyError(name)
