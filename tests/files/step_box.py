"""A box as a STEP file (AP214), written entity by entity, to have one whose figures are known."""

from __future__ import annotations

from itertools import product

UNITS = {
    "mm": "( LENGTH_UNIT() NAMED_UNIT(*) SI_UNIT(.MILLI.,.METRE.) )",
    "m": "( LENGTH_UNIT() NAMED_UNIT(*) SI_UNIT($,.METRE.) )",
}
FACES = (
    ((0, 1, 3, 2), (-1.0, 0.0, 0.0)),
    ((4, 6, 7, 5), (1.0, 0.0, 0.0)),
    ((0, 4, 5, 1), (0.0, -1.0, 0.0)),
    ((2, 3, 7, 6), (0.0, 1.0, 0.0)),
    ((0, 2, 6, 4), (0.0, 0.0, -1.0)),
    ((1, 5, 7, 3), (0.0, 0.0, 1.0)),
)


class Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, text: str) -> str:
        self.lines.append(f"#{len(self.lines) + 1}={text};")
        return f"#{len(self.lines)}"

    def point(self, xyz: tuple[float, ...]) -> str:
        return self.add(f"CARTESIAN_POINT('',({','.join(map(repr, map(float, xyz)))}))")

    def direction(self, xyz: tuple[float, ...]) -> str:
        return self.add(f"DIRECTION('',({','.join(map(repr, map(float, xyz)))}))")

    def edge(self, ends: tuple[int, int], corners: list[tuple[float, ...]], vertices: list[str]) -> str:
        a, b = (corners[end] for end in ends)
        span = tuple(q - p for p, q in zip(a, b, strict=True))
        length = sum(d * d for d in span) ** 0.5
        vector = self.add(f"VECTOR('',{self.direction(tuple(d / length for d in span))},1.)")
        line = self.add(f"LINE('',{self.point(a)},{vector})")
        return self.add(f"EDGE_CURVE('',{vertices[ends[0]]},{vertices[ends[1]]},{line},.T.)")


def step_box(size: tuple[float, float, float], unit: str = "mm") -> bytes:
    """A box from the origin to `size`, in numbers of `unit`."""
    w = Writer()
    corners = [tuple(s * k for s, k in zip(size, ks, strict=True)) for ks in product((0, 1), repeat=3)]
    vertices = [w.add(f"VERTEX_POINT('',{w.point(corner)})") for corner in corners]
    edges: dict[tuple[int, int], str] = {}
    faces = []
    for loop, normal in FACES:
        oriented = []
        for a, b in zip(loop, (*loop[1:], loop[0]), strict=True):
            key = (min(a, b), max(a, b))
            if key not in edges:
                edges[key] = w.edge(key, corners, vertices)
            oriented.append(w.add(f"ORIENTED_EDGE('',*,*,{edges[key]},{'.T.' if key == (a, b) else '.F.'})"))
        edge_loop = w.add(f"EDGE_LOOP('',({','.join(oriented)}))")
        bound = w.add(f"FACE_OUTER_BOUND('',{edge_loop},.T.)")
        other = w.direction(tuple(float(k == (1 if normal[0] else 0)) for k in range(3)))
        place = w.add(f"AXIS2_PLACEMENT_3D('',{w.point(corners[loop[0]])},{w.direction(normal)},{other})")
        plane = w.add(f"PLANE('',{place})")
        faces.append(w.add(f"ADVANCED_FACE('',({bound}),{plane},.T.)"))
    shell = w.add(f"CLOSED_SHELL('',({','.join(faces)}))")
    solid = w.add(f"MANIFOLD_SOLID_BREP('',{shell})")
    length, angle = w.add(UNITS[unit]), w.add("( NAMED_UNIT(*) PLANE_ANGLE_UNIT() SI_UNIT($,.RADIAN.) )")
    solid_angle = w.add("( NAMED_UNIT(*) SI_UNIT($,.STERADIAN.) SOLID_ANGLE_UNIT() )")
    fine = w.add(f"UNCERTAINTY_MEASURE_WITH_UNIT(LENGTH_MEASURE(1.E-07),{length},'distance_accuracy_value','')")
    context = w.add(
        "( GEOMETRIC_REPRESENTATION_CONTEXT(3) "
        f"GLOBAL_UNCERTAINTY_ASSIGNED_CONTEXT(({fine})) GLOBAL_UNIT_ASSIGNED_CONTEXT(({length},{angle},{solid_angle})) "
        "REPRESENTATION_CONTEXT('','') )"
    )
    origin = w.add(f"AXIS2_PLACEMENT_3D('',{w.point((0, 0, 0))},{w.direction((0, 0, 1))},{w.direction((1, 0, 0))})")
    shape = w.add(f"ADVANCED_BREP_SHAPE_REPRESENTATION('',({origin},{solid}),{context})")
    application = w.add("APPLICATION_CONTEXT('automotive_design')")
    w.add(f"APPLICATION_PROTOCOL_DEFINITION('international standard','automotive_design',2000,{application})")
    mechanical = w.add(f"PRODUCT_CONTEXT('',{application},'mechanical')")
    product_ = w.add(f"PRODUCT('box','box','',({mechanical}))")
    formation = w.add(f"PRODUCT_DEFINITION_FORMATION('','',{product_})")
    design = w.add(f"PRODUCT_DEFINITION_CONTEXT('part definition',{application},'design')")
    definition = w.add(f"PRODUCT_DEFINITION('design','',{formation},{design})")
    whole = w.add(f"PRODUCT_DEFINITION_SHAPE('','',{definition})")
    w.add(f"SHAPE_DEFINITION_REPRESENTATION({whole},{shape})")
    header = (
        "HEADER;FILE_DESCRIPTION((''),'2;1');FILE_NAME('','',(''),(''),'','','');"
        "FILE_SCHEMA(('AUTOMOTIVE_DESIGN'));ENDSEC;"
    )
    return "\n".join(["ISO-10303-21;", header, "DATA;", *w.lines, "ENDSEC;", "END-ISO-10303-21;", ""]).encode("ascii")
