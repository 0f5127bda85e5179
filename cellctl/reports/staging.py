"""A cell as things to be drawn: what moves with which frame, and the seams in pieces. Draws nothing itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from cellctl.kinematics.chain import chain_of, link_places
from cellctl.model.cell import Axes, Camera, Cell, Mechanism
from cellctl.model.part import Body
from cellctl.model.pose import FloatArray, Pose, orthonormalised
from cellctl.model.shapes import Colour, Solid, Visual
from cellctl.scene.bodies import WORLD, collision_model
from cellctl.scene.bullet.render import RenderScene, Shown, camera_for
from cellctl.scene.meshes import Surface, shape_surface, tube, visual_surfaces, without_hidden

PLANNED: Colour = (0.05, 0.50, 0.95)
WELDED: Colour = (1.00, 0.33, 0.08)
ALARM: Colour = (0.95, 0.05, 0.10)
TRACK: Colour = (0.10, 0.62, 0.55)

_PIECE = 0.020
_SEAM_RADIUS = 0.0022
_TRACK_RADIUS = 0.0015
_RAISED = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """A thing that moves with `frame` of a mechanism's chain, at `pose` there."""

    name: str
    mechanism: str
    frame: int
    pose: Pose


@dataclass(frozen=True, slots=True, eq=False)
class SeamPiece:
    """A short stretch of a seam, from `start` to `end` of its arc length (m)."""

    name: str
    seam: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A cell ready to be drawn: all things, those that move, and the pieces of the seams."""

    scene: RenderScene
    carried: tuple[Carried, ...]
    pieces: tuple[SeamPiece, ...]


def staged(
    cell: Cell, *, seams: bool = True, highlight: Collection[str] = (), track: FloatArray | None = None
) -> Stage:
    """The things of `cell`. `highlight` names solids to be drawn in red, `track` (n, 3) is a path to be drawn (m)."""
    things: list[Shown] = []
    carried: list[Carried] = []
    for mechanism in cell.mechanisms:
        for thing, frame, pose in _mechanism_things(mechanism):
            if thing.surfaces:
                things.append(thing)
                carried.append(Carried(thing.name, mechanism.name, frame, pose))
    for thing, moves_with in _placed_things(cell):
        things.append(thing)
        carried += _carried_by(cell, moves_with, thing)
    for thing, mechanism_name, frame, pose in _highlights(cell, highlight):
        things.append(thing)
        if frame != WORLD:
            carried.append(Carried(thing.name, mechanism_name, frame, pose))
    pieces: list[SeamPiece] = []
    for piece, thing, moves_with in _seam_pieces(cell) if seams else ():
        pieces.append(piece)
        things.append(thing)
        carried += _carried_by(cell, moves_with, thing)
    if track is not None and len(track) > 1:
        things.append(Shown("track", (tube(track, _TRACK_RADIUS, TRACK, 6),), glows=True))
    return Stage(RenderScene(tuple(things)), tuple(carried), tuple(pieces))


def poses_world(cell: Cell, stage: Stage, joints: Mapping[str, FloatArray]) -> dict[str, Pose]:
    """Where each carried thing is for the joint values (dof,) of each group."""
    from cellctl.kinematics.forward import frames

    base: dict[str, FloatArray] = {}
    for group in cell.groups:
        values = np.asarray(joints[group.name], dtype=np.float64)
        for name in group.mechanisms:
            mechanism = cell.mechanism(name)
            own, values = values[: mechanism.robot.dof], values[mechanism.robot.dof :]
            base[name] = mechanism.pose_world_base.matrix @ frames(chain_of(mechanism.robot), own)
    return {
        thing.name: Pose(orthonormalised(base[thing.mechanism][thing.frame])) @ thing.pose for thing in stage.carried
    }


def colours_of(stage: Stage) -> set[Colour]:
    """Every colour that a picture of the stage may be made of, before light and shade."""
    return {surface.colour for thing in stage.scene.things for surface in thing.surfaces} | {PLANNED, WELDED}


def camera_of(cell: Cell, stage: Stage, poses: Mapping[str, Pose]) -> Camera:
    """The cell's own camera, or one that holds everything."""
    if cell.camera is not None:
        return cell.camera
    points = [
        poses.get(thing.name, thing.pose_world).apply(surface.vertices)
        for thing in stage.scene.things
        for surface in thing.surfaces
    ]
    return camera_for(np.vstack(points))


