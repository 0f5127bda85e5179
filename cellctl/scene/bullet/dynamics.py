"""The mechanics of a simulated arm in PyBullet: links with mass, joints with motors of limited torque. No controller.

It is the physical world at the far end of the simulated arm's wire: it follows targets as well as its motors can, and
knows nothing of plans, limits of velocity or safety.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.masses import STANDARD_GRAVITY, Lump, lumped
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Robot, Tool
from cellctl.scene.bullet.client import Client, quiet

_POSITION_GAIN = 0.2
_BRAKE_FACTOR = 1.5


class ArmDynamics:
    """An arm with its tool on a fixed base: `set_joints` once, then `step` after `step`. A context manager.

    Every axis has a motor that may use the torque of its limit, and a brake that holds half as much again. Equal calls
    give equal answers, bit for bit. Links without mass count as a gram.
    """

    def __init__(
        self,
        robot: Robot,
        tool: Tool | None,
        pose_world_base: Pose,
        *,
        time_step: float = 0.001,
        gravity: tuple[float, float, float] = (0.0, 0.0, -STANDARD_GRAVITY),
    ) -> None:
        self.time_step = time_step
        self._client = Client()
        self._axes = list(range(robot.dof))
        self._efforts = robot.limit_array("effort").tolist()
        self._brakes = [_BRAKE_FACTOR * effort for effort in self._efforts]
        self._gains = [_POSITION_GAIN] * robot.dof
        self._ones = [1.0] * robot.dof
        self._zeros = [0.0] * robot.dof
        self._braked = False
        self._client.setTimeStep(time_step)
        self._client.setGravity(*gravity)
        self._client.setPhysicsEngineParameter(
            enableFileCaching=0, deterministicOverlappingPairs=1, numSolverIterations=100, solverResidualThreshold=1e-13
        )
        self._body = self._load(urdf_of(robot, tool), pose_world_base)
        for axis in (-1, *self._axes):
            self._client.changeDynamics(self._body, axis, linearDamping=0.0, angularDamping=0.0, jointDamping=0.0)
        bullet = self._client.bullet
        self._id = self._client.id
        self._drive = bullet.setJointMotorControlArray
        self._position_control, self._velocity_control = bullet.POSITION_CONTROL, bullet.VELOCITY_CONTROL
        self._advance, self._states = bullet.stepSimulation, bullet.getJointStates

    @property
    def braked(self) -> bool:
        """Whether the brakes are closed."""
        return self._braked

    def set_joints(self, q: ArrayLike) -> None:
        """Put the joints at `q` (dof,), rad or m, at rest."""
        for axis, value in zip(self._axes, np.asarray(q, dtype=np.float64).tolist(), strict=True):
            self._client.resetJointState(self._body, axis, value, 0.0)
        self._follow(np.asarray(q, dtype=np.float64).tolist(), self._zeros)

    def close_brakes(self) -> None:
        """Hold every axis where it is, as strongly as its brake can, whatever `step` is given."""
        self._braked = True

    def open_brakes(self) -> None:
        """Give the axes back to their motors."""
        self._braked = False

    def step(self, q_set: ArrayLike, qd_set: ArrayLike) -> None:
        """One time step with the motors driven to be at `q_set` (dof,) with `qd_set` (dof,) at its end; rad or m, /s.

        PyBullet's motor acts on the position before the step, so it is given where the target is before the step.
        """
        if self._braked:
            self._drive(
                self._body,
                self._axes,
                self._velocity_control,
                targetVelocities=self._zeros,
                forces=self._brakes,
                physicsClientId=self._id,
            )
        else:
            rate = np.asarray(qd_set, dtype=np.float64)
            self._follow((np.asarray(q_set, dtype=np.float64) - self.time_step * rate).tolist(), rate.tolist())
        self._advance(physicsClientId=self._id)

    def read(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Joint values, rates and motor torques (dof,) after the last step; rad, rad/s, Nm, or m, m/s, N."""
        states = self._states(self._body, self._axes, physicsClientId=self._id)
        q, qd, _, torque = zip(*states, strict=True)
        return np.array(q), np.array(qd), np.array(torque)

    def close(self) -> None:
        """Give the client back; closing twice does nothing."""
        self._client.close()

    def __enter__(self) -> ArmDynamics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self, q: list[float], qd: list[float]) -> None:
        self._drive(
            self._body,
            self._axes,
            self._position_control,
            targetPositions=q,
            targetVelocities=qd,
            forces=self._efforts,
            positionGains=self._gains,
            velocityGains=self._ones,
            physicsClientId=self._id,
        )

    def _load(self, urdf: bytes, pose_world_base: Pose) -> int:
        """Load from a file with a name of its own: PyBullet remembers files by name."""
        with tempfile.TemporaryDirectory() as folder, quiet():
            path = Path(folder) / "arm.urdf"
            path.write_bytes(urdf)
            body: int = self._client.loadURDF(
                str(path),
                pose_world_base.position.tolist(),
                pose_world_base.quat_xyzw.tolist(),
                useFixedBase=1,
                flags=self._client.bullet.URDF_USE_INERTIA_FROM_FILE,
            )
        return body


