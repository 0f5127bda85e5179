"""Checks as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), which code scanning reads. Adds nothing
to what was found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import quote

import cellctl
from cellctl import catalogue
from cellctl.errors import Finding, Place
from cellctl.jobs.checking import Checked

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MARK = b'"$schema": "https://docs.oasis-open.org/sarif/'


def sarif_text(checks: Sequence[Checked]) -> str:
    """One SARIF log with one run: every finding a result with its rule and its place, ending in a line feed."""
    found = [(checked, finding) for checked in checks for finding in checked.findings]
    codes = sorted({finding.code for _, finding in found})
    run = {
        "tool": {
            "driver": {
                "name": "cellctl",
                "version": cellctl.__version__,
                "semanticVersion": cellctl.__version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        "invocations": [{"executionSuccessful": True, "exitCode": max((c.exit_code for c in checks), default=0)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(checked, finding, codes) for checked, finding in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, object]:
    entry = catalogue.lookup(code)
    if entry is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.cause},
        "help": {"text": entry.remedy},
        "defaultConfiguration": {"level": entry.severity},
    }


def _result(checked: Checked, finding: Finding, codes: list[str]) -> dict[str, object]:
    place = finding.place or Place(checked.file)
    text = f"{finding.message} - {finding.suggestion}" if finding.suggestion else finding.message
    fingerprint = hashlib.sha256(f"{finding.code}\n{place.file}\n{finding.message}".encode()).hexdigest()
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": _location(place)}],
        "partialFingerprints": {"cellctl/v1": fingerprint},
    }


def _location(place: Place) -> dict[str, object]:
    location: dict[str, object] = {"artifactLocation": {"uri": uri_of(place.file)}}
    if place.line:
        location["region"] = {"startLine": place.line, "startColumn": max(1, place.column)}
    return location


def uri_of(file: str) -> str:
    """A file name as the reference that SARIF wants: relative with `/`, `file:` for absolute paths; `lib:` stays."""
    scheme, colon, rest = file.partition(":")
    if colon and scheme in ("lib", "pkg", "project"):
        return f"{scheme}:{quote(rest)}"
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
