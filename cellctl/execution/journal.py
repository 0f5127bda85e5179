"""The journal: an append-only file of JSON lines that still tells the truth when the process dies between any two
bytes.

A record is `{"seq", "mono", "wall", "kind", "data", "crc"}` on one line; `crc` is the CRC-32 of the canonical JSON of
the record without it. Intents are durable before what they announce begins. It decides nothing about the run.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cellctl.errors import FileError, Finding, Place
from cellctl.model.inputs import canonical_json


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One record: `seq` counts from 0, `mono` and `wall` are s, `data` JSON values."""

    seq: int
    mono: float
    wall: float
    kind: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What a journal holds; `notice` says what was cut off at its end, if anything was."""

    records: tuple[JournalRecord, ...]
    notice: Finding | None = None


class Journal:
    """A journal being written. One worker thread writes, in order, so that the control loop never waits for a disk."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        _sync_folder(path.parent)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._seq = 0
        self.failure: OSError | None = None

    def append(self, kind: str, data: Mapping[str, object]) -> Future[None]:
        """Write a record; the future is done when the operating system has it."""
        return self._worker.submit(self._write, self._line(kind, data), sync=False)

    def append_durably(self, kind: str, data: Mapping[str, object]) -> Future[None]:
        """Write a record; the future is done when the disk has it and everything before it."""
        return self._worker.submit(self._write, self._line(kind, data), sync=True)

    def close(self) -> None:
        """Write what is left, durably, and close."""
        self._worker.shutdown(wait=True)
        if self.failure is None:
            os.fsync(self._descriptor)
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, kind: str, data: Mapping[str, object]) -> bytes:
        record: dict[str, object] = {
            "seq": self._seq,
            "mono": time.monotonic(),
            "wall": time.time(),
            "kind": kind,
            "data": dict(data),
        }
        self._seq += 1
        return canonical_json(record | {"crc": _crc(record)})

    def _write(self, line: bytes, *, sync: bool) -> None:
        if self.failure is not None:
            raise self.failure
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
            if sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self.failure = error
            raise


def read_journal(path: Path) -> JournalContents:
    """The records of a journal. A torn last line is left out with a notice; raises FileError (X450) for any other
    damage.
    """
    try:
        *lines, tail = path.read_bytes().split(b"\n")
    except OSError as error:
        raise FileError(Finding("X450", f"the journal cannot be read: {error.strerror}", Place(str(path)))) from None
    records: list[JournalRecord] = []
    for number, line in enumerate(lines):
        record = _parsed(line)
        if record is None or record.seq != number:
            raise FileError(
                Finding(
                    "X450",
                    "the journal is damaged here: the record's checksum or sequence number is wrong",
                    Place(str(path), number + 1, 1),
                    suggestion="what follows cannot be trusted; treat the run as one whose end is unknown",
                )
            )
        records.append(record)
    if not tail:
        return JournalContents(tuple(records))
    notice = Finding(
        "X451",
        f"the last line is torn: {len(tail)} bytes are left out",
        Place(str(path), len(lines) + 1, 1),
        severity="note",
    )
    return JournalContents(tuple(records), notice)


def _parsed(line: bytes) -> JournalRecord | None:
    """The record on a line, or None when the line is not one."""
    try:
        record = json.loads(line)
        if canonical_json(record) != line + b"\n":
            return None
        crc = record.pop("crc")
        if crc != _crc(record):
            return None
        return JournalRecord(record["seq"], record["mono"], record["wall"], record["kind"], record["data"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _crc(record: Mapping[str, object]) -> int:
    return zlib.crc32(canonical_json(record))


def _sync_folder(folder: Path) -> None:
    """Make the folder's new entry durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
