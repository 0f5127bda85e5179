"""The mechanics of a simulated arm in PyBullet: links with mass, joints with motors of limited torque. No controller.

It is the physical world at the far end of the simulated arm's wire: it follows targets as well as its motors can, and
knows nothing of plans, limits of velocity or safety.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike

from cellctl.kinematics.chain import Chain, chain_of, side_by_side
from cellctl.kinematics.masses import STANDARD_GRAVITY, Lump, lumped
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import JointLimits, Robot, Tool
from cellctl.scene.bullet.client import Client, quiet

_POSITION_GAIN = 0.2
_BRAKE_FACTOR = 1.5
_OBSTACLE = 2e5
"""N/m: how hard something in the way is."""
_MOVES = 1e-6
"""m in a time step from which on the flange moves, and it is known in which direction."""


class ArmDynamics:
    """An arm with its tool on a fixed base: `set_joints` once, then `step` after `step`. A context manager.

    Joints of mechanisms that stand `beside` it, a positioner, follow those of the arm. Every axis has a motor that may
    use the torque of its limit, and a brake that holds half as much again. Equal calls give equal answers, bit for bit.
    Links without mass count as a gram, and so does what is fixed to a flange: nothing says what it weighs.
    """

    def __init__(
        self,
        robot: Robot,
        tool: Tool | None,
        pose_world_base: Pose,
        beside: Sequence[Mechanism] = (),
        *,
        time_step: float = 0.001,
        gravity: tuple[float, float, float] = (0.0, 0.0, -STANDARD_GRAVITY),
    ) -> None:
        self.time_step = time_step
        self._client = Client()
        robots = (robot, *(mechanism.robot for mechanism in beside))
        self._efforts = [effort for one in robots for effort in one.limit_array("effort").tolist()]
        dof = len(self._efforts)
        self._forces = self._efforts
        self._brakes = [_BRAKE_FACTOR * effort for effort in self._efforts]
        self._gains = [_POSITION_GAIN] * dof
        self._ones = [1.0] * dof
        self._zeros = [0.0] * dof
        self._braked = False
        self._after, self._flange_axis = chain_of(robot).after[:3, 3], robot.dof - 1
        self._obstructed = False
        self._flange: FloatArray | None = None
        self._wall: tuple[FloatArray, FloatArray] | None = None
        self._client.setTimeStep(time_step)
        self._client.setGravity(*gravity)
        self._client.setPhysicsEngineParameter(
            enableFileCaching=0, deterministicOverlappingPairs=1, numSolverIterations=100, solverResidualThreshold=1e-13
        )
        self._body = self._load(urdf_of(robot, tool, pose_world_base, beside), pose_world_base)
        self._axes = self._joint_indices(dof)
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

    def obstruct(self) -> None:
        """Put something hard in the way of the flange, across the direction in which it moves next; it stays there."""
        self._obstructed = True

    def power(self, on: Sequence[bool]) -> None:
        """Which axes (dof,) have a motor that holds or moves; the others hang free. At first all have."""
        self._forces = [effort if powered else 0.0 for effort, powered in zip(self._efforts, on, strict=True)]

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
        if self._obstructed:
            self._push_back()
        self._advance(physicsClientId=self._id)

    def _push_back(self) -> None:
        """Let what is in the way push on the flange as far as that has come into it."""
        state = self._client.getLinkState(self._body, self._axes[self._flange_axis], computeForwardKinematics=1)
        turn = np.array(self._client.bullet.getMatrixFromQuaternion(state[5])).reshape(3, 3)
        flange = np.array(state[4]) + turn @ self._after
        gone = np.zeros(3) if self._flange is None else flange - self._flange
        self._flange = flange
        if self._wall is None and np.linalg.norm(gone) > _MOVES:
            self._wall = flange, gone / np.linalg.norm(gone)
        if self._wall is None:
            return
        place, ahead = self._wall
        depth = float((flange - place) @ ahead)
        if depth > 0.0:
            self._client.applyExternalForce(
                self._body,
                self._axes[self._flange_axis],
                (-_OBSTACLE * depth * ahead).tolist(),
                flange.tolist(),
                self._client.bullet.WORLD_FRAME,
            )

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
            forces=self._forces,
            positionGains=self._gains,
            velocityGains=self._ones,
            physicsClientId=self._id,
        )

    def _joint_indices(self, dof: int) -> list[int]:
        """PyBullet's numbers of our joints, which it counts branch after branch."""
        named = {self._client.getJointInfo(self._body, k)[1].decode(): k for k in range(dof)}
        return [named[f"axis_{k + 1}"] for k in range(dof)]

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


def urdf_of(
    robot: Robot, tool: Tool | None, pose_world_base: Pose | None = None, beside: Sequence[Mechanism] = ()
) -> bytes:
    """A URDF with one link for each chain frame, its masses lumped, no geometry, and joint k driving link k + 1."""
    chain, parents, limits = chain_of(robot), list(range(robot.dof)), list(robot.axis_limits)
    lumps = [Lump(1.0, np.zeros(3), np.eye(3)), *lumped(robot, tool)[1:]]
    for other in beside:
        place = (pose_world_base or Pose.identity()).inverse() @ other.pose_world_base
        chain = side_by_side(chain, place, chain_of(other.robot))
        parents += [0, *range(len(parents) + 1, len(parents) + other.robot.dof)]
        limits += other.robot.axis_limits
        lumps += lumped(other.robot, other.tool)[1:]
    root = ElementTree.Element("robot", name=robot.name)
    for k, lump in enumerate(lumps):
        link = ElementTree.SubElement(root, "link", name=f"frame_{k}")
        inertial = ElementTree.SubElement(link, "inertial")
        ElementTree.SubElement(inertial, "origin", xyz=_words(lump.com))
        ElementTree.SubElement(inertial, "mass", value=repr(lump.mass))
        terms = {f"i{a}{b}": repr(float(lump.inertia[i, j])) for a, i, b, j in _TERMS}
        ElementTree.SubElement(inertial, "inertia", terms)
    for k, (parent, limit) in enumerate(zip(parents, limits, strict=True)):
        _add_joint(root, k, parent, chain, limit)
    return ElementTree.tostring(root)


def _add_joint(root: ElementTree.Element, k: int, parent: int, chain: Chain, limits: JointLimits) -> None:
    joint = ElementTree.SubElement(root, "joint", name=f"axis_{k + 1}")
    joint.set("type", "prismatic" if chain.prismatic[k] else "revolute")
    ElementTree.SubElement(joint, "parent", link=f"frame_{parent}")
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