def _mechanism_things(mechanism: Mechanism) -> Iterator[tuple[Shown, int, Pose]]:
    places = link_places(mechanism.robot)
    for link in mechanism.robot.links:
        frame, pose = places[link.name]
        yield _shown(f"{mechanism.name}.{link.name}", link.visuals, link.solids, (0.7, 0.7, 0.7)), frame, pose
    if mechanism.tool is not None:
        tool = mechanism.tool
        frame, pose = places[mechanism.robot.flange]
        yield _shown(f"{mechanism.name}.{tool.name}", tool.visuals, tool.solids, (0.5, 0.5, 0.52)), frame, pose


def _placed_things(cell: Cell) -> Iterator[tuple[Shown, str]]:
    """Fixtures and parts, each with the mechanism that moves it, if one does."""
    for fixture in cell.fixtures:
        yield _shown_body(fixture.name, fixture.body, fixture.pose_world), fixture.moves_with
    for placement in cell.parts:
        for body in placement.part.bodies:
            pose = placement.pose_world_part @ body.pose
            yield _shown_body(f"{placement.name}.{body.name}", body, pose), placement.moves_with


def _carried_by(cell: Cell, mechanism_name: str, thing: Shown) -> Iterator[Carried]:
    """A placed thing as its mechanism carries it; nothing where it stands still."""
    if mechanism_name:
        mechanism = cell.mechanism(mechanism_name)
        pose_flange_world = (mechanism.pose_world_base @ mechanism.robot.pose_base_flange).inverse()
        frame, pose = link_places(mechanism.robot)[mechanism.robot.flange]
        yield Carried(thing.name, mechanism_name, frame, pose @ pose_flange_world @ thing.pose_world)


def _shown_body(name: str, body: Body, pose_world: Pose) -> Shown:
    return _shown(name, body.visuals, body.solids, body.colour, pose_world)


def _shown(
    name: str,
    visuals: tuple[Visual, ...],
    solids: tuple[Solid, ...],
    colour: Colour,
    pose_world: Pose | None = None,
) -> Shown:
    """What a body looks like: its visuals, or its solids where it has none."""
    shown = visuals or tuple(Visual(shape=solid.shape, pose=solid.pose, colour=colour) for solid in solids)
    shapes = without_hidden([s for visual in shown if visual.shape is not None for s in visual_surfaces(visual)])
    meshes = tuple(s for visual in shown if visual.shape is None for s in visual_surfaces(visual))
    return Shown(name, (*shapes, *meshes), pose_world or Pose.identity())


def _highlights(cell: Cell, names: Collection[str]) -> Iterator[tuple[Shown, str, int, Pose]]:
    """The collision solids called `names`, in red, with the mechanism that holds each, its frame and its pose there."""
    if not names:
        return
    for group in cell.groups:
        for solid in collision_model(cell, group.name).solids:
            if solid.name in names:
                surface = _raised(shape_surface(solid.shape, ALARM))
                thing = Shown(f"highlight {solid.name}", (surface,), solid.pose)
                yield thing, *_holder(cell.axes(group.name), solid.frame), solid.pose


def _holder(axes: Axes, frame: int) -> tuple[str, int]:
    """The mechanism of a frame of a group's joints end to end, and which of its own frames that is."""
    for mechanism in axes.mechanisms[:0:-1]:
        first = axes.joints_of(mechanism.name).start
        if frame > first:
            return mechanism.name, frame - first
    return axes.mechanisms[0].name, frame


def _raised(surface: Surface) -> Surface:
    """A surface a little outside of itself, so that it hides the thing that it stands for."""
    centre = (surface.vertices.min(axis=0) + surface.vertices.max(axis=0)) / 2.0
    return replace(surface, vertices=surface.vertices + _RAISED * np.sign(surface.vertices - centre))


def _seam_pieces(cell: Cell) -> Iterator[tuple[SeamPiece, Shown, str]]:
    for placement in cell.parts:
        for seam in placement.part.seams:
            reference = f"{placement.name}.{seam.name}"
            count = max(1, round(seam.curve.length / _PIECE))
            ends = np.linspace(0.0, seam.curve.length, count + 1)
            for k, (start, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
                inside = np.linspace(start, min(end, seam.curve.length * (1.0 - 1e-12)), 6)
                points = placement.pose_world_part.apply(seam.curve.points(inside))
                name = f"seam {reference} {k}"
                surface = tube(points, _SEAM_RADIUS, PLANNED, 8)
                thing = Shown(name, (surface,), glows=True)
                yield SeamPiece(name, reference, start, end), thing, placement.moves_with
