"""The one door to pyserial: open a port for one process alone, then read and write it against deadlines.

pyserial sets the line up and locks it. Reading and writing go straight to the descriptor, because a port that was
pulled out must be told from one that is only silent, at once and every time.
"""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from cellctl.drivers.port import PortLost
from cellctl.errors import EnvironmentMissing, Finding

_WRITE_TIME = 0.2
_BY_ID = Path("/dev/serial/by-id")


class SerialPort:
    """A `Port` that is a serial device. Raises EnvironmentMissing when it is not there (E550) or in use (E551).

    A device under /dev/serial/by-id keeps its name when it is plugged in again, so that name is used where there is
    one. The line DTR is left low, since it resets many boards.
    """

    def __init__(self, path: str, *, baud: int, parity: Literal["N", "E", "O"] = "N", stop_bits: int = 1) -> None:
        import serial

        self.name = lasting_name(path)
        if not os.path.exists(path):
            raise EnvironmentMissing(Finding("E550", f"there is no port '{path}'", suggestion=_ports_here()))
        port = serial.Serial(baudrate=baud, parity=parity, stopbits=stop_bits, timeout=0, exclusive=True)
        port.dtr = False
        port.port = path
        try:
            port.open()
        except (serial.SerialException, OSError, ValueError) as error:
            raise EnvironmentMissing(_unopened(path, error)) from None
        self._serial = port
        self._descriptor: int = port.fileno()
        os.set_blocking(self._descriptor, False)

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def write(self, data: bytes) -> None:
        """Send all of `data`; raises PortLost, also when the line takes nothing for a while."""
        deadline = self.now() + _WRITE_TIME
        left = memoryview(data)
        try:
            while left:
                if not select.select([], [self._descriptor], [], max(deadline - self.now(), 0.0))[1]:
                    raise PortLost(f"it took no bytes for {_WRITE_TIME:g} s")
                with suppress(BlockingIOError):
                    left = left[os.write(self._descriptor, left) :]
        except (OSError, ValueError) as error:
            raise PortLost(_why(error)) from None

    def read(self, deadline: float) -> bytes:
        """What has come, empty when nothing came until `deadline`; raises PortLost."""
        try:
            if not select.select([self._descriptor], [], [], max(deadline - self.now(), 0.0))[0]:
                return b""
            data = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise PortLost(_why(error)) from None
        if not data:
            raise PortLost("it hung up")
        return data

    def wait_until(self, time: float) -> None:
        """Sleep until `time`."""
        select.select([], [], [], max(time - self.now(), 0.0))

    def close(self) -> None:
        """Give the port back; what is left unsent is lost."""
        self._descriptor = -1
        with suppress(OSError):
            self._serial.close()


def lasting_name(path: str) -> str:
    """The name of a port that stays when it is plugged in again, `path` itself where there is none."""
    with suppress(OSError):
        real = os.path.realpath(path)
        for link in sorted(_BY_ID.iterdir()):
            if os.path.realpath(link) == real:
                return str(link)
    return path


def holders(path: str) -> list[int]:
    """Processes that have the device open, as far as this user may see."""
    device = os.path.realpath(path)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.path.realpath(link) == device for link in (process / "fd").iterdir()):
                found.append(int(process.name))
    return sorted(found)


def _unopened(path: str, error: Exception) -> Finding:
    number = getattr(error, "errno", None)
    if "lock" in str(error) or number in (11, 16):
        who = ", ".join(str(pid) for pid in holders(path)) or "another process"
        return Finding("E551", f"port '{path}' is in use by process {who}", suggestion="one program at a time")
    return Finding("E550", f"port '{path}' cannot be opened: {_why(error)}", suggestion="may this user open it?")


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _ports_here() -> str:
    from serial.tools.list_ports import comports

    names = sorted(port.device for port in comports())
    return f"ports here: {', '.join(names)}" if names else "no serial port is here"
