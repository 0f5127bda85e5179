"""Named joint values as files write them, in a robot's own file and in a cell's. Plans nothing."""

from __future__ import annotations

from typing import Annotated, TypeVar

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

from cellctl.files.quantities import FieldError, read_scalar, read_vector
from cellctl.files.reading import File
from cellctl.files.strict_model import FileModel, Path
from cellctl.model.robot import Robot
from cellctl.units import deg, mm

_File = TypeVar("_File", bound=FileModel)


def _joint_values(value: object) -> tuple[tuple[float, str], ...]:
    """Joint values with their kind: `0 -90 90 0 45 0 deg`, or a list where angles and lengths mix."""
    if isinstance(value, list):
        return tuple(_joint_value(item) for item in value)
    return tuple((number, "revolute") for number in read_vector(value, "angle"))


def _joint_value(item: object) -> tuple[float, str]:
    try:
        return read_scalar(item, "angle"), "revolute"
    except FieldError as error:
        if error.code != "F121":
            raise
        return read_scalar(item, "length"), "prismatic"


JointValues = Annotated[
    tuple[tuple[float, str], ...],
    BeforeValidator(_joint_values),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["0 -90 90 0 45 0 deg"]},
                {"type": "array", "items": {"type": "string"}},
            ],
            "description": "joint values in chain order with their unit",
        }
    ),
]


def configuration(
    file: File[_File], robot: Robot, values: tuple[tuple[float, str], ...], path: Path
) -> tuple[float, ...] | None:
    """Joint values (dof,) of `robot` that a file writes, rad or m; None and a finding where they do not fit it."""
    kinds = [axis.kind for axis in robot.axes]
    if len(values) != len(kinds):
        file.report("F135", f"'{robot.name}' has {len(kinds)} joints, got {len(values)} values", path)
        return None
    for index, ((_, kind), axis) in enumerate(zip(values, robot.axes, strict=True)):
        if kind != axis.kind:
            wanted = "an angle" if axis.kind == "revolute" else "a length"
            file.report("F135", f"value {index + 1} must be {wanted}", path)
            return None
    joints = tuple(number for number, _ in values)
    outside = outside_limits(robot, joints)
    if outside is not None:
        joint, limit, value = outside
        message = f"configuration '{path[-1]}' puts '{joint}' at {_written(value, robot, joint)}"
        file.report("F159", message, path, f"its limit is {_written(limit, robot, joint)}")
        return None
    return joints


def _written(value: float, robot: Robot, joint: str) -> str:
    revolute = next(axis for axis in robot.axes if axis.name == joint).kind == "revolute"
    return f"{value / deg:.6g} deg" if revolute else f"{value / mm:.6g} mm"


def outside_limits(robot: Robot, joints: tuple[float, ...]) -> tuple[str, float, float] | None:
    """The first joint whose value lies outside its limits, the nearest limit and the value; None when none does."""
    for axis, limits, value in zip(robot.axes, robot.axis_limits, joints, strict=True):
        nearest = float(np.clip(value, limits.lower, limits.upper))
        if nearest != value:
            return axis.name, nearest, value
    return None
