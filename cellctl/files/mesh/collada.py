"""Collada 1.4 files (`.dae`): the triangles that their scene places, by diffuse colour. Draws nothing.

Skins, instances of other files and lines are left out; polygons are cut into fans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellctl.errors import FileError, Finding, Place
from cellctl.files.mesh.reading import MAX_BYTES, Mesh, merged_mesh
from cellctl.files.xml_tree import XmlElement, parse_xml
from cellctl.model.pose import FloatArray, rotation_about
from cellctl.model.shapes import Colour

GREY: Colour = (0.7, 0.7, 0.7)
_ById = dict[str, XmlElement]


@dataclass(frozen=True, slots=True, eq=False)
class ColladaScene:
    """What a Collada file shows: `pieces` are triangles (m, 3, 3) by colour in the numbers of the file.

    `unit` is metres per number, `up` the axis that the file calls up: `X`, `Y` or `Z`.
    """

    pieces: dict[Colour, FloatArray]
    unit: float
    up: str

    @property
    def mesh(self) -> Mesh:
        """All triangles as one mesh."""
        triangles = np.concatenate([self.pieces[colour] for colour in sorted(self.pieces)])
        return merged_mesh(triangles, unit=self.unit)


def read_collada(content: bytes, name: str) -> ColladaScene:
    """The scene in the bytes of a Collada file; raises FileError F142, F184 or F185."""
    root = parse_xml(content, name, limit=MAX_BYTES)
    try:
        pieces: dict[Colour, list[FloatArray]] = {}
        for colour, triangles in _scene_triangles(root):
            if not np.all(np.isfinite(triangles)):
                raise ValueError("a coordinate that is not finite")
            pieces.setdefault(colour, []).append(triangles)
        unit, up = _conventions(root)
    except (KeyError, ValueError, IndexError, TypeError, AttributeError, StopIteration) as error:
        raise FileError(Finding("F142", "not a Collada 1.4 mesh", Place(name))) from error
    if not sum(len(triangles) for found in pieces.values() for triangles in found):
        raise FileError(Finding("F142", "the Collada file holds no triangles", Place(name)))
    return ColladaScene({colour: np.concatenate(found) for colour, found in pieces.items()}, unit, up)


def _conventions(root: XmlElement) -> tuple[float, str]:
    """Metres per number, and the axis that is up."""
    asset = root.first("asset")
    unit = None if asset is None else asset.first("unit")
    up = None if asset is None else asset.first("up_axis")
    metres = 1.0 if unit is None else float(unit.get("meter", "1"))
    if not (np.isfinite(metres) and metres > 0.0):
        raise ValueError("the unit must be a length")
    return metres, "Y" if up is None else up.text.strip()[:1].upper()


def _scene_triangles(root: XmlElement) -> Iterator[tuple[Colour, FloatArray]]:
    """Diffuse colour and triangles (m, 3, 3) of every piece of geometry that the visual scene places."""
    by_id = {f"#{element.get('id')}": element for element in root.walk() if element.get("id")}
    for element in root.walk():
        if element.tag == "visual_scene":
            for node in element.all("node"):
                yield from _node_triangles(node, np.eye(4), by_id)


def _node_triangles(node: XmlElement, outer: FloatArray, by_id: _ById) -> Iterator[tuple[Colour, FloatArray]]:
    here = outer
    for step in node.children:
        if step.tag in ("matrix", "translate", "rotate", "scale"):
            here = here @ _transform(step)
    for instance in node.all("instance_geometry"):
        colours = {
            bound.get("symbol"): _diffuse(by_id[bound.get("target")], by_id)
            for bound in instance.walk()
            if bound.tag == "instance_material"
        }
        mesh = by_id[instance.get("url")].first("mesh")
        if mesh is not None:
            for piece in mesh.children:
                if piece.tag in ("triangles", "polylist"):
                    points = _piece_triangles(piece, by_id) @ here[:3, :3].T + here[:3, 3]
                    yield colours.get(piece.get("material"), GREY), points
    for child in node.all("node"):
        yield from _node_triangles(child, here, by_id)


def _transform(step: XmlElement) -> FloatArray:
    """The matrix (4, 4) of one step of a node's placement."""
    numbers = _floats(step)
    if step.tag == "matrix":
        return numbers.reshape(4, 4)
    matrix = np.eye(4)
    if step.tag == "translate":
        matrix[:3, 3] = numbers
    elif step.tag == "scale":
        matrix[:3, :3] = np.diag(numbers)
    else:
        matrix[:3, :3] = rotation_about(numbers[:3] / np.linalg.norm(numbers[:3]), np.radians(numbers[3]))
    return matrix


def _piece_triangles(piece: XmlElement, by_id: _ById) -> FloatArray:
    """Triangles (m, 3, 3) of a `triangles` or `polylist` element; polygons are cut into fans."""
    inputs = {i.get("semantic"): i for i in piece.all("input")}
    stride = 1 + max(int(i.get("offset", "0")) for i in piece.all("input"))
    corner = inputs["VERTEX"]
    position = next(i for i in by_id[corner.get("source")].all("input") if i.get("semantic") == "POSITION")
    array = by_id[position.get("source")].first("float_array")
    points = np.zeros((0, 3)) if array is None else _floats(array).reshape(-1, 3)
    index = np.array(_words(piece, "p"), dtype=np.intp).reshape(-1, stride)[:, int(corner.get("offset", "0"))]
    if len(index) and (index.min() < 0 or index.max() >= len(points)):
        raise IndexError("no such vertex")
    sides = np.array(_words(piece, "vcount"), dtype=np.intp)
    if not len(sides):
        sides = np.full(len(index) // 3, 3, dtype=np.intp)
    if not len(sides) or sides.min() < 3 or sides.sum() > len(index):
        return np.zeros((0, 3, 3))
    first = np.repeat(np.cumsum(sides) - sides, sides - 2)
    step = np.concatenate([np.arange(1, n - 1) for n in sides])
    fans: FloatArray = points[index[np.stack([first, first + step, first + step + 1], axis=1)]]
    return fans


def _words(element: XmlElement, tag: str) -> list[str]:
    child = element.first(tag)
    return [] if child is None else child.text.split()


def _floats(element: XmlElement) -> FloatArray:
    return np.array(element.text.split(), dtype=np.float64)


def _diffuse(material: XmlElement, by_id: _ById) -> Colour:
    effect = material.first("instance_effect")
    if effect is None:
        return GREY
    for element in by_id[effect.get("url")].walk():
        colour = element.first("color") if element.tag == "diffuse" else None
        if colour is not None:
            red, green, blue = (min(1.0, max(0.10, float(word))) for word in colour.text.split()[:3])
            return (red, green, blue)
    return GREY
