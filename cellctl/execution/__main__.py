"""`python -m cellctl.execution`: the executor process of one cell."""

from __future__ import annotations

import sys

from cellctl.drivers.driver import arm_setup
from cellctl.errors import CellctlError
from cellctl.execution.load import PlanLoader
from cellctl.execution.service.launch import parsed, run
from cellctl.execution.service.protocol import error_line
from cellctl.files import cell_from_inputs
from cellctl.model.inputs import unpack_inputs


def main() -> None:
    """Read the cell, open the driver, serve."""
    launch = parsed(sys.argv[1:])
    inputs = unpack_inputs(launch.cell.read_bytes())
    setup = arm_setup(
        cell_from_inputs(inputs),
        launch.mechanism,
        launch.at,
        wiring=launch.wiring,
        io=launch.io,
        io_file=launch.io_file,
    )
    try:
        run(launch, setup, PlanLoader(inputs).load)
    except CellctlError as error:
        sys.exit(error_line(None, error).decode().strip())


if __name__ == "__main__":
    main()
