"""Convex parts of meshes kept in the user's cache folder, by the digest of the mesh. It may be deleted at any time.

What is read from it is held against the mesh: parts that leave a corner or the middle of a triangle outside are made
anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from cellctl.files.mesh.convex_parts import convex_parts
from cellctl.files.mesh.reading import Mesh
from cellctl.files.solid_geometry import distance_to_shape
from cellctl.model.pose import FloatArray
from cellctl.model.shapes import Hull

VERSION: Final = 1
"""To be raised when the parts of a mesh come out in another way."""


def kept_parts(mesh: Mesh, most: int) -> tuple[FloatArray, ...]:
    """`convex_parts`, from the cache where they are; raises ValueError for a mesh that is not watertight."""
    digest = hashlib.sha256(f"{VERSION} {most} ".encode())
    digest.update(np.ascontiguousarray(mesh.vertices).tobytes())
    digest.update(np.ascontiguousarray(mesh.faces, dtype=np.int64).tobytes())
    file = _folder() / f"{digest.hexdigest()}.json"
    with suppress(OSError, ValueError, TypeError, RuntimeError):
        kept = tuple(np.array(corners, dtype=np.float64) for corners in json.loads(file.read_text("utf-8")))
        if uncovered(mesh, kept) <= 1e-6 * float(np.ptp(mesh.vertices, axis=0).max()):
            return kept
    parts = convex_parts(mesh, most)
    with suppress(OSError, RuntimeError):
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps([part.tolist() for part in parts]), "utf-8")
        beside.replace(file)
    return parts


def uncovered(mesh: Mesh, parts: tuple[FloatArray, ...]) -> float:
    """How far a corner or the middle of a triangle of the mesh stands out of all parts at most, in its numbers."""
    points = np.vstack([mesh.vertices[np.unique(mesh.faces)], mesh.vertices[mesh.faces].mean(axis=1)])
    return float(np.min([distance_to_shape(Hull(part), points) for part in parts], axis=0).max())


def _folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "cellctl" / "parts"
