"""MCAP files: records of bytes behind a magic, after the format's public specification. Knows no run and no robot.

Written without chunks or index: any reader goes through it from the beginning. A file that breaks off is read up to its
last whole record.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cellctl import __version__

MAGIC = b"\x89MCAP0\r\n"
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _DATA_END = 0x01, 0x02, 0x03, 0x04, 0x05, 0x0F


class McapWriter:
    """An MCAP file being written: JSON messages on topics, each with its JSON Schema."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._count = 0
        self._file.write(MAGIC)
        self._record(_HEADER, _text("") + _text(f"cellctl {__version__}"))

    def topic(self, name: str, schema_name: str, schema: Mapping[str, object]) -> int:
        """A new topic; returns the number that its messages go under."""
        self._count += 1
        number = self._count
        data = json.dumps(schema, sort_keys=True).encode()
        self._record(_SCHEMA, _U16.pack(number) + _text(schema_name) + _text("jsonschema") + _bytes(data))
        self._record(_CHANNEL, _U16.pack(number) + _U16.pack(number) + _text(name) + _text("json") + _U32.pack(0))
        return number

    def message(self, topic: int, sequence: int, time: float, value: Mapping[str, object]) -> None:
        """One message at `time`, s."""
        nanoseconds = round(time * 1e9)
        head = _U16.pack(topic) + _U32.pack(sequence) + _U64.pack(nanoseconds) + _U64.pack(nanoseconds)
        self._record(_MESSAGE, head + json.dumps(value, separators=(",", ":"), allow_nan=False).encode())

    def close(self) -> None:
        """Write the end and close."""
        self._record(_DATA_END, _U32.pack(0))
        self._record(_FOOTER, _U64.pack(0) + _U64.pack(0) + _U32.pack(0))
        self._file.write(MAGIC)
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _record(self, opcode: int, content: bytes) -> None:
        self._file.write(bytes([opcode]) + _U64.pack(len(content)) + content)


_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")


def _bytes(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data


def _text(text: str) -> bytes:
    return _bytes(text.encode())
