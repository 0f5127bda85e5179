"""`python -m cellctl.execution`: the executor process of one cell."""

from __future__ import annotations

import sys

from cellctl.drivers.driver import arm_setup
from cellctl.execution.launch import parsed, run
from cellctl.execution.load import PlanLoader
from cellctl.files import cell_from_inputs
from cellctl.model.inputs import unpack_inputs


def main() -> None:
    """Read the cell, open the driver, serve."""
    launch = parsed(sys.argv[1:])
    inputs = unpack_inputs(launch.cell.read_bytes())
    cell = cell_from_inputs(inputs)
    run(launch, arm_setup(cell, launch.mechanism, launch.at), PlanLoader(inputs).load)


if __name__ == "__main__":
    main()
