"""What all tests share: where the checkout is, and generated examples that are the same on every run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

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
