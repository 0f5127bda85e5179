"""The executor's sockets: clients come, ask and go, and none of them can make the control loop wait. It knows no
motion.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cellctl.execution.service.protocol import LONGEST_LINE

_MOST_CLIENTS = 8
_LONGEST_QUEUE = 1024
_LINES_AT_A_TIME = 8
"""What is taken from one client before the control loop goes on."""


class ClientLink:
    """One client: what it sent and is not yet a line, and what waits to be sent to it."""

    def __init__(self, number: int, connection: socket.socket) -> None:
        self.number = number
        self.name = f"client {number}"
        self.subscribed = False
        self.connection = connection
        self._received = bytearray()
        self.lines: deque[bytes] = deque()
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._sending = b""

    def read(self) -> None:
        """Take what has come, whole lines into `lines`; raises ConnectionError when the client is gone or sends no
        lines.
        """
        data = self.connection.recv(65_536)
        if not data:
            raise ConnectionError
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = bytearray(rest)
        if len(rest) > LONGEST_LINE:
            raise ConnectionError
        self.lines.extend(bytes(line) for line in lines)

    def queue(self, line: bytes, *, droppable: bool = False) -> None:
        """Put a line into the queue. In a full queue the oldest droppable line makes room, or the client is given
        up.
        """
        if len(self._waiting) >= _LONGEST_QUEUE:
            self._make_room()
        self._waiting.append((line, droppable))

    def write(self) -> None:
        """Send what the socket takes now; raises OSError when the client is gone."""
        while self._sending or self._waiting:
            if not self._sending:
                self._sending = self._waiting.popleft()[0]
            try:
                self._sending = self._sending[self.connection.send(self._sending) :]
            except BlockingIOError:
                return

    @property
    def unsent(self) -> bool:
        """True while something waits."""
        return bool(self._sending or self._waiting)

    def _make_room(self) -> None:
        for index, (_, droppable) in enumerate(self._waiting):
            if droppable:
                del self._waiting[index]
                return
        raise ConnectionError


class ClientLinks:
    """The listening socket, its clients, and the parent's pipe. `orphaned` is set when the parent is gone."""

    def __init__(self, path: Path, *, lifeline: int | None) -> None:
        self.orphaned = False
        self.clients: dict[int, ClientLink] = {}
        self._count = 0
        self._path = path
        self._lifeline = lifeline
        self._selector = selectors.DefaultSelector()
        self._listening = _listening_socket(path)
        self._selector.register(self._listening, selectors.EVENT_READ, None)
        if lifeline is not None:
            self._selector.register(lifeline, selectors.EVENT_READ, None)

    def requests(self, *, patience: float) -> Iterator[tuple[ClientLink, bytes | None]]:
        """The lines that have come, with who sent them, waiting up to `patience` s; a client that is gone comes with
        None. Of one that sends many lines a few are taken, and the others the next time.
        """
        if any(client.lines for client in self.clients.values()):
            patience = 0.0
        gone = []
        for key, ready in self._selector.select(patience):
            if isinstance(key.data, ClientLink):
                gone += [] if self._serve(key.data, ready) else [key.data]
            elif key.fd == self._lifeline:
                self._read_lifeline(key.fd)
            else:
                self._take_client()
        for client in list(self.clients.values()):
            for _ in range(min(len(client.lines), _LINES_AT_A_TIME)):
                yield client, client.lines.popleft()
        for client in gone:
            yield client, None
            self.drop(client)

    def _serve(self, client: ClientLink, ready: int) -> bool:
        """Read from a client whose lines were all taken, and write what waits for it; False when it is gone."""
        try:
            if ready & selectors.EVENT_READ and not client.lines:
                client.read()
            self.flush(client)
        except OSError:
            return False
        return True

    def send(self, client: ClientLink, line: bytes) -> None:
        """Queue a reply and send what goes."""
        self._try(client, line, droppable=False)

    def publish(self, line: bytes, *, droppable: bool = False) -> None:
        """Queue a line for everybody who has subscribed."""
        for client in [client for client in self.clients.values() if client.subscribed]:
            self._try(client, line, droppable=droppable)

    def flush(self, client: ClientLink) -> None:
        """Send what the client's socket takes now, and watch for room while something is left."""
        client.write()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.modify(client.connection, events, client)

    def drop(self, client: ClientLink) -> None:
        """Hang up on a client."""
        if self.clients.pop(client.number, None) is not None:
            self._selector.unregister(client.connection)
            client.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in list(self.clients.values()):
            self.drop(client)
        self._selector.close()
        self._listening.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _try(self, client: ClientLink, line: bytes, *, droppable: bool) -> None:
        """Queue and send; a client that is gone or given up is noticed by the next `requests`."""
        try:
            client.queue(line, droppable=droppable)
            self.flush(client)
        except OSError:
            with suppress(OSError):
                client.connection.shutdown(socket.SHUT_RDWR)

    def _read_lifeline(self, descriptor: int) -> None:
        if not os.read(descriptor, 4096):
            self.orphaned = True
            self._selector.unregister(descriptor)

    def _take_client(self) -> None:
        connection, _ = self._listening.accept()
        if len(self.clients) >= _MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        self._count += 1
        self.clients[self._count] = ClientLink(self._count, connection)
        self._selector.register(connection, selectors.EVENT_READ, self.clients[self._count])


def _listening_socket(path: Path) -> socket.socket:
    """A socket for this user alone, which has its name only once it listens."""
    before = path.with_name(path.name + "~")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(before))
    os.chmod(before, 0o600)
    listening.listen(_MOST_CLIENTS)
    before.rename(path)
    return listening
