"""What all tests share: where the checkout is, and generated examples that are the same on every run."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from cellctl.model.plan import Plan

# Plans kept by `check` stay out of the user's own cache, and every test run begins without any.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cellctl-tests-")

settings.register_profile("cellctl", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("cellctl")


@pytest.fixture(scope="session")
def checkout() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tray_corner() -> Plan:
    """The first job, planned once for all tests that look at it."""
    from cellctl.files import load_task
    from cellctl.jobs import plan

    return plan(load_task(Path(__file__).resolve().parents[1] / "tasks" / "weld" / "tray_corner.yaml"))


@pytest.fixture(scope="session")
def served() -> Callable[[Any, Path], AbstractContextManager[threading.Event]]:
    """Serves emulated devices at a pseudoterminal, in a thread; the event that it gives pulls the cable."""
    from cellctl.emulators.link.line import Line
    from cellctl.emulators.link.terminal import Terminal

    @contextmanager
    def serving(devices: Any, port: Path) -> Iterator[threading.Event]:
        ready, ended = threading.Event(), threading.Event()

        def serve() -> None:
            with Terminal(Line(devices, baud=115_200), name=port) as terminal:
                ready.set()
                terminal.serve(ended.is_set)

        thread = threading.Thread(target=serve)
        thread.start()
        assert ready.wait(120.0)
        try:
            yield ended
        finally:
            ended.set()
            thread.join(120.0)

    return serving
