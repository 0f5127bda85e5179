"""What the gripper has done by each segment, read back from steps and joint values, and whether it is sound.

The fingers meet the part, it is lifted off and set down without being dragged, and it is let go where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from cellctl.errors import Finding
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import flange_matrices
from cellctl.model.cell import Cell, Mechanism
from cellctl.model.plan import ContactAllowance, Segment
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.task import Grip, Release, Task
from cellctl.processes.handling import (
    REST,
    Handling,
    cell_as_handled,
    closing,
    finger_contacts,
    gripped,
    opened,
    released,
    support_contacts,
)
from cellctl.proof.clearance import Checker
from cellctl.proof.efforts import check_payload

DROP = 2e-3
"""From how high (m) over its support a part may be let go."""
LEAN = np.radians(2.0)
"""By how much a part may lean against how it stood before."""
_LOOKS = 201


@dataclass(frozen=True, slots=True)
class Standing:
    """What a segment finds: what the gripper has done, the cell as it is then, the allowances that follow from it, and
    what the part in the gripper is lifted off and set down onto in it (empty for nothing).
    """

    handling: Handling
    cell: Cell
    lawful: tuple[ContactAllowance, ...] = ()
    lifted_off: str = ""
    set_onto: str = ""

    @property
    def carries(self) -> bool:
        """Whether a part is near its support in this segment."""
        return bool(self.lifted_off or self.set_onto)


def standings(task: Task, mechanism: Mechanism, segments: tuple[Segment, ...]) -> Iterator[Standing]:
    """What each of `segments`, which have passed `check_form`, finds."""
    handling, cell = Handling(), task.cell
    for index, segment in enumerate(segments):
        if segment.gripper is None:
            yield _carrying(task, mechanism, segments, index, Standing(handling, cell))
            continue
        step, part = task.steps[segment.step], segment.gripper.part
        pose = flange_poses(mechanism, segment.path.control[-1:])[0]
        if isinstance(step, Release):
            during = released(handling, step.onto, pose)
            handling = opened(during)
        else:
            during = closing(handling)
            handling = gripped(task.cell, handling, part, pose)
        moving = cell_as_handled(task.cell, mechanism.name, during)
        yield Standing(during, moving, finger_contacts(moving, mechanism, part))
        cell = cell_as_handled(task.cell, mechanism.name, handling)


def _carrying(task: Task, mechanism: Mechanism, segments: tuple[Segment, ...], index: int, free: Standing) -> Standing:
    """A segment in which the arm moves, with or without a part."""
    carried = free.handling.carried
    if carried is None:
        return free
    before = index > 0 and segments[index - 1].gripper is not None
    after = segments[index + 1] if index + 1 < len(segments) else None
    release = task.steps[after.step] if after is not None and after.gripper is not None else None
    lifted_off = carried.taken_from if before else ""
    set_onto = release.onto or carried.taken_from if isinstance(release, Release) else ""
    names = dict.fromkeys(name for name in (lifted_off, set_onto) if name)
    supports = tuple(c for name in names for c in support_contacts(task.cell, mechanism, carried.part, name))
    return replace(free, lawful=supports, lifted_off=lifted_off, set_onto=set_onto)


def check_loads(task: Task, mechanism: Mechanism) -> tuple[Finding, ...]:
    """What hangs on the flange, without and with each part (C308); parts whose mass is not known (C363, a warning)."""
    findings = list(check_payload(mechanism))
    pose = mechanism.pose_world_base
    for part in dict.fromkeys(step.part for step in task.steps if isinstance(step, Grip)):
        if not task.cell.placement(part).part.mass:
            text = f"part '{part}' gives no mass: what the arm carries is not judged"
            findings.append(Finding("C363", text, suggestion="write 'mass:' into the part file", severity="warning"))
            continue
        laden = cell_as_handled(task.cell, mechanism.name, gripped(task.cell, Handling(), part, pose))
        findings += check_payload(laden.mechanism(mechanism.name))
    return tuple(findings)


def flange_poses(mechanism: Mechanism, joints: FloatArray) -> list[Pose]:
    """The flange in the world for joints (n, dof)."""
    matrices = flange_matrices(chain_of(mechanism.robot), joints)
    return [mechanism.pose_world_base @ Pose(matrix) for matrix in matrices]


def check_handling(checker: Checker, standing: Standing, segment: Segment, where: str) -> Iterator[Finding]:
    """What is wrong with a grip (C360), with how a part is lifted off and set down (C361), and where it is let go
    (C362).
    """
    if segment.gripper is not None and segment.gripper.command == "close":
        yield from _missed(checker, standing, segment, where)
    if standing.carries:
        yield from _dragged(checker, standing, segment, where)
    if standing.set_onto:
        yield from _dropped(checker, standing, segment, where)


def _pairs(checker: Checker, contacts: tuple[ContactAllowance, ...]) -> dict[int, str]:
    """The listed pairs of allowances, with the name of the first solid of each."""
    wanted = {frozenset((c.first, c.second)): c.first for c in contacts}
    names = (checker.model.pair_names(k) for k in range(len(checker.model.pairs)))
    return {k: wanted[frozenset(pair)] for k, pair in enumerate(names) if frozenset(pair) in wanted}


def _nearest(checker: Checker, pairs: dict[int, str], q: FloatArray, within: float) -> float:
    """The smallest exact distance (m) of some pairs at `q` (dof,), infinite where it is over `within`."""
    checker.engine.move(q)
    found = (checker.engine.query(pair, within) for pair in pairs)
    return min((contact.distance for contact in found if contact is not None), default=np.inf)


def _missed(checker: Checker, standing: Standing, segment: Segment, where: str) -> Iterator[Finding]:
    """Fingers that would close without touching the part."""
    q = segment.path.control[-1]
    pairs = _pairs(checker, standing.lawful)
    for finger in dict.fromkeys(pairs.values()):
        gap = _nearest(checker, {k: name for k, name in pairs.items() if name == finger}, q, 1.0)
        if gap > 0.0:
            text = f"{where}: {finger} closes {gap * 1e3:.1f} mm beside the part"
            yield Finding("C360", text, suggestion="grip where the part is between the fingers")


def _dragged(checker: Checker, standing: Standing, segment: Segment, where: str) -> Iterator[Finding]:
    """A part that is nearer to its support than the clearance moves no further sideways than up; and only at once
    after the grip, and right before the release.
    """
    carried = standing.handling.carried
    assert carried is not None
    q = segment.path(np.linspace(segment.path.start, segment.path.end, _LOOKS))
    pairs, clearance = _pairs(checker, standing.lawful), standing.cell.margins.clearance
    near = np.array([_nearest(checker, pairs, row, clearance) < clearance for row in q])
    mechanism = standing.cell.mechanism(checker.model.mechanism)
    at = np.array([(pose @ carried.pose_flange_part).position for pose in flange_poses(mechanism, q)])
    first = int(np.argmin(near)) if not near.all() else _LOOKS
    last = _LOOKS - int(np.argmin(near[::-1])) if not near.all() else 0
    ways = []
    if standing.lifted_off:
        ways.append(("lifted off", standing.lifted_off, at[:first] - at[0]))
    if standing.set_onto:
        ways.append(("set down onto", standing.set_onto, at[last:] - at[-1]))
    for how, support, way in ways:
        aside, up = np.hypot(way[:, 0], way[:, 1]), way[:, 2]
        if len(way) and (aside > up + REST).any():
            worst = float((aside - up).max())
            text = f"{where}: '{carried.part}' is dragged over '{support}' by {worst * 1e3:.1f} mm as it is {how} it"
            yield Finding("C361", text, suggestion="move straight up and down there, to a configuration above")
    between = near[first if standing.lifted_off else 0 : last if standing.set_onto else _LOOKS]
    if between.any():
        supports = " and ".join(f"'{name}'" for name in dict.fromkeys((standing.lifted_off, standing.set_onto)) if name)
        text = f"{where}: '{carried.part}' comes near to {supports} again on the way"
        yield Finding("C361", text, suggestion="add a configuration on the way")


def _dropped(checker: Checker, standing: Standing, segment: Segment, where: str) -> Iterator[Finding]:
    """A part that is let go in the air, or not upright."""
    carried = standing.handling.carried
    assert carried is not None
    q = segment.path.control[-1:]
    pairs = _pairs(checker, standing.lawful)
    gap = _nearest(checker, pairs, q[0], 1.0)
    if gap > DROP:
        text = f"{where}: '{carried.part}' is let go {gap * 1e3:.1f} mm over '{standing.set_onto}'"
        yield Finding("C362", text, suggestion=f"release it at most {DROP * 1e3:g} mm over what it is to stand on")
    mechanism = standing.cell.mechanism(checker.model.mechanism)
    rotation = (flange_poses(mechanism, q)[0] @ carried.pose_flange_part).rotation
    upright = float((rotation @ carried.pose_world_taken.rotation.T)[2, 2])
    lean = float(np.arccos(np.clip(upright, -1.0, 1.0)))
    if lean > LEAN:
        text = f"{where}: '{carried.part}' is let go leaning by {np.degrees(lean):.1f} deg"
        yield Finding("C362", text, suggestion="release it as upright as it stood")
