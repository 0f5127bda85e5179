"""The controller behind a local socket: one client at a time, in lock-step or in real time. It decides nothing about
motion.

The process also watches its parent: when the pipe that it got as standard input closes, it ends once its client has
stopped the arm, or stops the arm itself when the client takes too long.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from cellctl.emulators.simulated_arm.controller import Controller
from cellctl.emulators.simulated_arm.pacing import Pacing
from cellctl.model import arm_wire as wire
from cellctl.model.arm_wire import Fault, Frame, Kind
from cellctl.model.inputs import canonical_json

Pace = Literal["lock_step", "arm"]
_IDLE = 0.5
_GRACE = 2.0
_BACKLOG = 4


class ControllerSocket:
    """The listening socket, its one client and the parent's pipe. `ended` is set when the parent is gone or a stop
    was asked for.
    """

    def __init__(self, path: Path, *, lifeline: int | None) -> None:
        self.ended = False
        self._grace_ends = 0.0
        self._client: socket.socket | None = None
        self._refused: socket.socket | None = None
        self._buffer = bytearray()
        self._lifeline = lifeline
        self._selector = selectors.SelectSelector()  # the others count in whole milliseconds
        self._listening = _listening_socket(path)
        self._path = path
        self._selector.register(self._listening, selectors.EVENT_READ)
        if lifeline is not None:
            self._selector.register(lifeline, selectors.EVENT_READ)

    def requests(self, *, patience: float) -> Iterator[Frame | None]:
        """The whole frames that have come, waiting up to `patience` s for a first one; None says that the client is
        gone. Who hangs up is heard before who comes.
        """
        ready = {key.fileobj for key, _ in self._selector.select(max(patience, 0.0))}
        if self._client in ready:
            yield from self._read_client()
        if self._lifeline is not None and self._lifeline in ready:
            self._read_lifeline(self._lifeline)
        if self._listening in ready:
            self._take_client()

    def send(self, data: bytes) -> None:
        """Send to the client, if it is still there. One that is gone, or does not read, is cut off, which the next
        `requests` tells.
        """
        if self._client is None:
            return
        try:
            self._client.sendall(data)
        except OSError:
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Ask for the end, as a signal does."""
        if not self.ended:
            self.ended, self._grace_ends = True, time.monotonic() + _GRACE

    @property
    def overdue(self) -> bool:
        """True when the client had its time to stop the arm on its path after the end was asked for."""
        return self.ended and time.monotonic() > self._grace_ends

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()
        if self._refused is not None:
            self._refused.close()
        self._listening.close()
        self._selector.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _read_lifeline(self, descriptor: int) -> None:
        if not os.read(descriptor, 4096):
            self._selector.unregister(descriptor)
            self.end()

    def _take_client(self) -> None:
        client, _ = self._listening.accept()
        if self._client is not None:
            self._refuse(client)
            return
        client.settimeout(_IDLE)
        self._client = client
        self._buffer.clear()
        self._selector.register(client, selectors.EVENT_READ)

    def _refuse(self, client: socket.socket) -> None:
        """Say why, and hang up only when the next one is refused: what is closed at once may not be read."""
        with suppress(OSError):
            client.sendall(wire.pack(Kind.REFUSED, 0, b"this arm already has a client"))
        if self._refused is not None:
            self._refused.close()
        self._refused = client

    def _read_client(self) -> Iterator[Frame | None]:
        try:
            received = b"" if self._client is None else self._client.recv(65_536)
            self._buffer += received
            yield from self._frames()
        except (OSError, wire.WireError) as error:
            self.send(wire.pack(Kind.REFUSED, 0, str(error).encode()))
            received = b""
        if not received:
            self._drop()
            yield None

    def _frames(self) -> Iterator[Frame]:
        while self._buffer:
            frame, size = wire.unpack(self._buffer)
            if frame is None:
                return
            del self._buffer[:size]
            yield frame

    def _drop(self) -> None:
        if self._client is not None:
            self._selector.unregister(self._client)
            self._client.close()
            self._client = None


def _listening_socket(path: Path) -> socket.socket:
    """A socket for this user alone, which has its name only once it listens."""
    before = path.with_name(path.name + "~")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(before))
    os.chmod(before, 0o600)
    listening.listen(_BACKLOG)
    before.rename(path)
    return listening


def serve_lock_step(controller: Controller, link: ControllerSocket) -> None:
    """One tick for every setpoint, as fast as they come, until the parent is gone and the stream of setpoints has
    ended.
    """
    while not (link.ended and (link.overdue or not controller.streams)):
        for frame in link.requests(patience=_IDLE):
            if frame is None:
                controller.abort_if_streaming(Fault.DISCONNECTED)
                controller.settle()
            elif frame.kind == Kind.SETPOINT:
                _accept(controller, frame)
                controller.tick()
                link.send(wire.pack_report(frame.sequence, controller.report()))
            else:
                if frame.kind == Kind.STOP:
                    controller.stop()
                answer = _answer(controller, frame, pace="lock_step")
                if frame.kind in (Kind.STOP, Kind.POWER_OFF):
                    controller.settle()
                    answer = wire.pack_report(frame.sequence, controller.report())
                link.send(answer)
    controller.abort_if_streaming(Fault.DISCONNECTED)
    controller.settle()


def serve_real_time(controller: Controller, link: ControllerSocket) -> None:
    """One tick a period in which the process is let run, whoever is there, until the parent is gone and the arm
    stands.
    """
    pacing = Pacing(controller.settings.period)
    waiting: Frame | None = None
    while not (link.ended and controller.stands):
        for frame in link.requests(patience=pacing.left):
            if frame is None:
                waiting = None
                controller.abort_if_streaming(Fault.DISCONNECTED)
            elif frame.kind in (Kind.SETPOINT, Kind.STOP):
                waiting = frame
                _begin(controller, frame)
            else:
                link.send(_answer(controller, frame, pace="arm"))
        if not pacing.due():
            continue
        controller.stalled = pacing.stalled
        if link.overdue:
            controller.abort_if_streaming(Fault.DISCONNECTED)
        controller.tick()
        if waiting is not None and (waiting.kind == Kind.SETPOINT or controller.stands):
            link.send(wire.pack_report(waiting.sequence, controller.report()))
            waiting = None


def _begin(controller: Controller, frame: Frame) -> None:
    """Take a setpoint or begin a stop."""
    if frame.kind == Kind.SETPOINT:
        _accept(controller, frame)
    else:
        controller.stop()


def _accept(controller: Controller, frame: Frame) -> None:
    try:
        controller.accept(*wire.setpoint_of(frame))
    except wire.WireError:
        controller.abort(Fault.WRONG_JOINTS)


def _answer(controller: Controller, frame: Frame, *, pace: Pace) -> bytes:
    """The reply to a request that moves nothing."""
    if frame.kind == Kind.IDENTIFY:
        return wire.pack(Kind.IDENTITY, frame.sequence, _identity(controller, pace))
    if frame.kind == Kind.CLEAR:
        controller.clear()
    elif frame.kind == Kind.POWER_OFF:
        controller.power_off()
    elif frame.kind == Kind.POWER_ON:
        controller.power_on()
    return wire.pack_report(frame.sequence, controller.report())


def _identity(controller: Controller, pace: Pace) -> bytes:
    figures, settings = controller.figures, controller.settings
    return canonical_json(
        {
            "robot": figures.robot,
            "joints": list(figures.joints),
            "period": settings.period,
            "pace": pace,
            "lag": settings.lag,
            "slip": settings.slip * 3 * settings.period,
        }
    )
