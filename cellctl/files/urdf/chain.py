"""The one chain of a URDF that becomes an arm, and what hangs on it. Decides nothing that the file leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cellctl.errors import Finding
from cellctl.files.quantities import did_you_mean
from cellctl.files.urdf.reading import UrdfJoint, UrdfModel
from cellctl.files.urdf.srdf import SrdfModel
from cellctl.model.pose import Pose, rotation_about

FLANGES: Final = ("tool0", "flange", "ee_link", "tcp")
"""Names of tips, the best first, where several links follow the last joint that moves."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A link that moves with a link of the chain, at `pose` in it."""

    link: str
    pose: Pose


@dataclass(frozen=True, slots=True)
class UrdfChain:
    """The joints from `base` to `tip`, and for every link of the chain what it carries, itself first."""

    base: str
    tip: str
    joints: tuple[UrdfJoint, ...]
    carried: dict[str, tuple[Carried, ...]]

    @property
    def links(self) -> tuple[str, ...]:
        """The links of the chain in order."""
        return (self.base, *(joint.child for joint in self.joints))


def chain_of_urdf(
    model: UrdfModel, srdf: SrdfModel, base: str | None, tip: str | None, findings: list[Finding]
) -> UrdfChain | None:
    """The chain from `base` to `tip`; where they are not given those of the SRDF's only chain, else what the tree
    leaves no choice about. None with findings where it leaves one, or where a joint cannot be taken.
    """
    before = len(findings)
    for what, link in (("base", base), ("tip", tip)):
        if link is not None and link not in model.links:
            hint = did_you_mean(link, model.links)
            findings.append(Finding("F186", f"there is no link '{link}' to be the {what}", model.place, hint))
    if len(findings) > before:
        return None
    known = [ends for ends in srdf.chains.values() if set(ends) <= set(model.links)]
    if len(known) == 1:
        base, tip = base or known[0][0], tip or known[0][1]
    base = base or _root(model)
    tip = tip or _tip(model, base, findings)
    joints = None if tip is None else _joints_between(model, base, tip)
    if tip is None:
        return None
    if not joints:
        findings.append(Finding("F186", f"no joints lead from '{base}' to '{tip}'", model.place, "name --base, --tip"))
        return None
    for joint in joints:
        _check_joint(joint, findings)
    if not any(joint.moves for joint in joints):
        findings.append(Finding("F186", f"no joint moves between '{base}' and '{tip}'", model.place))
    if any(finding.severity == "error" for finding in findings[before:]):
        return None
    chain = UrdfChain(base, tip, tuple(joints), _carried(model, base, joints))
    _tell_what_is_held(model, chain, findings)
    return chain


def _root(model: UrdfModel) -> str:
    """The first link that hangs on no joint and carries one."""
    children = {joint.child for joint in model.joints.values()}
    parents = {joint.parent for joint in model.joints.values()}
    roots = [link for link in model.links if link not in children]
    return next((link for link in roots if link in parents), roots[0])


def _joints_between(model: UrdfModel, base: str, tip: str) -> list[UrdfJoint] | None:
    above = {joint.child: joint for joint in model.joints.values()}
    joints: list[UrdfJoint] = []
    at = tip
    while at != base:
        if at not in above or len(joints) > len(model.joints):
            return None
        joints.insert(0, above[at])
        at = above[at].parent
    return joints


def _tip(model: UrdfModel, base: str, findings: list[Finding]) -> str | None:
    """The leaf behind the longest chain of moving joints, where only one such chain is there."""
    parents = {joint.parent for joint in model.joints.values()}
    chains = {
        link: joints
        for link in model.links
        if link not in parents and (joints := _joints_between(model, base, link)) is not None
    }
    moving = {link: tuple(j.name for j in joints if j.moves) for link, joints in chains.items()}
    most = max((len(names) for names in moving.values()), default=0)
    best = [link for link, names in moving.items() if len(names) == most]
    if most and len({moving[link] for link in best}) == 1:
        named = [link for name in FLANGES for link in best if link == name]
        if named or len(best) == 1:
            return (named or best)[0]
    if not most:
        findings.append(Finding("F186", "no joint moves", model.place))
        return None
    shared = _last_shared_link(base, [chains[link] for link in best])
    some = ", ".join(sorted(best)[:3]) + (" ..." if len(best) > 3 else "")
    hint = f"--tip {shared} ends it where they part, which leaves a gripper to be a tool; or take one of {some}"
    findings.append(Finding("F186", f"{len(best)} links could be the tip of the arm", model.place, hint))
    return None


