"""The catalogue of findings: what each stable code means, why it comes up and what to do. Raises none of them.

The words stand in `catalogue.toml`; a code keeps its meaning for good, and one that is no longer used stays reserved.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from cellctl.errors import Severity

RANGES: Final = {
    "F": "files",
    "P": "planning",
    "C": "certificate",
    "X": "execution and records",
    "E": "environment",
    "U": "usage",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: its title, why it comes up (`cause`) and what to do about it (`remedy`)."""

    code: str
    severity: Severity
    title: str
    cause: str
    remedy: str

    @property
    def text(self) -> str:
        """Cause and remedy, as `cellctl explain` prints them."""
        return f"{self.cause}\n{self.remedy}"


def lookup(code: str) -> Entry | None:
    """The entry of `code` (`F110`), None when there is none."""
    return _table().get(code)


def entries() -> tuple[Entry, ...]:
    """Every entry, by code."""
    return tuple(_table().values())


def all_codes() -> tuple[str, ...]:
    """Every code, sorted."""
    return tuple(_table())


@cache
def _table() -> dict[str, Entry]:
    text = (files("cellctl") / "catalogue.toml").read_text(encoding="utf-8")
    return {
        code: Entry(code, words.get("severity", "error"), words["title"], words["cause"], words["remedy"])
        for code, words in sorted(tomllib.loads(text).items())
    }
