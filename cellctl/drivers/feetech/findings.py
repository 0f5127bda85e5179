"""What an arm of Feetech servos alone has to complain about, in words; the rest is said as for every servo arm.
Nothing is decided here.
"""

from __future__ import annotations

from cellctl.errors import Finding
from cellctl.model.wires.feetech_registers import error_words
from cellctl.model.wiring import Wiring


def reported(wiring: Wiring, id: int, bits: int) -> Finding:
    """A servo reports an error."""
    return Finding(
        "X462",
        f"{wiring.called(id)} reports: {error_words(bits)}",
        suggestion="find the cause and let it cool; it gets no torque again before the fault is cleared",
        data={"servo": id, "bits": bits},
    )


def paused(gap: float) -> Finding:
    """The host did not send for too long, and nothing stopped the servos."""
    return Finding(
        "X470",
        f"no setpoint was sent for {gap:.2f} s; the servos have no watchdog and hold their last goals",
        suggestion="take load off the machine",
        data={"gap": gap},
    )
