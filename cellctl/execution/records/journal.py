"""The journal: an append-only file of JSON lines that still tells the truth when the process dies between any two
bytes.

A record is `{"seq", "mono", "wall", "kind", "data", "crc"}` on one line; `crc` is the CRC-32 of the canonical JSON of
the record without it. Intents are durable before what they announce begins. A journal that was not closed ends with
zeros, the room that it had taken. It decides nothing about the run.
"""

from __future__ import annotations

import fcntl
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

ROOM = 1 << 20
"""Bytes of the disk that a journal takes at a time."""
LAST_ROOM = 1 << 14
"""Bytes of it that are kept for the end of a run whose disk is full."""


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
    """A journal being written. One worker thread writes, in order, so that the control loop never waits for a disk.

    `room` bytes are taken from the disk before the run begins, and more while some are left, so that a disk that fills
    up is noticed while there still is room to say how the run ended. The file is locked while it is written.
    """

    def __init__(self, path: Path, *, room: int = ROOM) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            allocate(self._descriptor, 0, room)
            _sync_folder(path.parent)
        except OSError:
            os.close(self._descriptor)
            path.unlink()
            raise
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._seq = self._size = 0
        self._step = self._room = room
        self._broken = False
        self.failure: OSError | None = None

    def append(self, kind: str, data: Mapping[str, object]) -> Future[None]:
        """Write a record; the future is done when the operating system has it."""
        return self._worker.submit(self._write, _unnumbered(kind, data), sync=False)

    def append_durably(self, kind: str, data: Mapping[str, object]) -> Future[None]:
        """Write a record; the future is done when the disk has it and everything before it."""
        return self._worker.submit(self._write, _unnumbered(kind, data), sync=True)

    def close(self) -> None:
        """Write what is left, durably, give back the room that was not needed, and close."""
        self._worker.shutdown(wait=True)
        try:
            if not self._broken:
                os.ftruncate(self._descriptor, self._size)
                os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, record: dict[str, object], *, sync: bool) -> None:
        """Write one record under the next number. Where there is no room for more, intents are refused, and what needs
        no durability still goes into the last of it.
        """
        record["seq"] = self._seq
        line = canonical_json(record | {"crc": _crc(record)})
        self._make_room(len(line))
        if self.failure is not None and (sync or self._broken):
            raise self.failure
        try:
            while line:
                written = os.pwrite(self._descriptor, line, self._size)
                self._size += written
                line = line[written:]
            self._seq += 1
            if sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self.failure, self._broken = error, True
            raise

    def _make_room(self, size: int) -> None:
        """Take more of the disk before the last of the room is needed."""
        if self.failure is None and self._size + size > self._room - LAST_ROOM:
            try:
                allocate(self._descriptor, self._room, self._step)
                self._room += self._step
            except OSError as error:
                self.failure = error
        if self._size + size > self._room:
            self._broken = True


def _unnumbered(kind: str, data: Mapping[str, object]) -> dict[str, object]:
    """A record of what happens now, without its number, which it gets when it is written."""
    return {"mono": time.monotonic(), "wall": time.time(), "kind": kind, "data": dict(data)}


def allocate(descriptor: int, start: int, size: int) -> None:
    """Take `size` bytes of the disk for a file from `start` on; raises OSError where there is no room."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, size)
        return
    os.pwrite(descriptor, bytes(size), start)
    os.fsync(descriptor)


def is_being_written(path: Path) -> bool:
    """Whether a living process holds the journal at `path`; raises OSError."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read_journal(path: Path) -> JournalContents:
    """The records of a journal. A torn last line is left out with a notice; raises FileError (X450) for any other
    damage.
    """
    try:
        *lines, tail = path.read_bytes().rstrip(b"\0").split(b"\n")
    except OSError as error:
        raise FileError(Finding("X450", f"the journal cannot be read: {error.strerror}", Place(str(path)))) from None
    records: list[JournalRecord] = []
    for number, line in enumerate(lines):
        record = parsed_record(line)
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


def parsed_record(line: bytes) -> JournalRecord | None:
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
