"""The first job as planned, the checkers on it, and what spoils a plan in the space of poses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from cellctl.files import task_from_inputs
from cellctl.kinematics.forward import frames
from cellctl.kinematics.inverse import branches, opw_arrays
from cellctl.model.cell import Axes, Mechanism
from cellctl.model.plan import Block, Plan, Segment
from cellctl.model.spline import BSpline, interpolated
from cellctl.model.task import Task
from cellctl.proof import Verdict, examine
from cellctl.proof.clearance import Checker
from cellctl.proof.examination import examine_segment
from cellctl.proof.form import check_form
from cellctl.proof.limits import check_continuity
from cellctl.proof.readback import tcp_matrices
from cellctl.proof.steps import check_steps
from cellctl.scene.bodies import CollisionModel, collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.engine import BoundingSpheres, EngineName, contacts_within, open_engine
from cellctl.scene.screen import pack

CTWD = 0.016
ROUNDING = 0.1e-3
"""By how much (m) an engine may read less than there is: PyBullet holds a cylinder as a prism around it."""


def with_segments(plan: Plan, segments: tuple[Segment, ...]) -> Plan:
    return replace(plan, blocks=(Block(segments),))


def with_segment(plan: Plan, index: int, **changes: Any) -> Plan:
    """`plan` with some fields of one segment replaced."""
    changed = replace(plan.segments[index], **changes)
    return with_segments(plan, (*plan.segments[:index], changed, *plan.segments[index + 1 :]))


def with_section(plan: Plan, index: int, **changes: Any) -> Plan:
    """`plan` with some fields of one process replaced."""
    section = plan.segments[index].process
    assert section is not None
    return with_segment(plan, index, process=replace(section, **changes))


@dataclass(frozen=True)
class Proving:
    """The checkers on the first job; `task` is the one that the plan's inputs hold."""

    task: Task
    checker: Checker

    @property
    def mechanism(self) -> Mechanism:
        return self.task.cell.mechanism(self.checker.model.mechanism)

    def codes(self, plan: Plan, *indices: int) -> set[str]:
        """Codes of everything found about `plan`, of its segments only those at `indices` looked at."""
        found = list(check_form(plan, self.task))
        if not found:
            found += [*check_continuity(plan), *check_steps(plan, self.task, Axes((self.mechanism,)))]
            for index in indices:
                found += examine_segment(self.checker, self.task, plan.segments, index)[1]
        return {finding.code for finding in found}

    def joints(self, poses_world_tcp: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Joint values (n, dof) for TCP poses (n, 4, 4) that are nearest to `near` (n, dof)."""
        tool = self.mechanism.tool
        assert tool is not None
        assert tool.torch is not None
        base = np.linalg.inv(self.mechanism.pose_world_base.matrix)
        flange = base @ poses_world_tcp @ np.linalg.inv(tool.torch.tcp(CTWD).matrix)
        q, valid = branches(opw_arrays(self.mechanism.robot), flange)
        q = near[:, None] + np.angle(np.exp(1j * (q - near[:, None])))
        away = np.where(valid, np.abs(q - near[:, None]).max(axis=2), np.inf)
        best = np.argmin(away, axis=1)
        assert away[np.arange(len(near)), best].max() < 1.0
        return q[np.arange(len(near)), best]

    def moved(self, plan: Plan, index: int, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Plan:
        """`plan` with the TCP poses of one segment led through `change(s, poses)`, sampled every half millimetre."""
        path = plan.segments[index].path
        s = np.linspace(path.start, path.end, 1 + round((path.end - path.start) / 0.5e-3))
        q = path(s)
        poses = change(s, tcp_matrices(self.mechanism, CTWD, q))
        new = interpolated(s, self.joints(poses, q))
        return with_segment(plan, index, path=new, law=rescaled(plan.segments[index].law, new))


def rescaled(law: BSpline, path: BSpline) -> BSpline:
    """`law` over exactly the range of `path`."""
    control = np.clip(law.control, path.start, path.end)
    control[0], control[-1] = path.start, path.end
    return BSpline(law.degree, law.knots, control)


def smallest_gap(model: CollisionModel, engine: EngineName, joints: np.ndarray, within: float) -> float:
    """The smallest distance among all pairs at `joints` (n, dof), `within` where none is nearer."""
    spheres, least = BoundingSpheres(model), within
    with open_engine(engine, model) as exact:
        for q in joints:
            spheres.move(model.pose_world_base.matrix @ frames(model.chain, q))
            exact.move(q)
            for contact in contacts_within(exact, spheres.lower_bounds(), least):
                least = min(least, contact.distance)
    return least


@pytest.fixture(scope="session")
def verdict(tray_corner: Plan) -> Verdict:
    return examine(tray_corner)


@pytest.fixture(scope="session")
def proving(tray_corner: Plan) -> Iterator[Proving]:
    task = task_from_inputs(tray_corner.inputs)
    model = collision_model(task.cell, task.cell.groups[0].name)
    with ExactScene(model) as engine:
        yield Proving(task, Checker(model, pack(model), engine))
