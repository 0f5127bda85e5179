"""Progress of long work on stderr, for people only: none when stderr is not a terminal or under CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ProgressCall = Callable[[str, float | None], None]
"""What long work calls: what it is doing now, and the share done in [0, 1], or None where that is not known."""


@contextmanager
def progress() -> Iterator[ProgressCall]:
    """A line that says what is being done, how far it is and for how long; it goes away when the work is over."""
    if not sys.stderr.isatty() or os.environ.get("CI"):
        yield _say_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def say(text: str, fraction: float | None) -> None:
            bar.update(task, description=text, total=None if fraction is None else 1.0, completed=fraction or 0.0)

        yield say


def _say_nothing(text: str, fraction: float | None) -> None:
    """Progress that nobody looks at."""
