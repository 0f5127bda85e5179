"""From raw colour, depth and body buffers to a finished picture: floor, shadow, outlines, background. No engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellctl.model.cell import Camera
from cellctl.model.pose import FloatArray, unit

Pixels = NDArray[np.float32]
Image = NDArray[np.uint8]

NEAR, FAR = 0.1, 60.0
"""Depth range of every view, m."""

_FLOOR = np.array((214, 217, 221), dtype=np.float32)
_LINE = np.array((188, 192, 198), dtype=np.float32)
_HORIZON = np.array((238, 240, 243), dtype=np.float32)
_ZENITH = np.array((203, 213, 226), dtype=np.float32)
_GRID = 0.5


class Buffers(NamedTuple):
    """What a renderer sees: `colour` (h, w, 3), `depth` (h, w) along the view axis (m), `body` (h, w), -1 for none."""

    colour: Image
    depth: Pixels
    body: NDArray[np.int32]


class Lit(NamedTuple):
    """How bodies are lit: the share of light from the `surroundings`, that of the `floor` with the light on it, and by
    body number the `brightness` (n,) of its colour in full light, 0 to 255, whether it `glows` (n,) unshaded, and the
    number of the `thing` (n,) it belongs to, which is outlined as one.
    """

    surroundings: float
    floor: float
    brightness: Pixels
    glows: NDArray[np.bool_]
    thing: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A pinhole view: `eye` (3,), unit axes `right`, `up`, `forward` (3,) in the world, half image `height` at 1 m."""

    eye: FloatArray
    right: FloatArray
    up: FloatArray
    forward: FloatArray
    height: float
    aspect: float

    @staticmethod
    def of(camera: Camera, aspect: float) -> View:
        """The view of a camera that holds its vertical field of view; `aspect` is width over height."""
        eye = np.asarray(camera.eye, dtype=np.float64)
        forward = unit(np.asarray(camera.target) - eye)
        helper = (0.0, 0.0, 1.0) if abs(forward[2]) < 0.999 else (0.0, 1.0, 0.0)
        right = unit(np.cross(forward, helper))
        return View(eye, right, np.cross(right, forward), forward, float(np.tan(camera.field_of_view / 2.0)), aspect)

    @property
    def view_matrix(self) -> FloatArray:
        """OpenGL view matrix (4, 4), row-major."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.right, self.up, -self.forward
        matrix[:3, 3] = -matrix[:3, :3] @ self.eye
        return matrix

    @property
    def projection_matrix(self) -> FloatArray:
        """OpenGL projection matrix (4, 4), row-major."""
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = 1.0 / (self.height * self.aspect), 1.0 / self.height
        matrix[2, 2], matrix[2, 3] = -(FAR + NEAR) / (FAR - NEAR), -2.0 * FAR * NEAR / (FAR - NEAR)
        matrix[3, 2] = -1.0
        return matrix

    def rays(self, width: int, height: int) -> tuple[Pixels, Pixels]:
        """Image coordinates at 1 m: u (1, w) along `right`, v (h, 1) along `up`, at pixel centres."""
        u = (2.0 * (np.arange(width) + 0.5) / width - 1.0) * self.height * self.aspect
        v = (1.0 - 2.0 * (np.arange(height) + 0.5) / height) * self.height
        return u.astype(np.float32)[None, :], v.astype(np.float32)[:, None]


def metres(buffer: Pixels) -> Pixels:
    """Depth along the view axis (m) of an OpenGL depth buffer in [0, 1]."""
    result: Pixels = np.float32(FAR * NEAR) / (np.float32(FAR) - np.float32(FAR - NEAR) * buffer)
    return result


class Backdrop(NamedTuple):
    """What a view sees where there is no body: `depth` (h, w) of the floor, its `colour` and the `sky` (h, w, 3), to be
    mixed by the share of `haze` (h, w).
    """

    view: View
    depth: Pixels
    colour: Pixels
    sky: Pixels
    haze: Pixels


def backdrop(view: View, width: int, height: int) -> Backdrop:
    """The floor at z = 0 and the background of a view, the same for every picture taken with it."""
    u, v = view.rays(width, height)
    depth = _floor_depth(view, u, v)
    haze = np.clip((depth - np.float32(5.0)) / np.float32(9.0), 0.0, 1.0)
    rise = np.clip((v / np.float32(view.height) + np.float32(0.1)) / np.float32(1.1), 0.0, 1.0)
    sky = (_HORIZON + (_ZENITH - _HORIZON) * rise[..., None]).astype(np.float32, copy=False)
    return Backdrop(view, depth, _floor_colour(view, u, v, depth), sky, haze)


def finished(behind: Backdrop, buffers: Buffers, light: View, light_depth: Pixels, lit: Lit) -> Image:
    """The picture (h, w, 3): bodies before their backdrop, the light's shadow, outlines.

    `light_depth` (k, k) is what the light sees of the bodies, `lit` how it and the surroundings light them.
    """
    empty = buffers.body < 0
    depth = np.where(empty, behind.depth, buffers.depth)
    body = np.where(empty, 0, buffers.body)
    shade = _shade(buffers.colour, body, empty, _shadow(behind.view, depth, light, light_depth), lit)
    shade *= _crevices(depth)
    shade *= _outlines(np.where(empty, -1, lit.thing[body]), depth)
    shade[lit.glows[body] & ~empty] = 1.0
    colour = np.where(empty[..., None], behind.colour, buffers.colour)
    colour *= shade[..., None]
    colour += (behind.sky - colour) * (behind.haze * empty)[..., None]
    return np.clip(colour + np.float32(0.5), 0.0, 255.0).astype(np.uint8)


def _shade(colour: Image, body: NDArray[np.intp], empty: NDArray[np.bool_], shadow: Pixels, lit: Lit) -> Pixels:
    """What is left of each pixel's light in the shadow: the surroundings' share of it."""
    light = colour.max(axis=2) / lit.brightness[body]
    light[empty] = lit.floor
    kept = np.float32(lit.surroundings) / np.maximum(light, np.float32(lit.surroundings))
    result: Pixels = np.float32(1.0) - shadow * (np.float32(1.0) - kept)
    return result


def _floor_depth(view: View, u: Pixels, v: Pixels) -> Pixels:
    """Depth at which each pixel's ray meets z = 0, FAR where it does not."""
    fall = u * -float(view.right[2]) + (v * -float(view.up[2]) - float(view.forward[2]))
    result: Pixels = np.minimum(np.float32(view.eye[2]) / np.maximum(fall, np.float32(1e-6)), np.float32(FAR))
    return result


