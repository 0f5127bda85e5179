"""What all tests share: where the checkout is, and generated examples that are the same on every run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("cellctl", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("cellctl")


@pytest.fixture(scope="session")
def checkout() -> Path:
    return Path(__file__).resolve().parents[1]
