"""Every code of a finding is in the catalogue, with its cause and its remedy."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from cellctl import catalogue

CODE = re.compile(r"[FPCXEU]\d{3}")


def codes_in(source: str) -> set[str]:
    """Whole strings that are a code; what only mentions one in a sentence does not use it."""
    strings = (n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {text for text in strings if CODE.fullmatch(text)}


def used_codes(package: Path) -> set[str]:
    paths = (path for path in package.rglob("*.py") if path.name != "catalogue.py")
    return set().union(*(codes_in(path.read_text("utf-8")) for path in paths))


def test_every_code_is_in_the_catalogue(checkout: Path) -> None:
    used = used_codes(checkout / "cellctl")
    assert len(used) > 100
    assert sorted(used - set(catalogue.all_codes())) == []


def test_every_entry_says_what_to_do() -> None:
    assert [entry.code for entry in catalogue.entries() if len(entry.cause) < 20 or len(entry.remedy) < 5] == []
    assert [entry.code for entry in catalogue.entries() if entry.code[0] not in catalogue.RANGES] == []


def test_a_code_in_the_source_is_seen() -> None:
    assert codes_in('raise X(Finding("F101", "see F102"))') == {"F101"}
