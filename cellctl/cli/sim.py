"""`cellctl sim`: keep a simulated cell up, for other commands to talk to."""

from __future__ import annotations

from dataclasses import asdict

from cellctl.cli.output import Outcome
from cellctl.errors import EnvironmentMissing


def start(cell: str) -> Outcome:
    """Start the simulated cell.

    Args:
        cell: The cell file.
    """
    from cellctl import files, jobs
    from cellctl.execution.service import standing

    jobs.demand_driver("sim")
    up = standing.start(files.load_cell(cell))
    return Outcome(text=(f"{cell}: up",), data={"cell": cell, "up": True, "socket": str(up.socket)})


def stop(cell: str) -> Outcome:
    """Stop the simulated cell.

    Args:
        cell: The cell file.
    """
    from cellctl import files
    from cellctl.execution.service import standing

    standing.stop(files.load_cell(cell))
    return Outcome(text=(f"{cell}: down",), data={"cell": cell, "up": False})


def status(cell: str) -> Outcome:
    """Say whether a simulated cell is up, and in which state its arm is.

    The exit code is 3 where it is down.

    Args:
        cell: The cell file.
    """
    from cellctl import files
    from cellctl.execution.service import standing

    now = standing.status(files.load_cell(cell))
    if now is None:
        return Outcome(
            text=(f"{cell}: down",), data={"cell": cell, "up": False}, exit_code=EnvironmentMissing.exit_code
        )
    return Outcome(text=(f"{cell}: {now}",), data={"cell": cell, "up": True, **asdict(now)})
