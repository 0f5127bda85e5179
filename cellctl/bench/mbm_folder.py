"""A folder of MotionBenchMaker problems as values: arms as spheres from URDF and SRDF, scenes and goals from JSON.

What it reads: `ARM_spherized.urdf`, `ARM.srdf` and `ARM_*.json.gz`, as VAMP publishes them. It plans nothing.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any, TypeVar, cast
from xml.etree import ElementTree

import numpy as np

from cellctl.errors import Finding, Place, UsageError
from cellctl.kinematics.chain import Chain
from cellctl.model.pose import FloatArray, Pose
from cellctl.scene.spheres.model import SphereArm

LARGEST_FILE = 64_000_000
_MODEL = "_spherized.urdf"
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, eq=False)
class TreeJoint:
    """One joint of a URDF; `column` is its place among the planned joints, None where it stays at zero."""

    parent: str
    child: str
    origin: Pose
    axis: tuple[float, float, float]
    kind: str
    column: int | None
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, eq=False)
class TreeLink:
    """One link with its spheres: `centres` (n, 3) and `radii` (n,), m."""

    name: str
    centres: FloatArray
    radii: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One planning problem: where it stands in its file, its obstacles as they were read, start and goals (rad)."""

    scenario: str
    index: int
    scene: dict[str, list[dict[str, Any]]]
    start: list[float]
    goals: list[list[float]]


@dataclass(frozen=True, slots=True, eq=False)
class MbmArm:
    """One arm with its problems: the tree as it was read, the pairs of links that may touch, and the arm as spheres."""

    name: str
    links: tuple[TreeLink, ...]
    joints: tuple[TreeJoint, ...]
    touching: frozenset[frozenset[str]]
    arm: SphereArm
    problems: tuple[Problem, ...]


def read_folder(folder: Path) -> list[MbmArm]:
    """Every arm of a folder with its valid problems; raises UsageError (U660, U661)."""
    arms = []
    for model in sorted(folder.glob(f"*{_MODEL}")) if folder.is_dir() else []:
        name = model.name.removesuffix(_MODEL)
        files = sorted(folder.glob(f"{name}_*.json.gz"))
        if files and (folder / f"{name}.srdf").is_file():
            arms.append(_read_arm(name, model, folder / f"{name}.srdf", files))
    if not arms:
        text = f"{folder} holds no arm with problems"
        hint = "name a folder with ARM_spherized.urdf, ARM.srdf and ARM_*.json.gz"
        raise UsageError(Finding("U660", text, place=Place(str(folder)), suggestion=hint))
    return arms


def _read_arm(name: str, model: Path, srdf: Path, files: list[Path]) -> MbmArm:
    data = [_reading(path, _json) for path in files]
    columns = [str(joint) for joint in _reading(files[0], lambda _: data[0]["joints"])]
    links, joints = _reading(model, lambda path: _tree(path, columns))
    touching = _reading(srdf, _touching)
    arm = _reading(model, lambda _: sphere_arm(columns, links, joints, touching))
    problems = [
        problem for path, content in zip(files, data, strict=True) for problem in _reading(path, _problems(content))
    ]
    return MbmArm(name, links, joints, touching, arm, tuple(problems))


def _reading(path: Path, read: Callable[[Path], _Read]) -> _Read:
    """What `read` makes of a file; whatever is wrong with the file becomes one finding."""
    try:
        return read(path)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError) as error:
        text = f"{path.name} is not what it should be: {type(error).__name__}: {error}"
        raise UsageError(Finding("U661", text, place=Place(str(path)))) from error


def _json(path: Path) -> dict[str, Any]:
    with gzip.open(path, "rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE} bytes when unpacked")
    return cast(dict[str, Any], json.loads(content))


def _problems(data: dict[str, Any]) -> Callable[[Path], list[Problem]]:
    def read(_: Path) -> list[Problem]:
        return [
            Problem(
                scenario,
                int(one["index"]),
                {kind: one.get(kind, []) for kind in ("box", "cylinder", "sphere")},
                [float(value) for value in one["start"]],
                [[float(value) for value in goal] for goal in one["goals"]],
            )
            for scenario, problems in data["problems"].items()
            for one in problems
            if one["valid"]
        ]

    return read


def _root(path: Path) -> ElementTree.Element:
    text = path.read_bytes()
    if len(text) > LARGEST_FILE or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("too large, or it declares a document type")
    return ElementTree.fromstring(text)


