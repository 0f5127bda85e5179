"""Pictures of a scene with PyBullet's software renderer: no display, no GPU. Checks nothing.

A renderer has a client of its own and holds the GIL for as long as a picture takes: never use one in a process that
has a watchdog to serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from cellctl.model.cell import Camera
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Colour
from cellctl.scene.bullet.client import Client
from cellctl.scene.meshes import Surface
from cellctl.scene.shading import FAR, Backdrop, Buffers, Image, Lit, View, backdrop, finished, metres

SUPERSAMPLING = 2
"""Pixels rendered for one shown, along each side."""

_LIGHT_FROM = (0.1, -0.62, 0.78)
_SURROUNDINGS, _LIGHT = 0.5, 0.52


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One thing in a picture: its surfaces in its own frame, and where that is. What glows takes no light or shade."""

    name: str
    surfaces: tuple[Surface, ...]
    pose_world: Pose = field(default_factory=Pose.identity)
    glows: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RenderScene:
    """What a picture shows: things above a floor at z = 0."""

    things: tuple[Shown, ...]


class Renderer:
    """Takes pictures of a scene whose things can be placed anew between them. A context manager."""

    def __init__(self, scene: RenderScene) -> None:
        self._client = Client()
        self._client.configureDebugVisualizer(self._client.bullet.COV_ENABLE_GUI, 0)
        self._bodies: dict[str, list[int]] = {}
        self._poses: dict[str, Pose] = {}
        self._corners = {thing.name: _corners(thing) for thing in scene.things}
        self._colours: dict[int, Colour] = {}
        self._glowing: set[int] = set()
        self._backdrop: tuple[tuple[Camera, tuple[int, int]], Backdrop] | None = None
        for thing in scene.things:
            self._bodies[thing.name] = [self._add(surface, glows=thing.glows) for surface in thing.surfaces]
            self.place(thing.name, thing.pose_world)

    def place(self, name: str, pose_world: Pose) -> None:
        """Put the thing called `name` to `pose_world`; raises KeyError."""
        self._poses[name] = pose_world
        for body in self._bodies[name]:
            self._client.resetBasePositionAndOrientation(
                body, pose_world.position.tolist(), pose_world.quat_xyzw.tolist()
            )

    def recolour(self, name: str, colour: Colour) -> None:
        """Give the glowing thing called `name` another colour; raises KeyError."""
        for body in self._bodies[name]:
            self._colours[body] = colour

    def image(self, camera: Camera, size: tuple[int, int] = (1280, 960)) -> Image:
        """The picture (height, width, 3) that `camera` takes; `size` is (width, height)."""
        from PIL import Image as Pillow

        width, height = size
        if self._backdrop is None or self._backdrop[0] != (camera, size):
            view = View.of(camera, width / height)
            self._backdrop = (camera, size), backdrop(view, width * SUPERSAMPLING, height * SUPERSAMPLING)
        behind = self._backdrop[1]
        buffers = self._buffers(behind.view, width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._paint_glowing(buffers)
        light, lit, pixels = self._light(), self._lit(), max(3 * width // 4, 480)
        seen = self._buffers(light, pixels, pixels)
        casts = (seen.body >= 0) & ~lit.glows[seen.body]
        full = finished(behind, buffers, light, np.where(casts, seen.depth, np.float32(FAR)), lit)
        return np.array(Pillow.fromarray(full).resize(size, Pillow.Resampling.BOX))

    def close(self) -> None:
        """Give the client back."""
        self._client.close()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, surface: Surface, *, glows: bool) -> int:
        handle = self._client.createVisualShape(
            self._client.bullet.GEOM_MESH,
            vertices=surface.vertices.tolist(),
            indices=list(range(len(surface.vertices))),
            normals=surface.normals.tolist(),
            rgbaColor=[*surface.colour, 1.0],
            specularColor=[0.3, 0.3, 0.3],
        )
        body: int = self._client.createMultiBody(0.0, -1, handle)
        self._colours[body] = surface.colour
        if glows:
            self._glowing.add(body)
        return body

    def _paint_glowing(self, buffers: Buffers) -> None:
        """Replace what the renderer lit by the plain colour, where a body glows."""
        colours = np.zeros((max(self._colours, default=0) + 2, 4), dtype=np.uint8)
        for body in self._glowing:
            colours[body] = *np.multiply(self._colours[body], 255.0).astype(np.uint8), 1
        rows, columns = np.nonzero(colours[buffers.body, 3])
        buffers.colour[rows, columns] = colours[buffers.body[rows, columns], :3]

    def _lit(self) -> Lit:
        count = max(self._colours, default=0) + 1
        brightness, glows = np.full(count, 255.0, dtype=np.float32), np.zeros(count, dtype=np.bool_)
        for body, colour in self._colours.items():
            brightness[body] = max(1.0, 255.0 * max(colour))
            glows[body] = body in self._glowing
        thing = np.full(count, -1, dtype=np.int32)
        for number, bodies in enumerate(self._bodies.values()):
            thing[bodies] = number
        return Lit(_SURROUNDINGS, _SURROUNDINGS + _LIGHT * _LIGHT_FROM[2], brightness, glows, thing)

    def _buffers(self, view: View, width: int, height: int) -> Buffers:
        _, _, colour, depth, body = self._client.getCameraImage(
            width,
            height,
            view.view_matrix.T.ravel().tolist(),
            view.projection_matrix.T.ravel().tolist(),
            lightDirection=_LIGHT_FROM,
            lightColor=[1.0, 1.0, 1.0],
            lightAmbientCoeff=_SURROUNDINGS,
            lightDiffuseCoeff=_LIGHT,
            lightSpecularCoeff=0.12,
            shadow=0,
            renderer=self._client.bullet.ER_TINY_RENDERER,
        )
        colours = np.asarray(colour, dtype=np.uint8).reshape(height, width, 4)[..., :3].copy()
        depths = metres(np.asarray(depth, dtype=np.float32).reshape(height, width))
        return Buffers(colours, depths, np.asarray(body, dtype=np.int32).reshape(height, width))

    def _light(self) -> View:
        """A far view of all things from where the light comes from."""
        points = np.vstack([self._poses[name].apply(corners) for name, corners in self._corners.items()])
        middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
        radius = float(np.linalg.norm(points - middle, axis=1).max())
        eye = middle + np.array(_LIGHT_FROM) / np.linalg.norm(_LIGHT_FROM) * 25.0
        angle = 2.0 * float(np.arctan2(radius * 1.02, 25.0))
        return View.of(Camera(tuple(eye.tolist()), tuple(middle.tolist()), angle), 1.0)


def render(scene: RenderScene, camera: Camera, size: tuple[int, int] = (1280, 960)) -> Image:
    """One picture (height, width, 3) of `scene`; `size` is (width, height)."""
    with Renderer(scene) as renderer:
        return renderer.image(camera, size)


def camera_for(points_world: FloatArray, direction: Sequence[float] = (0.78, -0.55, 0.34)) -> Camera:
    """A camera that looks against `direction` and holds all `points_world` (n, 3) in a picture of 4 : 3."""
    middle = (points_world.min(axis=0) + points_world.max(axis=0)) / 2.0
    radius = float(np.linalg.norm(points_world - middle, axis=1).max())
    angle = 0.6
    eye = middle + np.asarray(direction) / np.linalg.norm(direction) * (radius / np.sin(angle / 2.0))
    return Camera(tuple(eye.tolist()), tuple(middle.tolist()), angle)


def _corners(thing: Shown) -> FloatArray:
    """Corners (8, 3) of a thing's bounding box in its own frame."""
    points = np.vstack([surface.vertices for surface in thing.surfaces])
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