def _last_shared_link(base: str, chains: list[list[UrdfJoint]]) -> str:
    """The last link that all of these chains go through."""
    shared = base
    for joints in zip(*chains, strict=False):
        if len({joint.name for joint in joints}) > 1:
            break
        shared = joints[0].child
    return shared


def _check_joint(joint: UrdfJoint, findings: list[Finding]) -> None:
    """A joint of the chain must be one that an arm can have, with limits."""
    if joint.kind in ("floating", "planar"):
        message = f"joint '{joint.name}' is {joint.kind}; a chain has revolute, prismatic and fixed ones"
        findings.append(Finding("F187", message, joint.place, "begin behind it with --base LINK"))
    if joint.mimics:
        message = f"joint '{joint.name}' mimics '{joint.mimics}', and an axis of an arm moves by itself"
        findings.append(Finding("F187", message, joint.place, "choose a chain without it with --base and --tip"))
    if joint.kind in ("revolute", "prismatic"):
        _check_range(joint, findings)


def _check_range(joint: UrdfJoint, findings: list[Finding]) -> None:
    missing = [name for name in ("lower", "upper") if name not in joint.limits]
    if len(missing) == 2 or (missing and joint.limits.get("lower", joint.limits.get("upper")) == 0.0):
        hint = "write <limit lower=... upper=... velocity=... effort=.../> into it"
        findings.append(Finding("F188", f"joint '{joint.name}' has no limits", joint.place, hint))
        return
    lower, upper = joint.limits.get("lower", 0.0), joint.limits.get("upper", 0.0)
    if lower >= upper:
        message = f"joint '{joint.name}' has the limits {lower:g} and {upper:g}: the lower one is not below the upper"
        findings.append(Finding("F188", message, joint.place))


def _carried(model: UrdfModel, base: str, joints: list[UrdfJoint]) -> dict[str, tuple[Carried, ...]]:
    """What every link of the chain carries: joints beside the chain stand still at zero, or at their nearest limit."""
    own = {joint.name for joint in joints}
    beside: dict[str, list[UrdfJoint]] = {}
    for joint in model.joints.values():
        if joint.name not in own:
            beside.setdefault(joint.parent, []).append(joint)
    carried: dict[str, tuple[Carried, ...]] = {}
    for link in (base, *(joint.child for joint in joints)):
        found: list[Carried] = []
        waiting = [Carried(link, Pose.identity())]
        while waiting:
            item = waiting.pop(0)
            found.append(item)
            waiting += [Carried(j.child, item.pose @ _held(j)) for j in beside.get(item.link, ()) if j.child != base]
        carried[link] = tuple(found)
    return carried


def held_at(joint: UrdfJoint) -> float:
    """Where a joint beside the chain stands: 0, or the limit that is nearest to it."""
    if joint.kind not in ("revolute", "prismatic") or not {"lower", "upper"} <= set(joint.limits):
        return 0.0
    return min(max(0.0, joint.limits["lower"]), joint.limits["upper"])


def _held(joint: UrdfJoint) -> Pose:
    value = held_at(joint)
    if not value:
        return joint.origin
    if joint.kind == "prismatic":
        return joint.origin @ Pose.of([value * part for part in joint.axis])
    return joint.origin @ Pose.from_rotation(rotation_about(joint.axis, value))


def _tell_what_is_held(model: UrdfModel, chain: UrdfChain, findings: list[Finding]) -> None:
    """Warn of joints that do not lead to the tip, and of links that the arm has not."""
    kept = {item.link for items in chain.carried.values() for item in items}
    own = {joint.name for joint in chain.joints}
    held = [j for j in model.joints.values() if j.moves and j.name not in own and j.child in kept]
    if held:
        names = ", ".join(f"'{joint.name}'" for joint in held[:6]) + (" ..." if held[6:] else "")
        message = f"{len(held)} moving joints do not lead to '{chain.tip}' and stand still: {names}"
        hint = "what they carry is checked where it stands at 0; leave it out of the file where it is a tool"
        findings.append(Finding("F197", message, held[0].place, hint, "warning"))
    lost = [link for link in model.links.values() if link.name not in kept and link.collisions]
    if lost:
        names = ", ".join(f"'{link.name}'" for link in lost[:6]) + (" ..." if lost[6:] else "")
        message = f"{len(lost)} links with solids do not hang on '{chain.base}' and are left out: {names}"
        findings.append(Finding("F197", message, lost[0].place, severity="warning"))