def _floor_colour(view: View, u: Pixels, v: Pixels, depth: Pixels) -> Pixels:
    """Grey with thin grid lines that fade where they would be finer than a pixel, (h, w, 3)."""
    line = np.zeros(depth.shape, dtype=np.float32)
    per_pixel = np.float32(len(v) / (2.0 * view.height)) / depth
    for axis in (0, 1):
        ray = u * float(view.right[axis]) + (v * float(view.up[axis]) + float(view.forward[axis]))
        at = (depth * ray + float(view.eye[axis])) / np.float32(_GRID)
        off = np.abs(at - np.rint(at)) * np.float32(_GRID)
        np.maximum(line, (np.float32(0.004) - off) * per_pixel + np.float32(0.5), out=line)
    line = np.minimum(line, np.float32(1.0)) * np.minimum(np.float32(0.03) * per_pixel, np.float32(1.0))
    result: Pixels = (_FLOOR + (_LINE - _FLOOR) * line[..., None]).astype(np.float32, copy=False)
    return result


def _shadow(view: View, depth: Pixels, light: View, light_depth: Pixels) -> Pixels:
    """How much of the light something between keeps from each pixel's point: 0 to 1, soft over a few millimetres."""
    from scipy.ndimage import uniform_filter

    u, v = view.rays(depth.shape[1], depth.shape[0])
    size = len(light_depth)
    bias = np.float32(0.008 + 4.5 * 2.0 * light.height * float(np.linalg.norm(light.eye)) / size)

    def along(axis: FloatArray) -> Pixels:
        ray = u * float(axis @ view.right) + (v * float(axis @ view.up) + float(axis @ view.forward))
        return (depth * ray + float(axis @ (view.eye - light.eye))).astype(np.float32, copy=False)

    away = along(light.forward)
    scale = np.float32(size / (2.0 * light.height)) / away
    column = (along(light.right) * scale + np.float32(size / 2.0)).astype(np.int32)
    row = (np.float32(size / 2.0) - along(light.up) * scale).astype(np.int32)
    seen = (column >= 0) & (column < size) & (row >= 0) & (row < size) & (away > 0.0)
    at = np.clip(row, 0, size - 1) * size + np.clip(column, 0, size - 1)
    shadow = seen & (light_depth.ravel()[at] < away - bias)
    result: Pixels = np.asarray(uniform_filter(shadow.astype(np.float32), 5), dtype=np.float32)
    return result


def _crevices(depth: Pixels) -> Pixels:
    """Darkening where a point lies a little behind both of two opposite neighbours: corners and feet.

    It compares 1 / depth, which is linear over a plane in the image, so that no flat face darkens.
    """
    from scipy.ndimage import uniform_filter, zoom

    inverse = 1.0 / depth[::4, ::4]
    height, width = inverse.shape
    dark = np.zeros((height, width), dtype=np.float32)
    for reach in (height // 120 + 1, height // 60 + 2, height // 30 + 3):
        padded = np.pad(inverse, reach, mode="edge")
        for rows, columns in ((0, 1), (1, 0), (0.7, 0.7), (0.7, -0.7)):
            i, j = round(reach * rows), round(reach * columns)
            one = padded[reach + i : reach + i + height, reach + j : reach + j + width]
            two = padded[reach - i : reach - i + height, reach - j : reach - j + width]
            behind = (np.float32(0.5) * (one + two) - inverse) / (inverse * inverse)
            dark += np.clip(behind / np.float32(0.02), 0.0, 1.0) * (behind < np.float32(0.12))
    dark = np.asarray(uniform_filter(dark * np.float32(0.32 / 12.0), 3), dtype=np.float32)
    factors = (depth.shape[0] / height, depth.shape[1] / width)
    large = zoom(dark, factors, order=1, grid_mode=True, mode="nearest")
    result: Pixels = (1.0 - np.asarray(large)).astype(np.float32)
    return result


def _outlines(thing: NDArray[np.int32], depth: Pixels) -> Pixels:
    """Darkening of the pixels where one thing ends before another."""
    line = np.zeros(thing.shape, dtype=np.bool_)
    for axis in (0, 1):
        low = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        high = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        change = thing[low] != thing[high]
        nearer = depth[low] <= depth[high]
        line[low] |= change & nearer
        line[high] |= change & ~nearer
    return np.where(line & (depth < FAR / 2.0), np.float32(0.62), np.float32(1.0))
