"""Edits of a plan file that leave the plan itself alone are found too."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import cellctl
from cellctl.cli.main import call
from cellctl.errors import NotCertified, UsageError
from cellctl.files import write_plan
from cellctl.jobs import certify, verify
from cellctl.model.inputs import Input
from cellctl.model.plan import Plan
from cellctl.reports.picture import save_png

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


def in_certificate(**changes: object) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        tree = json.loads(members["plan.json"])
        tree["certificate"].update(changes)
        members["plan.json"] = (json.dumps(tree, sort_keys=True, separators=(",", ":")) + "\n").encode()

    return change


def gap_of_another_engine(members: Members) -> None:
    """A gap made larger than it is, under the name of an engine that was not asked."""
    in_certificate(engine="coal", engine_version="3.0.3")(members)
    figure(members)


BESIDE = [
    figure,
    spaces,
    extra,
    gap_of_another_engine,
    in_certificate(sample_rate=10.0),
    in_certificate(engine="believe me"),
    in_certificate(segments=[]),
]


@pytest.mark.parametrize("change", BESIDE)
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


@pytest.mark.parametrize(
    "changes", [{"checker_version": "9.9.9"}, {"engine": "coal"}, {"engine_version": "0"}], ids=lambda c: next(iter(c))
)
def test_another_name_under_the_proof_is_said(stored: Path, tmp_path: Path, changes: dict[str, str]) -> None:
    again = verify(rewritten(stored, tmp_path / "edited.plan.zip", in_certificate(**changes)))
    assert [finding.code for finding in again.warnings if finding.code.startswith("C33")] == ["C337"]
    assert again.certificate.checker_version == cellctl.__version__


def test_an_edited_input_is_named(stored: Path, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        name = next(name for name, content in members.items() if b"toggle" in content and name != "plan.json")
        members[name] = members[name].replace(b"80 45 6 mm", b"80 45 5 mm")

    with pytest.raises(NotCertified) as caught:
        verify(rewritten(stored, tmp_path / "edited.plan.zip", change))
    edited, changed = caught.value.findings
    assert (edited.code, changed.code) == ("C321", "C320")
    assert "lib:sim/tray_cell/toggle_clamp.yaml" in edited.message


def test_a_shipped_file_that_is_another_one_in_the_plan_is_said(tray_corner: Plan, tmp_path: Path) -> None:
    """Everything was planned and proved with it, so the plan holds; and yet it is not the library's."""

    def wider(item: Input) -> Input:
        changed = item.content.replace(b"80 45 6 mm", b"80 44 6 mm")
        return replace(item, content=changed) if item.reference.endswith("toggle_clamp.yaml") else item

    plan = replace(tray_corner, inputs=tuple(wider(item) for item in tray_corner.inputs))
    path = tmp_path / "edited.plan.zip"
    write_plan(certify(plan).plan, path)
    (finding,) = [finding for finding in verify(path).warnings if finding.code == "C335"]
    assert "lib:sim/tray_cell/toggle_clamp.yaml" in finding.message


def test_as_shipped_there_is_nothing_to_say(stored: Path) -> None:
    assert [finding for finding in verify(stored).warnings if finding.code in ("C335", "C337")] == []


def test_report_says_that_it_proved_nothing(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", str(stored)]) == 0
    assert "as its certificate says; `cellctl verify` proves it again" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--png", "--gif"])
def test_no_picture_is_drawn_over_another_file(
    option: str, stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious.png"
    precious.write_bytes(b"\x89PNG of somebody else")
    assert call(["report", str(stored), option, str(precious)]) == 2
    assert "[U651]" in capsys.readouterr().err
    assert precious.read_bytes() == b"\x89PNG of somebody else"


def test_a_picture_of_ours_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for _ in range(2):
        save_png(Image.new("RGB", (8, 8)), path)
    path.write_bytes(b"of somebody else")
    with pytest.raises(UsageError):
        save_png(Image.new("RGB", (8, 8)), path)
