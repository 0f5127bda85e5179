"""The known traps of PyBullet, each put to raw PyBullet and to `ExactScene` against a truth found without them.

It proves nothing about a cell; it says whether the installed PyBullet still behaves as `ExactScene` was built for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellctl.kinematics.chain import Chain
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, corners, frustum
from cellctl.scene.bodies import WORLD, CollisionModel, PlacedSolid
from cellctl.scene.bullet.client import Client, quiet
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.bullet.solids import prism_around

Placed = tuple[Shape, Pose]

_HERE = Pose.identity()
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


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """One trap: what is true, what raw PyBullet and what `ExactScene` answer, as text with units.

    `shown` tells whether raw PyBullet still falls into it, `passed` whether `ExactScene` does not.
    """

    name: str
    truth: str
    raw: str
    ours: str
    shown: bool
    passed: bool


def run_selftest() -> tuple[SelfTestResult, ...]:
    """Every known trap, in a fixed order; takes well under a second."""
    with Client() as client:
        return tuple(trap(client) for trap in _TRAPS)


def distance_between(first: Sequence[Placed], second: Sequence[Placed], limit: float = 1.0) -> float | None:
    """The smallest distance (m) that `ExactScene` finds between two groups of placed shapes, None beyond `limit`."""
    solids = [PlacedSolid(f"a{i}", shape, WORLD, pose) for i, (shape, pose) in enumerate(first)]
    solids += [PlacedSolid(f"b{i}", shape, WORLD, pose) for i, (shape, pose) in enumerate(second)]
    pairs = np.array([(i, len(first) + j) for i in range(len(first)) for j in range(len(second))], dtype=np.intp)
    still = Chain(np.zeros((0, 4, 4)), np.zeros((0, 3)), np.zeros(0, dtype=np.bool_), np.eye(4))
    model = CollisionModel("", "", still, _HERE, tuple(solids), pairs.reshape(-1, 2), np.zeros(len(pairs)))
    with ExactScene(model) as scene:
        contact = scene.query_nearest(limit)
    return None if contact is None else contact.distance


def _torus_hole(client: Client) -> SelfTestResult:
    ring = _add(client, client.bullet.GEOM_MESH, vertices=_torus()[0].tolist())
    ball = _add(client, client.bullet.GEOM_SPHERE, radius=0.05)
    ours = distance_between([(Sphere(0.05), _HERE)], _torus_parts())
    return _compared("ball in the hole of a torus", 0.25, _nearest(client, ball, ring), ours, slack=1e-2)


def _concave_meshes(client: Client) -> SelfTestResult:
    shift = Pose.of((0.15, 0.0, 0.0))
    rings = [_concave(client, *_torus(), at) for at in (_HERE, shift)]
    ours = distance_between(_torus_parts(), [(shape, shift @ pose) for shape, pose in _torus_parts()])
    return _overlapping("two concave meshes that overlap", _nearest(client, *rings), ours)


def _inside_concave(client: Client) -> SelfTestResult:
    block = _concave(client, corners(_CUBE.size), _CUBE_FACES, _HERE)
    ball = _add(client, client.bullet.GEOM_SPHERE, radius=0.05)
    ours = distance_between([(Sphere(0.05), _HERE)], [(_CUBE, _HERE)])
    return _overlapping("ball deep inside a concave mesh", _nearest(client, ball, block), ours)


def _mesh_margin(client: Client) -> SelfTestResult:
    hull, away = Hull(corners(_CUBE.size)), Pose.of((1.05, 0.0, 0.0))
    boxes = [_add(client, client.bullet.GEOM_MESH, at, vertices=hull.vertices.tolist()) for at in (_HERE, away)]
    ours = distance_between([(hull, _HERE)], [(hull, away)])
    return _compared("two box meshes, face to face", 0.05, _nearest(client, *boxes), ours)


def _box_corners(client: Client) -> SelfTestResult:
    away = Pose.of((1.01, 1.01, 1.01))
    ours = distance_between([(_CUBE, _HERE)], [(_CUBE, away)])
    return _compared("two boxes, corner to corner", 0.01 * 3.0**0.5, _nearest(client, *_cubes(client, away)), ours)


def _static_bodies(client: Client) -> SelfTestResult:
    away = Pose.of((0.9, 0.0, 0.0))
    cubes = _cubes(client, away)
    client.performCollisionDetection()
    raw = min((point[8] for point in client.getContactPoints(*cubes)), default=None)
    return _overlapping("contact of two static bodies", raw, distance_between([(_CUBE, _HERE)], [(_CUBE, away)]))


def _filtered_pair(client: Client) -> SelfTestResult:
    away = Pose.of((0.9, 0.0, 0.0))
    cubes = _cubes(client, away)
    client.setCollisionFilterPair(*cubes, -1, -1, 0)
    raw = _nearest(client, *cubes)
    listed = distance_between([(_CUBE, _HERE)], [(_CUBE, away)])
    unlisted = distance_between([(_CUBE, _HERE)], [])
    ours = f"{_said(unlisted)} unlisted, {_said(listed)} listed"
    passed = unlisted is None and listed is not None and listed < 0.0
    return SelfTestResult("pair that was filtered out", "no answer", _said(raw), ours, raw is not None, passed)


def _link_state(client: Client) -> SelfTestResult:
    inertia = '<mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
    inertial = f'<inertial><origin xyz="0.015 0 0"/>{inertia}</inertial>'
    joint = '<joint name="j" type="continuous"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/></joint>'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "com.urdf"
        body = _load(client, f'<link name="a"/><link name="b">{inertial}</link>{joint}', path)
    raw = float(client.getLinkState(body, 0)[0][0])
    gap = distance_between([(Sphere(0.1), _HERE)], [(Sphere(0.1), Pose.of((0.3, 0.0, 0.0)))])
    return _compared("link with its mass off its frame", 0.0, raw, None if gap is None else gap - 0.1)


def _file_cache(client: Client) -> SelfTestResult:
    masses = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "robot.urdf"
        for mass in (1, 2):
            inertia = '<inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
            body = _load(client, f'<link name="a"><inertial><mass value="{mass}"/>{inertia}</inertial></link>', path)
            masses.append(client.getDynamicsInfo(body, -1)[0])
    away = Pose.of((0.5, 0.0, 0.0))
    gaps = [distance_between([(Sphere(r), _HERE)], [(Sphere(r), away)]) for r in (0.1, 0.2)]
    passed = all(_close(gap, truth) for gap, truth in zip(gaps, (0.3, 0.1), strict=True))
    ours = f"reads none; {_said(gaps[0])}, then {_said(gaps[1])}"
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
    ours = distance_between([(nozzle, _HERE)], [(pad, place)])
    return _compared("two small hulls, asked in metres", 0.009634007, _nearest(client, *bodies), ours)


def _hull_grid(client: Client) -> SelfTestResult:
    peaks = 0.6137 * np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])
    hull = Hull(np.vstack([corners((0.5, 0.5, 0.5)), peaks]))
    above = Pose.of(np.full(3, 0.25 + 0.11 / 3.0**0.5))
    body = _add(client, client.bullet.GEOM_MESH, vertices=hull.vertices.tolist(), margin=0.0)
    ball = _add(client, client.bullet.GEOM_SPHERE, above, radius=0.1)
    ours = distance_between([(hull, _HERE)], [(Sphere(0.1), above)])
    return _compared("ball over a corner of a hull", 0.01, _nearest(client, body, ball), ours, slack=2e-4)


def _cylinders(client: Client) -> SelfTestResult:
    boss, pad = Cylinder(0.03, 0.04), Cylinder(0.009, 0.051)
    place = Pose.of((0.08, 0.0, -0.03), (0.0, np.radians(25.0), 0.0))
    bodies = [
        _add(client, client.bullet.GEOM_CYLINDER, pose, radius=c.radius, height=c.length, margin=0.0)
        for c, pose in ((boss, _HERE), (pad, place))
    ]
    truth = float(0.05 * np.cos(np.radians(25.0)) + 0.01 * np.sin(np.radians(25.0)) - 0.009)
    ours = distance_between([(boss, _HERE)], [(pad, place)])
    return _compared("two cylinders", truth, _nearest(client, *bodies), ours, slack=4e-4)


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


def _compared(name: str, truth: float, raw: float | None, ours: float | None, *, slack: float = 1e-4) -> SelfTestResult:
    """Raw falls in when it is off by more than 10 um; ours must never exceed the truth, nor miss it by `slack`."""
    shown = raw is None or abs(raw - truth) > 1e-5
    return SelfTestResult(name, _said(truth), _said(raw), _said(ours), shown, _close(ours, truth, slack))


def _overlapping(name: str, raw: float | None, ours: float | None) -> SelfTestResult:
    return SelfTestResult(
        name, "overlap", _said(raw), _said(ours), raw is None or raw > 0.0, ours is not None and ours < 0.0
    )


def _close(ours: float | None, truth: float, slack: float = 1e-4) -> bool:
    return ours is not None and truth - slack <= ours <= truth


def _said(distance: float | None) -> str:
    return "no answer" if distance is None else f"{distance * 1e3:.3f} mm"


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
