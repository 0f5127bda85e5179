"""The catalogue against the code: every code that is used has its entry, and every entry is whole."""

from __future__ import annotations

import re
from pathlib import Path

from cellctl import catalogue

CODE = re.compile(r"\b[FPCXEU][0-9]{3}\b")

RESERVED = {"C321", "E502", "E503", "P210", "P211"}
"""Codes that are spoken for by what is still to come."""


def used(checkout: Path) -> set[str]:
    found: set[str] = set()
    for path in sorted((checkout / "cellctl").rglob("*.py")):
        found |= set(CODE.findall(path.read_text("utf-8")))
    return found


def test_every_code_is_explained(checkout: Path) -> None:
    assert used(checkout) - set(catalogue.all_codes()) == set()


def test_every_code_of_files_is_used(checkout: Path) -> None:
    ours = {code for code in catalogue.all_codes() if code.startswith("F")}
    assert ours - used(checkout) == set()
    assert set(catalogue.all_codes()) >= RESERVED


def test_entries_are_whole() -> None:
    titles = [entry.title for entry in catalogue.entries()]
    for entry in catalogue.entries():
        assert CODE.fullmatch(entry.code)
        assert entry.code[0] in catalogue.RANGES
        assert entry.severity in ("error", "warning", "note")
        for words in (entry.cause, entry.remedy):
            assert words[0].isupper() or words[0] == "`", entry.code
            assert words.endswith("."), entry.code
        assert entry.text == f"{entry.cause}\n{entry.remedy}"
    assert list(catalogue.all_codes()) == sorted(catalogue.all_codes())
    assert len(titles) == len(catalogue.all_codes())


def test_lookup() -> None:
    entry = catalogue.lookup("F110")
    assert entry is not None
    assert entry.title == "Unknown key"
    assert catalogue.lookup("F999") is None
    assert catalogue.lookup("") is None
