"""The known traps of PyBullet, each put to raw PyBullet and to `ExactScene` against a truth found without them.

It proves nothing about a cell; it says whether the installed PyBullet still behaves as `ExactScene` was built for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Sphere, corners, frustum
from cellctl.scene.bullet.client import Client, quiet
from cellctl.scene.bullet.solids import prism_around
from cellctl.scene.traps import Placed, SelfTestResult, close, compared, distance_between, overlapping, said

_HERE = Pose.identity()
_apart = partial(distance_between, "bullet")
_CUBE = Box((1.0, 1.0, 1.0))
_CUBE_FACES = (
    0,
    1,
    3,
    0,
    3,
    2,
    4,
    6,
    7,
    4,
    7,
    5,
    0,
    4,
    5,
    0,
    5,
    1,
    2,
    3,
    7,
    2,
    7,
    6,
    0,
    2,
    6,
    0,
    6,
    4,
    1,
    5,
    7,
    1,
    7,
    3,
)


def run_selftest() -> tuple[SelfTestResult, ...]:
    """Every known trap, in a fixed order; takes well under a second."""
    with Client() as client:
        return tuple(trap(client) for trap in _TRAPS)


def _torus_hole(client: Client) -> SelfTestResult:
    ring = _add(client, client.bullet.GEOM_MESH, vertices=_torus()[0].tolist())
    ball = _add(client, client.bullet.GEOM_SPHERE, radius=0.05)
    ours = _apart([(Sphere(0.05), _HERE)], _torus_parts())
    return compared("ball in the hole of a torus", 0.25, _nearest(client, ball, ring), ours, slack=1e-2)


def _concave_meshes(client: Client) -> SelfTestResult:
    shift = Pose.of((0.15, 0.0, 0.0))
    rings = [_concave(client, *_torus(), at) for at in (_HERE, shift)]
    ours = _apart(_torus_parts(), [(shape, shift @ pose) for shape, pose in _torus_parts()])
    return overlapping("two concave meshes that overlap", _nearest(client, *rings), ours)


def _inside_concave(client: Client) -> SelfTestResult:
    block = _concave(client, corners(_CUBE.size), _CUBE_FACES, _HERE)
    ball = _add(client, client.bullet.GEOM_SPHERE, radius=0.05)
    ours = _apart([(Sphere(0.05), _HERE)], [(_CUBE, _HERE)])
    return overlapping("ball deep inside a concave mesh", _nearest(client, ball, block), ours)


def _mesh_margin(client: Client) -> SelfTestResult:
    hull, away = Hull(corners(_CUBE.size)), Pose.of((1.05, 0.0, 0.0))
    boxes = [_add(client, client.bullet.GEOM_MESH, at, vertices=hull.vertices.tolist()) for at in (_HERE, away)]
    ours = _apart([(hull, _HERE)], [(hull, away)])
    return compared("two box meshes, face to face", 0.05, _nearest(client, *boxes), ours)


def _box_corners(client: Client) -> SelfTestResult:
    away = Pose.of((1.01, 1.01, 1.01))
    ours = _apart([(_CUBE, _HERE)], [(_CUBE, away)])
    return compared("two boxes, corner to corner", 0.01 * 3.0**0.5, _nearest(client, *_cubes(client, away)), ours)


def _static_bodies(client: Client) -> SelfTestResult:
    away = Pose.of((0.9, 0.0, 0.0))
    cubes = _cubes(client, away)
    client.performCollisionDetection()
    raw = min((point[8] for point in client.getContactPoints(*cubes)), default=None)
    return overlapping("contact of two static bodies", raw, _apart([(_CUBE, _HERE)], [(_CUBE, away)]))


def _filtered_pair(client: Client) -> SelfTestResult:
    away = Pose.of((0.9, 0.0, 0.0))
    cubes = _cubes(client, away)
    client.setCollisionFilterPair(*cubes, -1, -1, 0)
    raw = _nearest(client, *cubes)
    listed = _apart([(_CUBE, _HERE)], [(_CUBE, away)])
    unlisted = _apart([(_CUBE, _HERE)], [])
    ours = f"{said(unlisted)} unlisted, {said(listed)} listed"
    passed = unlisted is None and listed is not None and listed < 0.0
    return SelfTestResult("pair that was filtered out", "no answer", said(raw), ours, raw is not None, passed)


def _link_state(client: Client) -> SelfTestResult:
    inertia = '<mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
    inertial = f'<inertial><origin xyz="0.015 0 0"/>{inertia}</inertial>'
    joint = '<joint name="j" type="continuous"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/></joint>'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "com.urdf"
        body = _load(client, f'<link name="a"/><link name="b">{inertial}</link>{joint}', path)
    raw = float(client.getLinkState(body, 0)[0][0])
    gap = _apart([(Sphere(0.1), _HERE)], [(Sphere(0.1), Pose.of((0.3, 0.0, 0.0)))])
    return compared("link with its mass off its frame", 0.0, raw, None if gap is None else gap - 0.1)


def _file_cache(client: Client) -> SelfTestResult:
    masses = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "robot.urdf"
        for mass in (1, 2):
            inertia = '<inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
            body = _load(client, f'<link name="a"><inertial><mass value="{mass}"/>{inertia}</inertial></link>', path)
            masses.append(client.getDynamicsInfo(body, -1)[0])
    away = Pose.of((0.5, 0.0, 0.0))
    gaps = [_apart([(Sphere(r), _HERE)], [(Sphere(r), away)]) for r in (0.1, 0.2)]
    passed = all(close(gap, truth) for gap, truth in zip(gaps, (0.3, 0.1), strict=True))
    ours = f"reads none; {said(gaps[0])}, then {said(gaps[1])}"
    return SelfTestResult(
        "URDF rewritten under its name", "1 kg, then 2 kg", f"{masses[0]:g} kg, then {masses[1]:g} kg", ours,
        masses[1] != 2.0, passed,
    )  # fmt: skip


def _small_hulls(client: Client) -> SelfTestResult:
    nozzle, pad = frustum(0.0135, 0.0095, 0.063, 32), Hull(prism_around(Cylinder(0.009, 0.051)))
    place = Pose.of((0.04, 0.01, 0.02), (np.radians(30.0), np.radians(55.0), 0.0))
    bodies = [
        _add(client, client.bullet.GEOM_MESH, pose, vertices=hull.vertices.tolist(), margin=0.0)
        for hull, pose in ((nozzle, _HERE), (pad, place))
    ]
    ours = _apart([(nozzle, _HERE)], [(pad, place)])
    return compared("two small hulls, asked in metres", 0.009634007, _nearest(client, *bodies), ours)


def _hull_grid(client: Client) -> SelfTestResult:
    peaks = 0.6137 * np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])
    hull = Hull(np.vstack([corners((0.5, 0.5, 0.5)), peaks]))
    above = Pose.of(np.full(3, 0.25 + 0.11 / 3.0**0.5))
    body = _add(client, client.bullet.GEOM_MESH, vertices=hull.vertices.tolist(), margin=0.0)
    ball = _add(client, client.bullet.GEOM_SPHERE, above, radius=0.1)
    ours = _apart([(hull, _HERE)], [(Sphere(0.1), above)])
    return compared("ball over a corner of a hull", 0.01, _nearest(client, body, ball), ours, slack=2e-4)


def _cylinders(client: Client) -> SelfTestResult:
    boss, pad = Cylinder(0.03, 0.04), Cylinder(0.009, 0.051)
    place = Pose.of((0.08, 0.0, -0.03), (0.0, np.radians(25.0), 0.0))
    bodies = [
        _add(client, client.bullet.GEOM_CYLINDER, pose, radius=c.radius, height=c.length, margin=0.0)
        for c, pose in ((boss, _HERE), (pad, place))
    ]
    truth = float(0.05 * np.cos(np.radians(25.0)) + 0.01 * np.sin(np.radians(25.0)) - 0.009)
    ours = _apart([(boss, _HERE)], [(pad, place)])
    return compared("two cylinders", truth, _nearest(client, *bodies), ours, slack=4e-4)


_TRAPS = (
    _torus_hole,
    _concave_meshes,
    _inside_concave,
    _mesh_margin,
    _box_corners,
    _static_bodies,
    _filtered_pair,
    _link_state,
    _file_cache,
    _small_hulls,
    _hull_grid,
    _cylinders,
)


def _add(client: Client, kind: int, pose: Pose = _HERE, *, margin: float | None = None, **shape: Any) -> int:
    """A static body as PyBullet makes it."""
    handle = client.createCollisionShape(kind, **shape)
    body: int = client.createMultiBody(0.0, handle, -1, pose.position.tolist(), pose.quat_xyzw.tolist())
    if margin is not None:
        client.changeDynamics(body, -1, collisionMargin=margin)
    return body


def _cubes(client: Client, away: Pose) -> list[int]:
    return [_add(client, client.bullet.GEOM_BOX, at, halfExtents=[0.5] * 3) for at in (_HERE, away)]


def _concave(client: Client, vertices: FloatArray, faces: Sequence[int], pose: Pose) -> int:
    flags = client.bullet.GEOM_FORCE_CONCAVE_TRIMESH
    shape = {"vertices": vertices.tolist(), "indices": list(faces), "flags": flags}
    return _add(client, client.bullet.GEOM_MESH, pose, **shape)


def _load(client: Client, inner: str, path: Path) -> int:
    path.write_text(f'<robot name="r">{inner}</robot>', encoding="ascii")
    with quiet():
        body: int = client.loadURDF(str(path))
    return body


def _nearest(client: Client, first: int, second: int) -> float | None:
    return min((point[8] for point in client.getClosestPoints(first, second, 1.0)), default=None)


def _torus(rounds: int = 16, sides: int = 12) -> tuple[FloatArray, list[int]]:
    """Vertices and triangle indices of a torus of radii 0.5 and 0.2 m about z."""
    u, v = np.meshgrid(np.arange(rounds) * 2 * np.pi / rounds, np.arange(sides) * 2 * np.pi / sides, indexing="ij")
    reach = 0.5 + 0.2 * np.cos(v)
    vertices = np.stack([reach * np.cos(u), reach * np.sin(u), 0.2 * np.sin(v)], axis=-1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rounds), np.arange(sides), indexing="ij")
    k, m = (i + 1) % rounds, (j + 1) % sides
    a, b, c, d = i * sides + j, k * sides + j, k * sides + m, i * sides + m
    return vertices, np.stack([a, b, c, a, c, d], axis=-1).ravel().tolist()


def _torus_parts(rounds: int = 16, sides: int = 12) -> list[Placed]:
    """The torus as convex slices, each the hull of two neighbouring rings of its vertices."""
    rings = _torus(rounds, sides)[0].reshape(rounds, sides, 3)
    return [(Hull(np.vstack([rings[i], rings[(i + 1) % rounds]])), _HERE) for i in range(rounds)]
