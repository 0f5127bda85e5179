"""What a robot folder is written from: the links of a URDF's chain, each with all that it carries. Writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellctl.errors import Finding
from cellctl.files.robot_writing import DraftLink, RobotDraft, plain_names
from cellctl.files.urdf.bodies import BodyReader, DraftPicture, DraftSolid
from cellctl.files.urdf.chain import UrdfChain
from cellctl.files.urdf.packages import PackageRules, package_licence
from cellctl.files.urdf.reading import UrdfModel
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.robot import Inertia


def robot_draft(
    model: UrdfModel,
    chain: UrdfChain,
    path: Path,
    rules: PackageRules,
    name: str,
    findings: list[Finding],
) -> RobotDraft:
    """What the folder of `chain` is written from, without a payload; what is odd about it goes to `findings`."""
    reader = BodyReader(rules, findings)
    moving = {joint.child for joint in chain.joints if joint.moves}
    return RobotDraft(
        name=name,
        title=model.name or name,
        base=chain.base,
        tip=chain.tip,
        payload=None,
        joints=chain.joints,
        links=tuple(_link(model, chain, link, reader, moves=link in moving) for link in chain.links),
        origin=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence=package_licence(path),
    )


def _link(model: UrdfModel, chain: UrdfChain, name: str, reader: BodyReader, *, moves: bool) -> DraftLink:
    """A link of the chain with the solids, pictures and masses of all that it carries."""
    solids: list[tuple[str, DraftSolid]] = []
    pictures: list[DraftPicture] = []
    colour = None
    owners = plain_names(item.link for item in chain.carried[name])
    for item in chain.carried[name]:
        link = model.links[item.link]
        found = list(reader.solids(link, item.pose, moves=moves and item.link == name))
        plain = owners[item.link]
        solids += [(plain if len(found) == 1 else f"{plain}_{k + 1}", solid) for k, solid in enumerate(found)]
        pictures += reader.pictures(link, item.pose)
        colour = colour or next((v.colour for v in link.visuals if v.colour is not None), None)
    shown = {item.link for item in chain.carried[name] if model.links[item.link].visuals}
    complete = len(pictures) == sum(len(model.links[link].visuals) for link in shown)
    named = tuple(zip(_unlike(plain for plain, _ in solids), (solid for _, solid in solids), strict=True))
    return DraftLink(name, _mass(model, chain, name), named, tuple(pictures) if complete else (), colour)


def _unlike(names: Iterable[str]) -> list[str]:
    """The names in their order, with a number where one has been there before."""
    found: list[str] = []
    for name in names:
        number = 1
        while (name if number == 1 else f"{name}_{number}") in found:
            number += 1
        found.append(name if number == 1 else f"{name}_{number}")
    return found


def _mass(model: UrdfModel, chain: UrdfChain, name: str) -> Inertia | None:
    """The inertias of all that a link carries as one, about their common centre of mass."""
    bodies = [
        (item.pose, inertia)
        for item in chain.carried[name]
        if (inertia := model.links[item.link].inertia) is not None and inertia.mass > 0.0
    ]
    if not bodies:
        return None
    if len(bodies) == 1 and bodies[0][0] == Pose.identity():
        return bodies[0][1]
    mass = sum(inertia.mass for _, inertia in bodies)
    centres = [pose.apply(inertia.com) for pose, inertia in bodies]
    com = sum((i.mass * centre for (_, i), centre in zip(bodies, centres, strict=True)), np.zeros(3)) / mass
    tensor = np.zeros((3, 3))
    for (pose, inertia), centre in zip(bodies, centres, strict=True):
        away = centre - com
        tensor += pose.rotation @ _tensor(inertia) @ pose.rotation.T
        tensor += inertia.mass * ((away @ away) * np.eye(3) - np.outer(away, away))
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = tensor.tolist()
    x, y, z = com.tolist()
    return Inertia(mass, (x, y, z), (xx, xy, xz, yy, yz, zz), "source")


def _tensor(inertia: Inertia) -> FloatArray:
    xx, xy, xz, yy, yz, zz = inertia.moments
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
