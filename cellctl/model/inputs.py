"""An input as it went into a cell, task or plan: its reference, its content and its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """One file that was read. `content` is canonical JSON for YAML (so that a comment changes nothing), bytes for meshes.

    `reference` is the resolved name (`lib:robots/kuka_kr16_2/robot.yaml`, `project:sim/x/cell.yaml`, `pkg:rtbdata/...`),
    never a path of this machine. `kind` is `cell`, `task`, `robot`, `tool`, `part`, `wps` or `hull`.
    """

    reference: str
    kind: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


def canonical_json(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, shortest round-trip floats, ASCII, no NaN; ends with a newline."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")