def _touching(path: Path) -> frozenset[frozenset[str]]:
    return frozenset(
        frozenset((pair.attrib["link1"], pair.attrib["link2"])) for pair in _root(path).iter("disable_collisions")
    )


def _numbers(element: ElementTree.Element | None, attribute: str, default: str) -> tuple[float, float, float]:
    x, y, z = (default if element is None else element.get(attribute, default)).split()
    return float(x), float(y), float(z)


def _tree(path: Path, columns: list[str]) -> tuple[tuple[TreeLink, ...], tuple[TreeJoint, ...]]:
    root = _root(path)
    return (
        tuple(_link(link) for link in root.findall("link")),
        tuple(_joint(joint, columns) for joint in root.findall("joint")),
    )


def _link(link: ElementTree.Element) -> TreeLink:
    spheres = [
        (_numbers(part.find("origin"), "xyz", "0 0 0"), float(sphere.attrib["radius"]))
        for part in link.findall("collision")
        for sphere in part.iter("sphere")
    ]
    centres = np.array([centre for centre, _ in spheres], dtype=np.float64).reshape(-1, 3)
    return TreeLink(link.attrib["name"], centres, np.array([radius for _, radius in spheres], dtype=np.float64))


def _joint(joint: ElementTree.Element, columns: list[str]) -> TreeJoint:
    name, kind = joint.attrib["name"], joint.attrib["type"]
    parent, child = joint.find("parent"), joint.find("child")
    if parent is None or child is None:
        raise ValueError(f"joint {name} lacks a parent or a child")
    origin, limit = joint.find("origin"), joint.find("limit")
    bounds = (-pi, pi)
    if limit is not None and kind != "continuous":
        bounds = (float(limit.attrib["lower"]), float(limit.attrib["upper"]))
    x, y, z = _numbers(joint.find("axis"), "xyz", "1 0 0")
    return TreeJoint(
        parent.attrib["link"],
        child.attrib["link"],
        Pose.of(_numbers(origin, "xyz", "0 0 0"), _numbers(origin, "rpy", "0 0 0")),
        (x, y, z),
        kind,
        columns.index(name) if name in columns else None,
        *bounds,
    )


def sphere_arm(
    columns: list[str],
    links: tuple[TreeLink, ...],
    joints: tuple[TreeJoint, ...],
    touching: frozenset[frozenset[str]],
) -> SphereArm:
    """The arm as spheres; raises ValueError where the planned joints are no chain in their order."""
    by_child = {joint.child: joint for joint in joints}
    moving = {joint.column: joint for joint in joints if joint.column is not None}
    places: dict[str, tuple[int, Pose]] = {}

    def place(link: str) -> tuple[int, Pose]:
        if link not in places:
            joint = by_child.get(link)
            frame, pose = (0, Pose.identity()) if joint is None else place(joint.parent)
            if joint is not None and joint.column is not None:
                if frame != joint.column:
                    raise ValueError(f"the joints {', '.join(columns)} are no chain in this order")
                frame, pose = joint.column + 1, Pose.identity()
            elif joint is not None:
                pose = pose @ joint.origin
            places[link] = frame, pose
        return places[link]

    spheres = [
        (*place(link.name), i, centre, radius)
        for i, link in enumerate(links)
        for centre, radius in zip(link.centres, link.radii, strict=True)
    ]
    ordered = [moving[column] for column in range(len(columns))]
    chain = Chain(
        np.array([(place(joint.parent)[1] @ joint.origin).matrix for joint in ordered]),
        np.array([joint.axis for joint in ordered]) / np.linalg.norm([j.axis for j in ordered], axis=1)[:, None],
        np.array([joint.kind == "prismatic" for joint in ordered]),
        np.eye(4),
    )
    names = tuple(link.name for link in links)
    pairs = [(i, j) for i in range(len(links)) for j in range(i) if frozenset((names[i], names[j])) not in touching]
    return SphereArm(
        chain,
        np.array([frame for frame, *_ in spheres], dtype=np.intp),
        np.array([pose.apply(centre) for _, pose, _, centre, _ in spheres]),
        np.array([radius for *_, radius in spheres]),
        np.array([body for _, _, body, _, _ in spheres], dtype=np.intp),
        names,
        np.array(pairs, dtype=np.intp).reshape(-1, 2),
        tuple(columns),
        np.array([joint.lower for joint in ordered]),
        np.array([joint.upper for joint in ordered]),
    )
