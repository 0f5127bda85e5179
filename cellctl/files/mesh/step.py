"""STEP files to triangles through the package `cascadio`, in a process of its own: a file cannot take us down with it.

Curved faces are cut so that no triangle is further than 10 um from them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from cellctl.errors import EnvironmentMissing, FileError, Finding, Place
from cellctl.files.mesh.reading import Mesh, merged_mesh
from cellctl.model.pose import FloatArray

DEVIATION_MM: Final = 0.01
PATIENCE: Final = 300.0
"""Seconds after which the conversion is given up."""
_PROGRAM = "import sys, cascadio; sys.exit(cascadio.step_to_glb(sys.argv[1], sys.argv[2], float(sys.argv[3]), 0.5))"
_SI_LENGTH = re.compile(rb"LENGTH_UNIT\s*\(\s*\)[^;]*SI_UNIT\s*\(\s*(\.[A-Z]+\.|\$)\s*,\s*\.METRE\.\s*\)")
_INCH = re.compile(rb"CONVERSION_BASED_UNIT\s*\(\s*'(INCH|IN)'", re.IGNORECASE)
_PREFIXES: Final = {b"$": 1.0, b".MILLI.": 1e-3, b".CENTI.": 1e-2, b".DECI.": 1e-1, b".MICRO.": 1e-6, b".KILO.": 1e3}
_NUMBERS: Final = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}


def read_step(content: bytes, name: str) -> Mesh:
    """The triangles of a STEP file, in the unit that it states.

    Raises FileError F142 where nothing can be made of it, EnvironmentMissing E541 without cascadio.
    """
    if find_spec("cascadio") is None:
        hint = "pip install 'cellctl[cad]'"
        raise EnvironmentMissing(Finding("E541", "STEP files need the package 'cascadio'", Place(name), hint))
    if not content.lstrip()[:13].upper().startswith(b"ISO-10303-21"):
        raise _wrong(name, "not a STEP file", "it begins with ISO-10303-21;")
    unit = _stated_unit(content)
    if unit is None:
        raise _wrong(name, "the STEP file does not state its unit of length")
    try:
        triangles = glb_triangles(_converted(content, name))
    except (KeyError, ValueError, IndexError, TypeError, RecursionError) as error:
        raise _wrong(name, f"cascadio wrote no triangles that can be read: {error}") from None
    if not len(triangles):
        raise _wrong(name, "the STEP file holds no faces")
    return merged_mesh(triangles / unit, unit=unit)


def _stated_unit(content: bytes) -> float | None:
    """Metres per number."""
    if _INCH.search(content):
        return 25.4e-3
    match = _SI_LENGTH.search(content)
    return None if match is None else _PREFIXES.get(match[1])


def _converted(content: bytes, name: str) -> bytes:
    """The same solid as binary glTF, in metres."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "part.step", Path(folder) / "part.glb"
        source.write_bytes(content)
        command = [sys.executable, "-c", _PROGRAM, str(source), str(target), str(DEVIATION_MM)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise _wrong(name, f"cascadio did not finish within {PATIENCE:g} s", "export a simpler part") from None
        if done.returncode != 0 or not target.is_file():
            raise _wrong(name, "cascadio can make nothing of the STEP file", "export it anew, or as STL")
        return target.read_bytes()


def glb_triangles(content: bytes) -> FloatArray:
    """Triangles (m, 3, 3) of a binary glTF file with one buffer, metres; raises ValueError, KeyError or IndexError."""
    length = int.from_bytes(content[12:16], "little")
    document = json.loads(content[20 : 20 + length])
    binary = content[28 + length :]
    scene = document["scenes"][document.get("scene", 0)]
    pieces = [piece for node in scene.get("nodes", []) for piece in _node(document, binary, node, np.eye(4), 0)]
    return np.concatenate(pieces) if pieces else np.zeros((0, 3, 3))


def _node(document: dict[str, Any], binary: bytes, index: int, outer: FloatArray, depth: int) -> list[FloatArray]:
    if depth > 64:
        raise ValueError("nested deeper than 64")
    node = document["nodes"][index]
    here = outer @ _node_matrix(node)
    pieces: list[FloatArray] = []
    if "mesh" in node:
        for primitive in document["meshes"][node["mesh"]]["primitives"]:
            if primitive.get("mode", 4) == 4:
                points = _accessor(document, binary, primitive["attributes"]["POSITION"]).reshape(-1, 3)
                order = _accessor(document, binary, primitive["indices"]).astype(np.intp)
                pieces.append((points[order] @ here[:3, :3].T + here[:3, 3]).reshape(-1, 3, 3))
    for child in node.get("children", []):
        pieces += _node(document, binary, child, here, depth + 1)
    return pieces


def _node_matrix(node: dict[str, Any]) -> FloatArray:
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _accessor(document: dict[str, Any], binary: bytes, index: int) -> FloatArray:
    """The numbers of an accessor, flat; packed without gaps, as cascadio writes them."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = np.dtype(_NUMBERS[accessor["componentType"]])
    count = accessor["count"] * {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.frombuffer(binary, kind, count, start).astype(np.float64)


def _wrong(name: str, message: str, suggestion: str = "") -> FileError:
    return FileError(Finding("F142", message, Place(name), suggestion))
