"""Whether a robot's file is right: kinematics against two oracles, branches, self-collisions, cover, odd figures.

It changes nothing, and it cannot know whether the figures are those of the real machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from cellctl.errors import Finding
from cellctl.jobs.robot_cover import LinkCover, cover_findings, link_covers
from cellctl.jobs.robot_touching import alone
from cellctl.kinematics.arm_inverse import arm_inverse
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.kinematics.inverse import configuration_of
from cellctl.kinematics.solvers.opw import BRANCHES, OpwArrays, opw_branches
from cellctl.kinematics.solvers.opw_arms import UnsupportedArm, opw_arrays
from cellctl.model.cell import Margins
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Joint, Link, Robot

POSES = 200
"""Joint values that kinematics and self-collisions are asked at."""
AGREED = 1e-6
"""Largest difference of any entry of a flange matrix between us and an oracle (m, rad)."""
ROUNDED = 1e-4
"""How far the closed form alone may be off where the chain has rounded figures (m, rad)."""
LED_BACK = 2e-9
"""Largest difference of any entry between a pose and where a branch leads (m, rad)."""
WHOLE = 1e-6
"""How far an axis that an arm lacks may be turned and the pose still count as reached (rad)."""
NO_MASS, NO_REACH = 1e-4, 6.0
FASTEST, STRONGEST = 25.0, 10_000.0


@dataclass(frozen=True, slots=True)
class Nearness:
    """How often two links are nearer than the margin, as a share of the joint values tried."""

    first: str
    second: str
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class RobotCheck:
    """What was found out about a robot.

    `agreement` holds the largest difference of the flange to each oracle (m, rad), `branches` how many answers the
    inverse has for how many of the poses, `form` what solves it, `near` the pairs of links that come nearer than the
    margin, most often first, `covers` how well the solids cover the pictures.
    """

    robot: Robot
    poses: int
    agreement: dict[str, float]
    branches: dict[int, int]
    form: str
    near: tuple[Nearness, ...]
    covers: tuple[LinkCover, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing worse than a warning was found."""
        return not any(finding.severity == "error" for finding in self.findings)


def check_robot(robot: Robot, *, poses: int = POSES, seed: int = 0) -> RobotCheck:
    """Check `robot` at `poses` joint values drawn from `seed`; raises EnvironmentMissing without an oracle."""
    lower, upper = robot.limit_array("lower"), robot.limit_array("upper")
    joints = np.random.default_rng(seed).uniform(lower, upper, (poses, robot.dof))
    agreement = _agreement(robot, joints)
    counts, form, missed = _branches(robot, joints)
    near = near_links(robot, joints)
    covers = link_covers(robot)
    told = (*suspicions(robot), *cover_findings(robot, covers))
    findings = (*_disagreements(robot, agreement), *missed, *_always_near(robot, near), *told)
    return RobotCheck(robot, poses, agreement, counts, form, near, covers, findings)


def _agreement(robot: Robot, joints: FloatArray) -> dict[str, float]:
    from cellctl.kinematics.solvers.numeric import toolbox_flanges
    from cellctl.scene.bullet.forward import bullet_flanges

    ours = flange_matrices(chain_of(robot), joints)
    oracles = {"pybullet": bullet_flanges, "roboticstoolbox": toolbox_flanges}
    return {name: float(np.abs(flanges(robot, joints) - ours).max()) for name, flanges in oracles.items()}


def _disagreements(robot: Robot, agreement: dict[str, float]) -> Iterator[Finding]:
    for oracle, difference in agreement.items():
        if difference > AGREED:
            text = f"'{robot.name}': {oracle} puts the flange {difference:.2g} (m, rad) from where cellctl does"
            yield Finding("F173", text)


def _branches(robot: Robot, joints: FloatArray) -> tuple[dict[int, int], str, tuple[Finding, ...]]:
    """Answers of the inverse: how many poses have how many, what solves it, and what is wrong or missing.

    A redundant joint is held where it is; of an arm of fewer than six axes the whole pose is asked for.
    """
    try:
        inverse = arm_inverse(robot)
    except UnsupportedArm as error:
        said = () if robot.kind == "positioner" else error.findings
        return {}, "none", tuple(_less_for_few_axes(finding) for finding in said)
    chain = chain_of(robot)
    poses = flange_matrices(chain, joints)
    answers = inverse.answers(poses, None if inverse.held is None else joints[:, inverse.held])
    valid = answers.valid & inverse.exact(answers, (), WHOLE)
    counts = Counter(int(count) for count in valid.sum(axis=1))
    led_back = 10.0 * WHOLE if inverse.freed else LED_BACK
    lost = wrong = 0
    for q, pose, found, ok in zip(joints, poses, answers.joints, valid, strict=True):
        away = np.abs(np.angle(np.exp(1j * (found[ok] - q)))).max(axis=1, initial=0.0)
        lost += not (len(away) and away.min() < 1e-5)
        wrong += int((np.abs(flange_matrices(chain, found[ok]) - pose).max(axis=(1, 2)) > led_back).sum())
    off = _off(robot, joints, poses)
    text = f"'{robot.name}': of {len(joints)} poses the inverse misses {lost}, and {wrong} answers lead elsewhere"
    if (lost or wrong) and not inverse.ordered:
        text += f"; it is no closed form ({inverse.form}), and beside a singularity may not find all"
    if off > ROUNDED:
        text = (
            f"'{robot.name}': the closed form is off by up to {off:.2g} (m, rad), for which every answer is corrected"
        )
    findings = (Finding("F174", text),) if lost or wrong or off > ROUNDED else ()
    return dict(sorted(counts.items())), inverse.form, findings


