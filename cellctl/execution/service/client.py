"""A client of the executor: asks, keeps the lease alive, and takes events. It moves nothing by itself."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, Finding
from cellctl.execution.records.outcome import Outcome
from cellctl.execution.service import protocol
from cellctl.execution.service.lease import HEARTBEAT
from cellctl.model.event import Event, event_from_json

LeasedCommand = Literal[
    "load",
    "start",
    "follow",
    "reference",
    "resume",
    "override",
    "clear",
    "reset",
    "power",
    "mode",
    "enable",
    "stride",
    "back",
]
_REPLY_TIME = 30.0
_PROOF_TIME = 1800.0
"""s: loading a plan has it proved again."""


class ExecutorClient:
    """A connection to an executor's socket. Raises Faulted (X430) when the executor is gone, and what it refuses as
    it refuses.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            message = f"no executor answers at {path}: {error.strerror or error}"
            raise EnvironmentMissing(Finding("E531", message, suggestion="start a cell first")) from None
        self._lock = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._received = b""
        self._news: deque[dict[str, Any]] = deque()
        self._number = 0
        self._epoch = 0
        self._closed = threading.Event()
        self._pulse: threading.Thread | None = None
        try:
            self.hello = self.ask("hello", name=name)
        except CellctlError:
            self._socket.close()
            raise

    def ask(self, do: str, **arguments: object) -> dict[str, Any]:
        """Send a request and return its result; what else comes meanwhile is kept."""
        self._number += 1
        self._send(protocol.request_line(do, self._number, arguments))
        patience = _PROOF_TIME if do == "load" else _REPLY_TIME
        while True:
            message = self._next_message(patience)
            if message is None:
                raise _gone(f"it did not answer '{do}' within {patience:g} s")
            if message.get("id") != self._number:
                self._news.append(message)
            elif "error" in message:
                raise protocol.error_of(message)
            else:
                result: dict[str, Any] = message["result"]
                return result

    def command(self, do: LeasedCommand, **arguments: object) -> dict[str, Any]:
        """Ask for something that needs the lease."""
        return self.ask(do, epoch=self._epoch, **arguments)

    def acquire(self) -> None:
        """Take the lease and keep it alive until `release` or `close`; raises UsageError (X420) while another has
        it.
        """
        self._epoch = int(self.ask("acquire")["epoch"])
        if self._pulse is None:
            self._pulse = threading.Thread(target=self._beat, name="lease", daemon=True)
            self._pulse.start()

    def release(self) -> None:
        """Give the lease back."""
        self.ask("release")

    def news(self, *, patience: float) -> Event | Outcome | None:
        """The next event, or the outcome of a run; None when nothing has come within `patience` s."""
        message = self._news.popleft() if self._news else self._next_message(patience)
        if message is None:
            return None
        if "outcome" in message:
            return protocol.outcome_from_json(message["outcome"])
        return event_from_json(message["event"]) if "event" in message else None

    def close(self) -> None:
        """Hang up; a lease that is still held ends with it."""
        self._closed.set()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _beat(self) -> None:
        """Send the heartbeat from a thread of its own, so that a slow caller does not lose its lease."""
        line = protocol.request_line("heartbeat", None, {})
        while not self._closed.wait(HEARTBEAT):
            with suppress(Faulted):
                self._send(line)

    def _send(self, line: bytes) -> None:
        with self._lock:
            try:
                self._socket.sendall(line)
            except OSError as error:
                raise _gone(error.strerror or str(error)) from None

    def _next_message(self, patience: float) -> dict[str, Any] | None:
        while not self._lines:
            self._socket.settimeout(patience)
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                return None
            except OSError as error:
                raise _gone(error.strerror or str(error)) from None
            if not data:
                raise _gone("it hung up")
            *lines, self._received = (self._received + data).split(b"\n")
            self._lines.extend(lines)
        message: dict[str, Any] = json.loads(self._lines.popleft())
        return message


def _gone(why: str) -> Faulted:
    finding = Finding(
        "X430", f"the executor is gone: {why}", suggestion="the arm's controller stops by itself; look at it"
    )
    return Faulted(finding)