def urdf_of(robot: Robot, tool: Tool | None) -> bytes:
    """A URDF with one link for each chain frame, its masses lumped, no geometry, and joint k driving link k + 1."""
    chain = chain_of(robot)
    root = ElementTree.Element("robot", name=robot.name)
    base = Lump(1.0, np.zeros(3), np.eye(3))
    for k, lump in enumerate([base, *lumped(robot, tool)[1:]]):
        link = ElementTree.SubElement(root, "link", name=f"frame_{k}")
        inertial = ElementTree.SubElement(link, "inertial")
        ElementTree.SubElement(inertial, "origin", xyz=_words(lump.com))
        ElementTree.SubElement(inertial, "mass", value=repr(lump.mass))
        terms = {f"i{a}{b}": repr(float(lump.inertia[i, j])) for a, i, b, j in _TERMS}
        ElementTree.SubElement(inertial, "inertia", terms)
    for k in range(robot.dof):
        _add_joint(root, k, chain, robot)
    return ElementTree.tostring(root)


def _add_joint(root: ElementTree.Element, k: int, chain: Chain, robot: Robot) -> None:
    limits = robot.axis_limits[k]
    joint = ElementTree.SubElement(root, "joint", name=f"axis_{k + 1}")
    joint.set("type", "prismatic" if chain.prismatic[k] else "revolute")
    ElementTree.SubElement(joint, "parent", link=f"frame_{k}")
    ElementTree.SubElement(joint, "child", link=f"frame_{k + 1}")
    before = chain.before[k]
    ElementTree.SubElement(joint, "origin", xyz=_words(before[:3, 3]), rpy=_words(_rpy(before[:3, :3])))
    ElementTree.SubElement(joint, "axis", xyz=_words(chain.axes[k]))
    lower, upper, effort, velocity = map(repr, (limits.lower, limits.upper, limits.effort, limits.velocity))
    ElementTree.SubElement(joint, "limit", lower=lower, upper=upper, effort=effort, velocity=velocity)


_TERMS = (("x", 0, "x", 0), ("x", 0, "y", 1), ("x", 0, "z", 2), ("y", 1, "y", 1), ("y", 1, "z", 2), ("z", 2, "z", 2))


def _rpy(rotation: FloatArray) -> FloatArray:
    """Fixed-axis roll, pitch, yaw (3,) of Rz Ry Rx; at pitch +-90 deg the roll is 0."""
    flat = float(np.hypot(rotation[0, 0], rotation[1, 0]))
    pitch = np.arctan2(-rotation[2, 0], flat)
    if flat < 1e-12:
        return np.array([0.0, pitch, np.arctan2(-rotation[0, 1], rotation[1, 1])])
    return np.array([np.arctan2(rotation[2, 1], rotation[2, 2]), pitch, np.arctan2(rotation[1, 0], rotation[0, 0])])


def _words(values: ArrayLike) -> str:
    return " ".join(repr(float(value)) for value in np.asarray(values).ravel())
