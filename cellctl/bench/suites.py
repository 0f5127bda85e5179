"""The table of suites, each imported when it is run. It measures nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from cellctl.bench.figures import SuiteResult

Progress = Callable[[str, float | None], None]
Suite = Callable[[int, Progress], SuiteResult]
"""Measures with so many repeats, saying what it is at."""

SUITES = {
    "screen": "cellctl.bench.screen:screen",
    "ik": "cellctl.bench.ik:ik",
    "timing": "cellctl.bench.timing:timing",
    "seam": "cellctl.bench.seam:seam",
    "job": "cellctl.bench.job:job",
    "proof": "cellctl.bench.proof:proof",
    "narrow": "cellctl.bench.narrow:narrow",
}
"""Suites that need nothing but cellctl, in the order in which they run."""


def suite(name: str) -> Suite:
    """The suite of this name; raises KeyError."""
    module, _, function = SUITES[name].partition(":")
    return cast(Suite, getattr(import_module(module), function))
