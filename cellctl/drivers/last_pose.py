"""The last pose of an arm that was lost, in words for a person beside it."""

from __future__ import annotations

from collections.abc import Sequence
from math import degrees

from cellctl.drivers.driver import ArmState


def last_pose(joints: Sequence[str], last: ArmState | None) -> str:
    """What follows the reason in a message: where every one of `joints` was measured last, deg; empty where nothing
    was.
    """
    if last is None:
        return ""
    values = ", ".join(f"{name} {degrees(q):.1f}" for name, q in zip(joints, last.joints, strict=True))
    return f"; last pose, deg: {values}"
