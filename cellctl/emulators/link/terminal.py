"""A line at a pseudoterminal, in real time: any program can open it as a serial port. It knows no protocol."""

from __future__ import annotations

import errno
import os
import select
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cellctl.emulators.link.line import Line
from cellctl.errors import Finding, UsageError
from cellctl.model.link_faults import Fault

_LONGEST_WAIT = 0.02


class Terminal:
    """A pseudoterminal with a line behind it. `port` is what a client opens: `name`, a link that follows the terminal
    when it is pulled and plugged in again, or the terminal itself. Raises UsageError U680 where `name` cannot be made.

    With the fault `hang_up` and `replug: other_device`, something that only echoes is found at the port afterwards.
    """

    def __init__(self, line: Line, *, name: Path | None = None) -> None:
        self._line, self._name = line, name
        self._epoch = time.monotonic() - line.now
        self._out: Fault | None = None
        self._foreign = False
        self._master = self._slave = -1
        self._plug_in()

    @property
    def port(self) -> str:
        """What a client opens."""
        return str(self._name) if self._name else os.ttyname(self._slave)

    def serve(self, ended: Callable[[], bool]) -> None:
        """Serve until `ended` says so."""
        while not ended():
            self._line.advance(self._now())
            self._mind_the_plug()
            self._answer(self._line.receive())
            wait = min(max(self._line.next_event - self._now(), 0.0), _LONGEST_WAIT)
            watched = [self._master] if self._out is None else []
            if select.select(watched, [], [], wait)[0]:
                self._hear()

    def close(self) -> None:
        """Take the port away."""
        self._pull_out()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _now(self) -> float:
        """The time of the line, s."""
        return time.monotonic() - self._epoch

    def _hear(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
        if self._foreign:
            self._answer(data)
        else:
            self._line.send(data, self._now())

    def _answer(self, data: bytes) -> None:
        """Hand bytes to the client; what nobody reads is lost, as on a wire."""
        if data and self._out is None:
            with suppress(BlockingIOError):
                os.write(self._master, data)

    def _mind_the_plug(self) -> None:
        fault = self._line.unplugged
        if fault is not None and self._out is None:
            self._out = fault
            self._pull_out()
        elif fault is None and self._out is not None:
            self._foreign = self._out.replug == "other_device"
            self._out = None
            self._plug_in()

    def _plug_in(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        if self._name is not None:
            self._put_name(self._name, os.ttyname(self._slave))

    def _pull_out(self) -> None:
        for descriptor in (self._slave, self._master):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = -1
        if self._name is not None and self._name.is_symlink():
            self._name.unlink()

    def _put_name(self, name: Path, terminal: str) -> None:
        """Make `name` a link to `terminal`, in place of another link and of nothing else; raises UsageError U680."""
        try:
            if name.is_symlink():
                name.unlink()
            name.symlink_to(terminal)
        except OSError as error:
            self._name = None
            self._pull_out()
            text = f"the port cannot be named {name}: {error.strerror or error}"
            raise UsageError(Finding("U680", text, suggestion="choose a name that nothing has, in a folder")) from None
