"""The one door to PyBullet: clients in DIRECT mode that pass their own id with every call. Decides no geometry."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType, TracebackType
from typing import Any

from cellctl.errors import EnvironmentMissing, Finding


class Client:
    """One PyBullet client in DIRECT mode; `client.anyFunction(...)` calls PyBullet's with this client's id.

    Each costs about 29 MiB and 20 ms, so a process makes few. PyBullet holds the GIL; a client belongs to one thread.
    """

    def __init__(self) -> None:
        self.bullet = bullet()
        self.id: int = self.bullet.connect(self.bullet.DIRECT)
        if self.id < 0:
            raise EnvironmentMissing(
                Finding("E501", "PyBullet gives no client", suggestion="close other clients first")
            )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = partial(getattr(self.bullet, name), physicsClientId=self.id)
        setattr(self, name, call)
        return call

    def close(self) -> None:
        """Disconnect; closing twice does nothing."""
        if self.id >= 0:
            self.bullet.disconnect(physicsClientId=self.id)
            self.id = -1

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@cache
def distance_client() -> Client:
    """The client that every exact distance of this process is asked of; made on first use and kept."""
    return Client()


@cache
def bullet() -> ModuleType:
    """The module `pybullet`, imported on first use without its greeting; raises EnvironmentMissing E501."""
    try:
        with quiet():
            import pybullet
    except ImportError as error:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise EnvironmentMissing(
            Finding(
                "E501",
                f"PyBullet is not installed for this Python {python}; the simulated arm and pictures need it",
                suggestion="it has wheels for Python 3.11 on Linux x86-64; elsewhere plans are proved with coal",
            )
        ) from error
    module: ModuleType = pybullet
    return module


@cache
def bullet_version() -> str:
    """The version of the installed PyBullet distribution, or an empty string."""
    try:
        return version("pybullet")
    except PackageNotFoundError:
        return ""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what C code prints inside this block off stdout and stderr; what Python printed before it stays."""
    libc = ctypes.CDLL(None)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    libc.fflush(None)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    kept = [(number, copy) for number in (1, 2) if (copy := _copy_of(number)) is not None]
    for number, _ in kept:
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        libc.fflush(None)
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


def _copy_of(number: int) -> int | None:
    """A copy of an open file descriptor, None when it is closed."""
    try:
        return os.dup(number)
    except OSError:
        return None
