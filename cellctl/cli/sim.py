"""`cellctl sim`: keep a simulated cell up, for other commands to talk to."""

from __future__ import annotations

from cellctl.cli.output import Outcome


def start(cell: str) -> Outcome:
    """Start the simulated cell.

    Args:
        cell: The cell file.
    """
    from cellctl import files
    from cellctl.execution import session

    status = session.start(files.load_cell(cell))
    return Outcome(text=(f"{cell}: up, {status}",), data={"cell": cell, "up": True, "status": str(status)})


def stop(cell: str) -> Outcome:
    """Stop the simulated cell.

    Args:
        cell: The cell file.
    """
    from cellctl import files
    from cellctl.execution import session

    session.stop(files.load_cell(cell))
    return Outcome(text=(f"{cell}: down",), data={"cell": cell, "up": False})


def status(cell: str) -> Outcome:
    """Say whether a simulated cell is up, and in which state its arm is.

    Args:
        cell: The cell file.
    """
    from cellctl import files
    from cellctl.execution import session

    now = session.status(files.load_cell(cell))
    return Outcome(text=(f"{cell}: {now or 'down'}",), data={"cell": cell, "up": now is not None, "status": str(now)})
