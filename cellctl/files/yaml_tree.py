"""YAML text to plain values that know their line and column; a strict safe subset. Knows no field of any file.

Refused: tags, anchors and aliases, directives, several documents, duplicate keys, keys that are not plain text,
anything but UTF-8, more than 10 MB, deeper than 64, more than 100 000 values. Scalars follow YAML 1.2 (`on` is text).
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, Final

from cellctl.errors import FileError, Finding, Place

MAX_BYTES: Final = 10_000_000
MAX_DEPTH: Final = 64
MAX_VALUES: Final = 100_000

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NUMBERS = re.compile(r"[-+]?[0-9.]+(\s|$)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))

Position = tuple[int, int]


class YamlMap(dict[str, Any]):
    """A mapping with the position of itself (`at`), of every key and of every value; 1-based line and column."""

    __slots__ = ("at", "key_at", "value_at")

    def __init__(self, at: Position = (0, 0)) -> None:
        super().__init__()
        self.at = at
        self.key_at: dict[str, Position] = {}
        self.value_at: dict[str, Position] = {}

    def put(self, key: str, value: object, key_at: Position, value_at: Position) -> None:
        """Add one entry with its positions."""
        self[key] = value
        self.key_at[key] = key_at
        self.value_at[key] = value_at


class YamlList(list[Any]):
    """A list with the position of itself (`at`) and of every item."""

    __slots__ = ("at", "value_at")

    def __init__(self, at: Position = (0, 0)) -> None:
        super().__init__()
        self.at = at
        self.value_at: list[Position] = []

    def put(self, value: object, value_at: Position) -> None:
        """Add one item with its position."""
        self.append(value)
        self.value_at.append(value_at)


def in_key_order(tree: YamlMap) -> YamlMap:
    """A copy with the keys of every mapping sorted: their order says nothing, so it must not change a plan."""
    ordered = YamlMap(tree.at)
    for key in sorted(tree):
        ordered.put(key, _ordered(tree[key]), tree.key_at[key], tree.value_at[key])
    return ordered


def _ordered(value: object) -> object:
    if isinstance(value, YamlMap):
        return in_key_order(value)
    if isinstance(value, YamlList):
        items = YamlList(value.at)
        for item, at in zip(value, value.value_at, strict=True):
            items.put(_ordered(item), at)
        return items
    return value


def read_yaml(path: Path, shown: str) -> YamlMap:
    """The mapping in the file at `path`, called `shown` in findings; raises FileError with every problem met."""
    return parse_yaml(read_text(path, shown), shown)


def read_text(path: Path, shown: str) -> str:
    """The text of a regular UTF-8 file of at most 10 MB, a leading byte order mark dropped; raises FileError."""
    data = read_bytes(path, shown)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise FileError(Finding("F104", message, Place(shown, line, column), "save the file as UTF-8")) from None


def read_bytes(path: Path, shown: str, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file of at most `limit`; raises FileError."""
    place = Place(shown)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise FileError(Finding("F102", f"this is {what}", place, "name a file"))
        if status.st_size > limit:
            raise FileError(Finding("F103", f"{status.st_size} bytes are too many", place, f"at most {limit} are read"))
        with path.open("rb") as file:
            return file.read(limit + 1)[:limit]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(Finding("F101", f"cannot be read: {reason}", place)) from None


def parse_yaml(text: str, shown: str) -> YamlMap:
    """The mapping that `text` holds; raises FileError with every problem met up to the first that hides the rest."""
    builder = _Builder(shown)
    try:
        for event in _events(text):
            builder.take(event)
            if builder.full:
                break
    except _NotYamlError as error:
        builder.report("F105", error.problem, error.at, error.hint)
    if not builder.findings and not isinstance(builder.root, YamlMap):
        what = "the file is empty" if builder.root is None else "the file is not a mapping"
        builder.report("F105", what, (1, 1), "write 'key: value' lines")
    if builder.findings or builder.root is None:
        raise FileError(builder.findings)
    root: YamlMap = builder.root
    return root


_LAYOUT: Final = {
    "mapping values are not allowed here": "put every 'key: value' on a line of its own, as far in as its neighbours",
    "expected <block end>, but found '-'": "put a list under a key of its own, its items one below the other",
    "expected <block end>, but found '<block mapping start>'": "put keys that belong together equally far in",
}
"""What is most likely meant by what the parser says about the layout."""


