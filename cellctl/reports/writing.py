"""Report files: written whole or not at all, and never over something that is not a report. Knows no format."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cellctl.errors import Finding, Place, UsageError


def demand_own(path: Path, mark: bytes) -> None:
    """Raise UsageError (U651) where `path` is there and its first 64 kB do not hold `mark`: it is not ours."""
    try:
        with path.open("rb") as file:
            own = mark in file.read(65_536)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(path, error) from None
    if not own:
        hint = "name another file, or take it away first"
        raise UsageError(
            Finding("U651", "something that cellctl did not write is there already", Place(str(path)), hint)
        )


def write_own(path: Path, content: bytes, mark: bytes) -> None:
    """Write `content`, which holds `mark`, to `path`; raises UsageError (U651, U652)."""
    demand_own(path, mark)
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def append(path: Path, text: str) -> None:
    """Add `text` to the end of `path`; raises UsageError (U652)."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(Finding("U652", f"cannot be written: {error.strerror or error}", Place(str(path))))
