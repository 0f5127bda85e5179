"""An input as it went into a cell, task or plan: its reference, its content and its hash."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """One file that was read. `content` is canonical JSON for YAML (so that a comment changes nothing), bytes for
    meshes.

    `reference` is the resolved name (`lib:robots/kuka_kr16_2/robot.yaml`, `project:sim/x/cell.yaml`,
    `pkg:rtbdata/...`), never a path of this machine. `kind` is `cell`, `task`, `robot`, `tool`, `part`, `wps`,
    `hull`, `parts`, `edges` or `surface`; the last four are what was made of a mesh.
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


def pack_inputs(inputs: Iterable[Input]) -> bytes:
    """Inputs as one canonical JSON text, to hand a cell to another process; `unpack_inputs` reads it."""
    return canonical_json(
        [{"reference": i.reference, "kind": i.kind, "content": b64encode(i.content).decode("ascii")} for i in inputs]
    )


def unpack_inputs(packed: bytes) -> tuple[Input, ...]:
    """The inputs that `pack_inputs` wrote; raises ValueError, TypeError or KeyError for another text."""
    return tuple(Input(i["reference"], i["kind"], b64decode(i["content"], validate=True)) for i in json.loads(packed))
