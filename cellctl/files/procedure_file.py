"""The file of a procedure along a seam: that of a weld, a pen or a bead, by what it says of itself."""

from __future__ import annotations

from cellctl.errors import CellctlError, Place
from cellctl.files.bead_file import read_bead
from cellctl.files.reading import Reading
from cellctl.files.wps_file import read_pen, read_wps
from cellctl.model.wps import PEN, SeamProcedure

BEAD = "bead"


def read_procedure(reading: Reading, reference: str, name: str, asked: Place | None = None) -> SeamProcedure | None:
    """The procedure described at `reference`, called `name` in its cell."""
    process = _process(reading, reference)
    if process == BEAD:
        return read_bead(reading, reference, name, asked)
    return (read_pen if process == PEN else read_wps)(reading, reference, name, asked)


def _process(reading: Reading, reference: str) -> object:
    """What a file says that its process is; one that cannot be read says nothing."""
    try:
        return reading.source.tree(reference).get("process")
    except CellctlError:
        return None
