"""`cellctl release`: take the torque of an arm, so that a person can move it by hand."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from cellctl.cli.consent import demand_consent
from cellctl.cli.output import Outcome


def release(arm: str, *, port: str, yes: Annotated[bool, Parameter(negative="")] = False) -> Outcome:
    """Take the torque of a real arm; one without brakes falls unless somebody holds it.

    Args:
        arm: An arm of the library, or a wiring file.
        port: The serial port.
        yes: The arm may fall.
    """
    from cellctl.cli.port_doctor import released

    demand_consent(port, yes=yes, to="lose its torque and fall")
    released(port, arm)
    return Outcome(text=(f"{port}: no servo holds",), data={"port": port, "released": True})
