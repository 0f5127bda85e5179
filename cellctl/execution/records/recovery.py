"""Torn and damaged files of a record, brought back to their last whole record. What is left out is said."""

from __future__ import annotations

from pathlib import Path

from cellctl.errors import FileError, Finding, Place
from cellctl.execution.records.journal import parsed_record


def recovered(path: Path) -> tuple[bytes, Finding]:
    """The whole records of a journal, trace or list of events from its beginning, and what had to be left out.

    A journal ends before the first record whose checksum or number is wrong, whatever follows. Raises FileError (X450)
    for a file that cannot be read or holds no whole record.
    """
    try:
        data = path.read_bytes().rstrip(b"\0")
    except OSError as error:
        raise FileError(Finding("X450", f"it cannot be read: {error.strerror}", Place(str(path)))) from None
    lines = data.split(b"\n")
    whole = _whole_lines(path.name, lines[:-1])
    if not whole:
        raise FileError(Finding("X450", "there is no whole record in it", Place(str(path))))
    kept = b"".join(line + b"\n" for line in whole)
    lost = len(data) - len(kept)
    text = f"{len(whole)} whole records of {len(kept)} bytes; {lost} bytes behind them are left out"
    return kept, Finding("X445", text, Place(str(path)), severity="note")


def _whole_lines(name: str, lines: list[bytes]) -> list[bytes]:
    """The lines up to the first that is not whole."""
    kept: list[bytes] = []
    for number, line in enumerate(lines):
        if not _is_whole(name, number, line, kept):
            break
        kept.append(line)
    return kept


def _is_whole(name: str, number: int, line: bytes, kept: list[bytes]) -> bool:
    if "journal" in name:
        record = parsed_record(line)
        return record is not None and record.seq == number
    if name.endswith(".csv"):
        return bool(line) and (not kept or line.count(b",") == kept[0].count(b","))
    return line.startswith(b"{") and line.endswith(b"}")
