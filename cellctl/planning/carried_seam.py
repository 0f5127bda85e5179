"""Why there is no plan for a seam that a positioner carries: how far arm and positioner get. Asks no exact engine."""

from __future__ import annotations

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray
from cellctl.planning.seams.carrier_places import LEANS, Lattice, lattice_of
from cellctl.planning.seams.positioned import furthest_stage, grid_ways, torches_along
from cellctl.planning.seams.reach import SeamProblem, nominal_tilt
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.screen import state_bounds


def explain_carried_seam(
    problem: SeamProblem, carrier: Mechanism, model: CollisionModel, near: FloatArray, where: str
) -> Finding:
    """P262: whether the positioner, the reach of the arm, or something in the way ends the seam, and where; `near`
    (dof,) are the joints that it would start from.
    """
    length = float(problem.stations.s[-1])
    lattice = lattice_of(problem, carrier, nominal_tilt(problem.settings)[0])
    if lattice is None:
        lean = np.degrees(LEANS[-1])
        text = f"{where}: '{carrier.name}' cannot hold the face of the seam within {lean:.0f} deg of up all along it"
        return Finding("P262", text, suggestion="fix the part to the table another way, or split the seam")
    leans = f"with the face within {np.degrees(lattice.lean):.0f} deg of up"
    at = float(problem.stations.s[furthest_stage(problem, carrier, lattice)])
    if at < length:
        text = f"{where}: {leans}, arm and '{carrier.name}' get no further than {at * 1e3:.1f} of {length * 1e3:.1f} mm"
        return Finding("P262", text, suggestion="move the positioner nearer, or split the seam there", data={"at": at})
    text = f"{where}: {leans}, arm and '{carrier.name}' have a way along the seam, but none free of obstacles was found"
    pair = _binding_pair(problem, carrier, lattice, model, near)
    named = f"{text}: {pair[0]} and {pair[1]} are in the way most often" if pair else text
    hint = "make room, trim the seam, or name what the plates lie on as 'backing'"
    return Finding("P262", named, suggestion=hint, data={"at": at, "pair": pair})


def _binding_pair(
    problem: SeamProblem, carrier: Mechanism, lattice: Lattice, model: CollisionModel, near: FloatArray
) -> tuple[str, str] | None:
    """The pair that is too near at the most stations of the cheapest ways; None where these are free or unknown."""
    counts, bounds = np.zeros(len(problem.margins), dtype=np.intp), np.empty(len(problem.margins))
    for way in grid_ways(problem, carrier, lattice, near):
        torches = torches_along(problem, carrier, lattice, way)
        for q in () if torches is None else torches.q:
            state_bounds(problem.screen, q, problem.margins, bounds)
            counts += bounds < problem.margins
    return model.pair_names(int(np.argmax(counts))) if counts.any() else None
