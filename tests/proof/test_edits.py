"""Edits of a plan file that leave the plan itself alone are found too."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cellctl.errors import NotCertified
from cellctl.files import write_plan
from cellctl.jobs import certify, verify
from cellctl.model.plan import Plan

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def stored(tray_corner: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "good.plan.zip"
    write_plan(certify(tray_corner).plan, path)
    return path


def rewritten(stored: Path, target: Path, change: Callable[[Members], None]) -> Path:
    with zipfile.ZipFile(stored) as source:
        members = {name: source.read(name) for name in source.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def figure(members: Members) -> None:
    tree = json.loads(members["plan.json"])
    tree["certificate"]["segments"][2]["gaps"][0]["proved"] = 0.5
    members["plan.json"] = (json.dumps(tree, sort_keys=True, separators=(",", ":")) + "\n").encode()


def spaces(members: Members) -> None:
    members["plan.json"] = json.dumps(json.loads(members["plan.json"]), indent=1).encode()


def extra(members: Members) -> None:
    members["note.txt"] = b"weld it twice"


@pytest.mark.parametrize("change", [figure, spaces, extra])
def test_an_edit_beside_the_plan_is_found(stored: Path, tmp_path: Path, change: Callable[[Members], None]) -> None:
    with pytest.raises(NotCertified) as caught:
        verify(rewritten(stored, tmp_path / "edited.plan.zip", change))
    assert {finding.code for finding in caught.value.findings} == {"C320"}


@pytest.mark.parametrize(("before", "after"), [(b"", b"tail"), (b"head", b"")])
def test_bytes_around_the_archive_are_found(stored: Path, tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "edited.plan.zip"
    path.write_bytes(before + stored.read_bytes() + after)
    with pytest.raises(NotCertified) as caught:
        verify(path)
    assert {finding.code for finding in caught.value.findings} == {"C320"}


def test_the_file_as_written_is_sound(stored: Path, tmp_path: Path) -> None:
    assert verify(stored).certificate.segments
    assert verify(rewritten(stored, tmp_path / "same.plan.zip", lambda members: None)).certificate.segments
