"""XML text to elements that know their line and column; a strict safe subset. Knows no element of any file.

Refused: document types and with them entities, anything but UTF-8, more than 10 MB, deeper than 64, more than 200 000
elements. A namespace prefix is part of a tag; what a prefix stands for is not looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from cellctl.errors import FileError, Finding, Place

MAX_BYTES: Final = 10_000_000
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 200_000


class XmlElement:
    """One element: its tag, attributes, children in order, text between them, and its place."""

    __slots__ = ("attributes", "children", "place", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], place: Place) -> None:
        self.tag = tag
        self.attributes = attributes
        self.place = place
        self.children: list[XmlElement] = []
        self.text = ""

    def get(self, name: str, default: str = "") -> str:
        """The attribute `name`, or `default`."""
        return self.attributes.get(name, default)

    def all(self, tag: str) -> list[XmlElement]:
        """The children called `tag`."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> XmlElement | None:
        """The first child called `tag`, or None."""
        return next((child for child in self.children if child.tag == tag), None)

    def walk(self) -> Iterator[XmlElement]:
        """The element itself and everything inside it, in document order."""
        waiting: list[XmlElement] = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.children)


def parse_xml(data: bytes, shown: str, *, limit: int = MAX_BYTES) -> XmlElement:
    """The root element of a document called `shown` in findings; raises FileError F103, F104, F108, F184 or F185."""
    if len(data) > limit:
        raise _wrong("F103", f"{len(data)} bytes are too many", Place(shown), f"at most {limit} are read")
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _wrong("F104", message, Place(shown, line, column), "save the file as UTF-8") from None
    return _Builder(shown).parsed(data)


class _Builder:
    """Events of the parser in, elements out; a stack of open elements instead of recursion."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._open: list[XmlElement] = []
        self._root: XmlElement | None = None
        self._count = 0
        self._parser = expat.ParserCreate("UTF-8")
        self._parser.buffer_text, self._parser.buffer_size = True, 2**20
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.XmlDeclHandler = self._declared

    def parsed(self, data: bytes) -> XmlElement:
        """The root element of `data`."""
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            reason = re.sub(r":? line \d+, column \d+$", "", str(error))
            raise _wrong("F184", reason, Place(self._shown, error.lineno, error.offset + 1)) from None
        assert self._root is not None  # the parser refuses a document without an element
        return self._root

    @property
    def _here(self) -> Place:
        return Place(self._shown, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = XmlElement(tag, attributes, self._here)
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            raise _wrong("F108", f"nested deeper than {MAX_DEPTH}", element.place)
        if self._count > MAX_ELEMENTS:
            raise _wrong("F108", f"more than {MAX_ELEMENTS} elements", element.place)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        del tag
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _refuse_doctype(self, name: str, *rest: object) -> None:
        del rest
        hint = "remove the lines from <!DOCTYPE to ]>, and write every entity out"
        raise _wrong("F185", f"a document type ('{name}') is not allowed, nor are the entities in it", self._here, hint)

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        del version, standalone
        if encoding is not None and encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "us-ascii", "ascii"):
            raise _wrong("F104", f"the file says that it is {encoding}", self._here, "save the file as UTF-8")


def _wrong(code: str, message: str, place: Place, suggestion: str = "") -> FileError:
    return FileError(Finding(code, message, place, suggestion))
