"""Why there is no plan for a seam that a positioner carries: how far arm and positioner get, and what is in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellctl.errors import Finding
from cellctl.model.cell import Mechanism
from cellctl.model.pose import FloatArray
from cellctl.planning.explain_state import explain_state
from cellctl.planning.seams.carrier_places import LEANS, Lattice, lattice_of
from cellctl.planning.seams.positioned import furthest_stage, grid_ways, torches_along
from cellctl.planning.seams.reach import SeamProblem, nominal_tilt
from cellctl.scene.bodies import CollisionModel
from cellctl.scene.engine import EngineName
from cellctl.scene.screen import state_bounds


def explain_carried_seam(
    problem: SeamProblem,
    carrier: Mechanism,
    model: CollisionModel,
    near: FloatArray,
    where: str,
    *,
    engine: EngineName | None,
) -> Finding:
    """P262: whether the positioner, the reach of the arm, or something in the way ends the seam, and where; `near`
    (dof,) are the joints that it would start from, `engine` says how near is too near.
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
    hint = "make room, trim the seam, or name what the plates lie on as 'backing'"
    blocked = _most_often_blocked(problem, carrier, lattice, near)
    if blocked is None:
        return Finding("P262", text, suggestion=hint, data={"at": at})
    pair, station, q = blocked
    at = float(problem.stations.s[station])
    alone = np.where(np.arange(len(problem.margins)) == pair, problem.margins, -np.inf)
    most = f"{text}; what is in the way most often, at {at * 1e3:.1f} mm of it"
    found = explain_state(model, q, alone, "P262", most, reserve=problem.reserve, engine=engine)
    if not found:
        return Finding("P262", text, suggestion=hint, data={"at": at})
    return replace(found[0], suggestion=hint, data={**found[0].data, "at": at})


def _most_often_blocked(
    problem: SeamProblem, carrier: Mechanism, lattice: Lattice, near: FloatArray
) -> tuple[int, int, FloatArray] | None:
    """The pair that is too near at the most stations of the cheapest ways, the station where it is nearest, and the
    joints (dof,) there; None where these ways are free or unknown.
    """
    bounds, ways = np.empty(len(problem.margins)), []
    for way in grid_ways(problem, carrier, lattice, near):
        torches = torches_along(problem, carrier, lattice, way)
        if torches is not None:
            ways.append(torches.q)
    room = np.empty((len(ways), len(problem.stations), len(problem.margins)))
    for k, station in np.ndindex(room.shape[:2]):
        state_bounds(problem.screen, ways[k][station], problem.margins, bounds)
        room[k, station] = bounds - problem.margins
    counts = (room < 0.0).sum(axis=(0, 1))
    if not counts.any():
        return None
    pair = int(np.argmax(counts))
    k, station = np.unravel_index(int(np.argmin(room[:, :, pair])), room.shape[:2])
    return pair, int(station), ways[k][station]
