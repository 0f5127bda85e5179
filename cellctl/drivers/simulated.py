"""The driver of the simulated arm: requests and replies over its controller's socket. It knows nothing of the arm's
mechanics.
"""

from __future__ import annotations

import json
import socket
from typing import Literal

from cellctl.drivers.driver import ArmIdentity, ArmSetup, ArmState, Setpoint
from cellctl.drivers.stopped_at_exit import StoppedAtExit
from cellctl.errors import EnvironmentMissing, Faulted, Finding
from cellctl.model import arm_wire as wire
from cellctl.model.arm_wire import Fault, Frame, Kind, Report

_ANSWER_TIME = 5.0


class SimulatedArm(StoppedAtExit):
    """A `Driver` for the controller that listens at a socket path. Raises Faulted (X407) when the link or the
    controller fails.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._sequence = 0
        self._buffer = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_ANSWER_TIME)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            message = f"no simulated arm answers at {path}: {error.strerror or error}"
            raise EnvironmentMissing(
                Finding("E530", message, suggestion="start one, or choose another driver")
            ) from None
        try:
            self._identity = self._ask_identity()
        except Faulted:
            self._socket.close()
            raise

    def identify(self) -> ArmIdentity:
        """The identity that the controller gave when it was connected."""
        return self._identity

    def read(self) -> ArmState:
        """The measured state now; a latched fault of the controller is not raised here."""
        return _state(self._report(Kind.READ))

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """One cycle; raises Faulted (X407) when the controller refused it or has stopped on its own."""
        self._sequence += 1
        frame = wire.pack_setpoint(self._sequence, setpoint.joints, setpoint.outputs, setpoint.analog)
        report = self._request(frame)
        if report.fault != Fault.NONE:
            raise Faulted(_fault_finding(report.fault))
        return _state(report)

    def stop(self) -> ArmState:
        """Decelerate to standstill, process off; returns when the arm stands."""
        return _state(self._report(Kind.STOP))

    def power(self, state: Literal["off", "on"]) -> None:
        """Brakes closed and outputs off at once, or motors on with the arm holding where it stands."""
        self._report(Kind.POWER_ON if state == "on" else Kind.POWER_OFF)

    def clear(self) -> None:
        """Acknowledge a latched fault."""
        self._report(Kind.CLEAR)

    def close(self) -> None:
        """Hang up; an arm in motion is then stopped by its controller."""
        self._socket.close()

    def _ask_identity(self) -> ArmIdentity:
        self._sequence += 1
        frame = self._exchange(wire.pack(Kind.IDENTIFY, self._sequence))
        if frame.kind != Kind.IDENTITY:
            raise _lost(f"it answered with {frame.kind.name} when it was asked who it is")
        try:
            said = json.loads(frame.payload)
            joints = tuple(str(joint) for joint in said["joints"])
            return ArmIdentity(
                "sim",
                str(said["robot"]),
                joints,
                float(said["period"]),
                said["pace"],
                lag=float(said["lag"]),
                slip=float(said["slip"]),
                analog=True,
            )
        except (ValueError, KeyError, TypeError):
            raise _lost("its identity cannot be read") from None

    def _report(self, kind: Kind) -> Report:
        self._sequence += 1
        return self._request(wire.pack(kind, self._sequence))

    def _request(self, data: bytes) -> Report:
        frame = self._exchange(data)
        try:
            return wire.report_of(frame)
        except wire.WireError as error:
            raise _lost(str(error)) from None

    def _exchange(self, data: bytes) -> Frame:
        """Send a request, wait for its own reply."""
        try:
            self._socket.sendall(data)
            while True:
                frame, size = wire.unpack(self._buffer) if self._buffer else (None, 0)
                if frame is None:
                    received = self._socket.recv(65_536)
                    if not received:
                        raise _lost("it hung up")
                    self._buffer += received
                    continue
                del self._buffer[:size]
                if frame.kind == Kind.REFUSED:
                    raise _lost(frame.payload.decode(errors="replace"))
                if frame.sequence == self._sequence:
                    return frame
        except TimeoutError:
            raise _lost(f"no answer within {_ANSWER_TIME:g} s") from None
        except (OSError, wire.WireError) as error:
            raise _lost(str(error)) from None


def open_simulated_arm(port: str, setup: ArmSetup) -> SimulatedArm:
    """The simulated arm at the socket path `port`; raises Faulted (X407) when it is another arm than `setup`
    describes.
    """
    arm = SimulatedArm(port)
    identity = arm.identify()
    if (identity.robot, identity.joints) != (setup.robot, setup.joints):
        arm.close()
        raise _lost(f"it is a {identity.robot} with the joints {', '.join(identity.joints)}, not a {setup.robot}")
    return arm


def _state(report: Report) -> ArmState:
    return ArmState(
        report.time,
        report.joints,
        report.velocities,
        report.torques,
        report.inputs,
        stalled=report.stalled,
        analog=report.analog,
    )


def _lost(why: str) -> Faulted:
    return Faulted(Finding("X407", f"the link to the simulated arm failed: {why}"))


_FAULTS = {
    Fault.WATCHDOG: "no setpoint came in time",
    Fault.DISCONNECTED: "its client hung up while the arm moved",
    Fault.NOT_FINITE: "a setpoint was not finite",
    Fault.TOO_FAST: "a setpoint was too far from the one before",
    Fault.OUT_OF_LIMITS: "a setpoint was outside the joint limits",
    Fault.WRONG_JOINTS: "a setpoint had a wrong number of joints",
    Fault.NO_POWER: "the arm has no power",
}


def _fault_finding(fault: Fault) -> Finding:
    return Finding(
        "X407",
        f"the arm's controller stopped on its own: {_FAULTS.get(fault, 'for an unknown reason')}",
        suggestion="clear the fault when its cause is gone",
        data={"fault": fault.name},
    )