def _less_for_few_axes(finding: Finding) -> Finding:
    """A mechanism of a few axes may be of use without an inverse: that it has none (P222) is a warning."""
    return replace(finding, severity="warning") if finding.code == "P222" else finding


def _off(robot: Robot, joints: FloatArray, poses: FloatArray) -> float:
    """By how much (m, rad) the file's own closed form alone misses the chain at most; 0 without one."""
    if robot.opw is None:
        return 0.0
    arrays, chain = opw_arrays(robot), chain_of(robot)
    alone = [_unpolished(arrays, pose, configuration_of(robot, q)) for q, pose in zip(joints, poses, strict=True)]
    return float(np.abs(flange_matrices(chain, np.array(alone)) - poses).max())


def _unpolished(arrays: OpwArrays, pose: FloatArray, configuration: int) -> FloatArray:
    """What the closed form alone answers (6,), before it is corrected along the chain."""
    answers, valid = np.empty((BRANCHES, 6)), np.empty(BRANCHES, dtype=np.bool_)
    opw_branches(*arrays[:4], pose, answers, valid)
    result: FloatArray = answers[configuration]
    return result


def near_links(robot: Robot, joints: FloatArray) -> tuple[Nearness, ...]:
    """Pairs of links that come nearer than the margin at joint values (n, dof), most often first.

    Raises EnvironmentMissing without an engine.
    """
    from cellctl.scene.engine import open_engine

    model = alone(robot)
    if not len(model.pairs):
        return ()
    count: Counter[tuple[str, str]] = Counter()
    with open_engine(None, model) as scene:
        for q in joints:
            contacts = scene.all_within(q, model.margins)
            count.update({(_link(contact.first), _link(contact.second)) for contact in contacts})
    found = (Nearness(first, second, times / len(joints)) for (first, second), times in count.items())
    return tuple(sorted(found, key=lambda pair: (-pair.share, pair.first, pair.second)))


def _link(solid: str) -> str:
    return solid.split(".")[1]


def _always_near(robot: Robot, near: tuple[Nearness, ...]) -> Iterator[Finding]:
    for pair in near:
        if pair.share == 1.0:
            margin = Margins().clearance * 1e3
            text = f"'{robot.name}': links '{pair.first}' and '{pair.second}' are always nearer than {margin:g} mm"
            yield Finding("F175", text, suggestion="list them under 'touching', with the reason")


def suspicions(robot: Robot) -> tuple[Finding, ...]:
    """Figures that can hardly be true, as warnings."""
    said = [text for link in robot.links for text in _link_suspicions(robot, link)]
    said += [text for joint in robot.axes for text in _limit_suspicions(joint)]
    reach = sum(float(np.linalg.norm(joint.origin.position)) for joint in robot.joints)
    if reach > NO_REACH:
        said.append(f"its joints are {reach:.3g} m apart in all: are lengths in the right unit?")
    return tuple(Finding("F172", f"'{robot.name}': {text}", severity="warning") for text in said)


def _link_suspicions(robot: Robot, link: Link) -> Iterator[str]:
    xx, xy, xz, yy, yz, zz = link.inertia.moments
    moments = np.linalg.eigvalsh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    moves = any(joint.child == link.name for joint in robot.axes)
    if link.inertia.mass < NO_MASS:
        if moves:
            yield f"link '{link.name}' moves and has no mass"
    elif moments[0] <= 0.0:
        yield f"link '{link.name}' has a mass and a moment of inertia that is not above zero"
    elif moments[2] > (moments[0] + moments[1]) * (1.0 + 1e-6):
        yield f"link '{link.name}': one moment of inertia is larger than the other two together, which no body has"
    if moves and not link.solids:
        yield f"link '{link.name}' moves and has no solid: it is never checked"


def _limit_suspicions(joint: Joint) -> Iterator[str]:
    limits = joint.limits
    if limits is None:
        return
    if limits.velocity > FASTEST:
        yield f"joint '{joint.name}' turns at {limits.velocity:.3g} rad/s"
    if limits.effort > STRONGEST:
        yield f"joint '{joint.name}' holds {limits.effort:.3g} N*m"
    if joint.kind == "revolute" and limits.upper - limits.lower > 8.0 * np.pi:
        yield f"joint '{joint.name}' turns more than four times round"