class _NotYamlError(Exception):
    def __init__(self, problem: str, at: Position, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.at = at
        self.hint = hint


def _events(text: str) -> Iterator[Any]:
    """The parser's events; everything that it raises comes out as `_NotYamlError`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        tab = mark is not None and "\t" in _line_of(text, mark.line)[: mark.column + 1]
        hint = "indent with spaces, not tabs" if tab else _LAYOUT.get(_one_line(error.problem), "")
        raise _NotYamlError(_one_line(error.problem or error.context), _position(mark), hint) from None
    except YAMLError as error:
        position = getattr(error, "position", None)
        before = text[: position or 0]
        at = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise _NotYamlError(_one_line(getattr(error, "reason", None) or str(error)), at) from None
    except Exception as error:
        # the parser lets ValueError, OverflowError and AttributeError of its own out for some byte salads
        raise _NotYamlError(f"the YAML parser gave up: {_one_line(str(error))}", (1, 1)) from None


def _line_of(text: str, line: int) -> str:
    lines = text.split("\n", line + 1)
    return lines[line] if line < len(lines) else ""


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _position(mark: Any) -> Position:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


class _Builder:
    """Events in, a tree of values out; a stack of open containers instead of recursion."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.findings: list[Finding] = []
        self.root: Any = None
        self._open: list[tuple[YamlMap | YamlList, str | None, Position]] = []
        self._values = 0
        self._documents = 0
        self.full = False

    def report(self, code: str, message: str, at: Position, suggestion: str = "") -> None:
        self.findings.append(Finding(code, message, Place(self.shown, *at), suggestion))

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        at = _position(event.start_mark)
        if kind == "DocumentStartEvent":
            self._start_document(event, at)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._check_plain(event, at)
            self._start_container(YamlMap(at) if kind == "MappingStartEvent" else YamlList(at), at)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            container, _, _ = self._open.pop()
            self._place(container, container.at)
        elif kind == "AliasEvent":
            self.report("F106", f"alias '*{event.anchor}' is not allowed", at, "write the value out")
            self._place(None, at)
        elif kind == "ScalarEvent":
            self._check_plain(event, at)
            if _SURROGATE.search(str(event.value)):
                self.report("F105", "a lone half of a surrogate pair is no text", at, "write the character itself")
            self._take_scalar(event, at)

    def _start_document(self, event: Any, at: Position) -> None:
        self._documents += 1
        if event.version or event.tags:
            self.report("F106", "directives are not allowed", (1, 1), "remove the lines that start with %")
        if self._documents > 1:
            self.report("F106", "a second document is not allowed", at, "one file holds one document")
            self.full = True

    def _check_plain(self, event: Any, at: Position) -> None:
        if event.anchor is not None:
            self.report("F106", f"anchor '&{event.anchor}' is not allowed", at, "write the value out where it is used")
        if event.tag is not None:
            self.report("F106", f"tag '{event.tag}' is not allowed", at, "write plain values only")

    def _start_container(self, container: YamlMap | YamlList, at: Position) -> None:
        if self._awaits_key():
            self.report("F105", "a key must be plain text", at)
        self._open.append((container, None, at))
        if len(self._open) > MAX_DEPTH:
            self.report("F108", f"nested deeper than {MAX_DEPTH}", at)
            self.full = True

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], YamlMap) and self._open[-1][1] is None

    def _take_scalar(self, event: Any, at: Position) -> None:
        if self._awaits_key():
            self._take_key(str(event.value), at)
        else:
            self._place(self._resolved(event, at), at)

    def _take_key(self, key: str, at: Position) -> None:
        container = self._open[-1][0]
        if isinstance(container, YamlMap) and key in container.key_at:
            line = container.key_at[key][0]
            self.report("F107", f"key '{key}' is written twice", at, f"the first one is on line {line}")
        self._open[-1] = (container, key, at)

    def _place(self, value: object, at: Position) -> None:
        """Put a finished value where it belongs: the root, the next item, or the value of the pending key."""
        self._values += 1
        if self._values > MAX_VALUES:
            self.report("F108", f"more than {MAX_VALUES} values", at)
            self.full = True
        if not self._open:
            self.root = value
            return
        container, key, key_at = self._open[-1]
        if isinstance(container, YamlList):
            container.put(value, at)
        elif key is not None:
            container.put(key, value, key_at, at)
            self._open[-1] = (container, None, key_at)
        else:
            # a container as a key: already reported; an empty name keeps the pairs in step
            self._open[-1] = (container, "", at)

    def _key_at(self) -> Position | None:
        """Where the key stands that waits for its value."""
        return self._open[-1][2] if self._open and isinstance(self._open[-1][0], YamlMap) else None

    def _hint_for_nothing(self) -> str:
        key = self._open[-1][1] if self._open else None
        if key is not None and _NUMBERS.match(key):
            return "inside { } a comma ends the value: write numbers with spaces between them, '400 0 300 mm'"
        return "write one, or remove the key"

    def _resolved(self, event: Any, at: Position) -> object:
        """A scalar's value by the YAML 1.2 core schema; quoted and block text stays text."""
        text = str(event.value)
        if not event.implicit[0]:
            return text
        if text in _NULLS:
            self.report("F112", "there is no value", self._key_at() or at, self._hint_for_nothing())
            return None
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text) and isfinite(number := float(text)):
            return number
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            self.report("F109", f"'{text}' is not a finite number", at)
            return 0.0
        return text
