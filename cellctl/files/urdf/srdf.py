"""SRDF to values: chains, named states and pairs that others do not check. Opens no file."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from cellctl.errors import Finding
from cellctl.files.xml_tree import XmlElement


@dataclass(frozen=True, slots=True)
class SrdfModel:
    """What an SRDF adds: `chains` of base and tip link by group, `states` of joint values by name, those of several
    groups as one, and the pairs of links that are not to be checked, with the reason given.
    """

    chains: dict[str, tuple[str, str]]
    states: dict[str, dict[str, float]]
    unchecked: dict[frozenset[str], str]


EMPTY = SrdfModel({}, {}, {})


def srdf_model(root: XmlElement, findings: list[Finding]) -> SrdfModel:
    """The values under `root`; what is wrong is added to `findings`."""
    if root.tag != "robot":
        message = f"the first element is <{root.tag}>, not <robot>"
        findings.append(Finding("F186", message, root.place, "an SRDF begins with <robot name=...>"))
        return EMPTY
    chains = {
        group.get("name"): (chain.get("base_link"), chain.get("tip_link"))
        for group in root.all("group")
        if (chain := group.first("chain")) is not None
    }
    pairs = {
        frozenset((pair.get("link1"), pair.get("link2"))): pair.get("reason", "no reason given")
        for pair in root.all("disable_collisions")
    }
    states: dict[str, dict[str, float]] = {}
    for state in root.all("group_state"):
        states.setdefault(state.get("name"), {}).update(_state(state, findings))
    return SrdfModel(chains, states, pairs)


def _state(state: XmlElement, findings: list[Finding]) -> dict[str, float]:
    values: dict[str, float] = {}
    for joint in state.all("joint"):
        text = joint.get("value")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if isfinite(value):
            values[joint.get("name")] = value
        else:
            message = f"state '{state.get('name')}' puts '{joint.get('name')}' at '{text}', which is no finite number"
            findings.append(Finding("F186", message, joint.place))
    return values
