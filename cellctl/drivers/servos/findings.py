"""What an arm of serial servos has to complain about, in words. Nothing is decided here."""

from __future__ import annotations

from math import degrees, pi

from cellctl.drivers.driver import ArmState
from cellctl.drivers.last_pose import last_pose
from cellctl.errors import Finding
from cellctl.model.wiring import Wiring


def lost(port: str, why: str, wiring: Wiring, last: ArmState | None) -> Finding:
    """The port is gone."""
    message = f"the arm at {port} was lost: {why}{last_pose(wiring.joints, last)}"
    return Finding(
        "X460",
        message,
        suggestion="look at the arm and its cable, then clear the fault",
        data={"port": port, "joints": None if last is None else last.joints.tolist()},
    )


def silent(wiring: Wiring, ids: list[int], what: str, port: str, last: ArmState | None) -> Finding:
    """Servos do not answer; `what` says for how long."""
    whole = set(ids) >= {axis.id for axis in wiring.axes}
    who = "no servo" if whole else ", ".join(wiring.called(id) for id in ids)
    return Finding(
        "X461",
        f"{who} at {port} {'has answered' if whole else 'does not answer:'} {what}{last_pose(wiring.joints, last)}",
        suggestion="look at power and cables",
        data={"port": port, "servos": ids},
    )


def reported(wiring: Wiring, id: int, bits: int, words: str) -> Finding:
    """A servo reports an error."""
    return Finding(
        "X462",
        f"{wiring.called(id)} reports: {words}",
        suggestion="find the cause and let it cool; it gets no torque again before the fault is cleared",
        data={"servo": id, "bits": bits},
    )


def without_torque(wiring: Wiring, id: int) -> Finding:
    """A servo has no torque any more, though nobody took it away."""
    return Finding(
        "X463",
        f"{wiring.called(id)} has lost its torque: it was started anew, or somebody else switched it off",
        suggestion="look at its power supply",
        data={"servo": id},
    )


def paused(gap: float) -> Finding:
    """The host did not send for too long."""
    return Finding(
        "X464",
        f"no setpoint was sent for {gap:.2f} s, longer than the servos wait; they have stopped by themselves",
        suggestion="take load off the machine",
        data={"gap": gap},
    )


def paused_without_watchdog(gap: float) -> Finding:
    """The host did not send for too long, and nothing stopped the servos."""
    return Finding(
        "X470",
        f"no setpoint was sent for {gap:.2f} s; the servos have no watchdog and hold their last goals",
        suggestion="take load off the machine",
        data={"gap": gap},
    )


def expired(wiring: Wiring, id: int) -> Finding:
    """The watchdog of a servo has stopped it."""
    return Finding(
        "X464", f"the watchdog of {wiring.called(id)} has stopped it: it heard no packet in time", data={"servo": id}
    )


def deaf(wiring: Wiring, id: int, cycles: int) -> Finding:
    """A servo does not take its setpoints."""
    return Finding("X465", f"{wiring.called(id)} did not take the last {cycles} setpoints", data={"servo": id})


def implausible(wiring: Wiring, id: int, speed: float) -> Finding:
    """A servo reports positions that it cannot have got to."""
    return Finding(
        "X466",
        f"{wiring.called(id)} reports a position that it could only have reached at {degrees(speed):.0f} deg/s",
        suggestion="the line or the encoder is at fault",
        data={"servo": id},
    )


def outside(wiring: Wiring, id: int, joint: str, value: float, lower: float, upper: float) -> Finding:
    """A joint stands where it must not be switched on."""
    hint = "its turns may be counted wrong: see whether the arm really stands there, and calibrate"
    return Finding(
        "X467",
        f"{wiring.called(id)} stands at {degrees(value):.1f} deg, outside its limits "
        f"{degrees(lower):.1f} .. {degrees(upper):.1f} deg; it is not switched on",
        suggestion=hint if abs(value) > pi else "move the arm by hand to where it may stand",
        data={"joint": joint, "value": value},
    )


def refused(wiring: Wiring, id: int, what: str) -> Finding:
    """A servo did not do what it was told to while it was switched on."""
    return Finding("X468", f"{wiring.called(id)} cannot be switched on: {what}", data={"servo": id})


def without_power() -> Finding:
    """A setpoint came while the arm was to be without power."""
    return Finding("X468", "the arm was told to be without power", suggestion="give it power first")


def too_far(wiring: Wiring, id: int, what: str) -> Finding:
    """A setpoint that a servo must not be given."""
    return Finding("X408", f"a setpoint for {wiring.called(id)} {what}; it was not sent", data={"servo": id})


def differs(wiring: Wiring, id: int, what: str, expected: object, found: object) -> Finding:
    """A servo that is not as the wiring says."""
    return Finding(
        "E554",
        f"{wiring.called(id)}: {what} is {found}, the wiring says {expected}",
        suggestion="is this the arm that was meant? else correct the wiring file or the servo",
        data={"servo": id, "what": what, "expected": expected, "found": found},
    )


def no_answer(port: str, wiring: Wiring, ids: list[int]) -> Finding:
    """Servos are missing when the arm is opened."""
    names = ", ".join(wiring.called(id) for id in ids)
    return Finding(
        "E553",
        f"{names} did not answer at {port} with {wiring.baud} baud",
        suggestion="look at power, cable, ids and baud rate",
        data={"port": port, "servos": ids},
    )


def too_slow(port: str, wiring: Wiring, ceiling: float) -> Finding:
    """The bus cannot carry the rate."""
    return Finding(
        "E552",
        f"{len(wiring.models)} servos at {wiring.baud} baud allow {ceiling:.0f} cycles a second at most; half of that "
        f"is the limit, and a period of {1e3 * wiring.period:g} ms asks for {1.0 / wiring.period:.0f}",
        suggestion="raise the baud rate of the servos, or the period",
        data={"port": port, "ceiling": ceiling},
    )
