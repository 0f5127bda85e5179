"""Mesh files of every kind that is read to triangles: STL, OBJ, Collada, STEP. Makes no hull and no shape of them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np

from cellctl.errors import FileError, Finding, Place
from cellctl.files.mesh.reading import Mesh, merged_mesh, parse_stl

FORMATS: Final = (".stl", ".obj", ".dae", ".step", ".stp")
"""Endings of the files that are read, in lower case."""
_MAX_CORNERS = 3_000_000


def parse_mesh(content: bytes, name: str) -> Mesh:
    """The mesh in the bytes of a file called `name`, by its ending, in the file's own unit (Collada and STEP: m).

    Raises FileError F142, F145 and for STEP EnvironmentMissing E541.
    """
    ending = PurePosixPath(name.partition("#")[0]).suffix.lower()
    if ending == ".stl":
        return parse_stl(content, name)
    if ending == ".obj":
        return parse_obj(content, name)
    if ending == ".dae":
        from cellctl.files.mesh.collada import read_collada

        return read_collada(content, name).mesh
    if ending in (".step", ".stp"):
        from cellctl.files.mesh.step import read_step

        return read_step(content, name)
    hint = f"export it as one of {', '.join(FORMATS)}"
    raise FileError(Finding("F145", f"'{ending or name}' is not a kind of mesh that is read", Place(name), hint))


def parse_obj(content: bytes, name: str) -> Mesh:
    """The triangles of a Wavefront OBJ file, all of its objects together; polygons are cut into fans.

    Raises FileError F142 with the line.
    """
    points: list[tuple[float, float, float]] = []
    faces: list[tuple[int, int, int]] = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        words = line.split()
        try:
            if words[:1] == ["v"]:
                points.append((float(words[1]), float(words[2]), float(words[3])))
            elif words[:1] == ["f"]:
                faces += _fan([_corner(word, len(points)) for word in words[1:]])
        except (ValueError, IndexError):
            place = Place(name, number, 1)
            raise FileError(Finding("F142", f"'{line.strip()[:60]}' is not a line of an OBJ file", place)) from None
    if not faces:
        raise FileError(Finding("F142", "the OBJ file holds no faces", Place(name)))
    vertices = np.array(points)
    if not np.all(np.isfinite(vertices)):
        raise FileError(Finding("F142", "the OBJ file holds a coordinate that is not finite", Place(name)))
    return merged_mesh(vertices[np.array(faces)])


def _fan(corners: list[int]) -> list[tuple[int, int, int]]:
    if len(corners) < 3:
        raise ValueError("a face has three corners at least")
    return [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]


def _corner(word: str, known: int) -> int:
    """The index of a corner `7/1/3`, which counts from 1, or from the end where it is negative."""
    index = int(word.partition("/")[0])
    index = index - 1 if index > 0 else known + index
    if not 0 <= index < known:
        raise ValueError("no such vertex")
    return index
