"""Plan files that are no plan files, or that hold what no plan may hold: one clear line, never a traceback."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cellctl.cli.main import call
from cellctl.errors import CellctlError
from cellctl.files import plan_file
from cellctl.jobs import certify, verify
from cellctl.model.plan import Plan
from cellctl.proof import plan_digest


@pytest.fixture(scope="module")
def good(tray_corner: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "good.plan.zip"
    certify(tray_corner).plan.save(path)
    return path


def empty(good: bytes) -> bytes:
    return b""


def words(good: bytes) -> bytes:
    return b"not a plan\n"


def truncated(good: bytes) -> bytes:
    return good[: len(good) // 2]


def torn_in_the_middle(good: bytes) -> bytes:
    return good[:4000] + bytes(200) + good[4200:]


def written(path: Path, members: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.read_bytes()


@pytest.mark.parametrize("spoil", [empty, words, truncated, torn_in_the_middle])
def test_garbage_exits_with_2_and_one_line(
    spoil: Callable[[bytes], bytes], good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "garbage.plan.zip"
    path.write_bytes(spoil(good.read_bytes()))
    assert call(["verify", str(path)]) == 2
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert "[F1" in said.err


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "F180"),
        ({"other": b""}, "F180"),
        ({"plan.json": b""}, "F183"),
        ({"plan.json": b"[1, 2]"}, "F181"),
        ({"plan.json": b'{"format": 1}'}, "F183"),
        ({"plan.json": b'{"format": 99}'}, "F181"),
        ({"plan.json": b"[" * 200_000}, "F183"),
    ],
    ids=["no members", "no plan", "no JSON", "a list", "no fields", "another format", "nested deep"],
)
def test_a_zip_that_is_no_plan_exits_with_2(
    members: dict[str, bytes], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "garbage.plan.zip"
    written(path, members)
    assert call(["verify", str(path)]) == 2
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert f"[{code}]" in said.err


def test_a_zip_bomb_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a member unpacks to is bounded by what is read of it, whatever its header says."""
    monkeypatch.setattr(plan_file, "MAX_MEMBER", 1_000_000)
    path = tmp_path / "bomb.plan.zip"
    written(path, {"plan.json": bytes(20_000_000)})
    assert path.stat().st_size < 100_000
    assert call(["verify", str(path)]) == 2
    assert "[F182]" in capsys.readouterr().err


def test_a_file_that_is_not_there_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["verify", str(tmp_path / "none.plan.zip")]) == 2
    assert "[F101]" in capsys.readouterr().err


# What no plan may hold ------------------------------------------------------------------------------------------------

Tree = dict[str, Any]


def first_segment(tree: Tree) -> Tree:
    return tree["blocks"][0]["segments"][0]


def first_process(tree: Tree) -> Tree:
    return next(s for s in tree["blocks"][0]["segments"] if s["process"])["process"]


def put(where: Callable[[Tree], Tree], key: str, value: object) -> Callable[[Tree], None]:
    return lambda tree: where(tree).__setitem__(key, value)


def inner(where: Callable[[Tree], Tree], *keys: Any) -> Callable[[Tree], Tree]:
    def find(tree: Tree) -> Tree:
        found: Any = where(tree)
        for key in keys:
            found = found[key]
        return found

    return find


NAN = float("nan")

WRONG: dict[str, Callable[[Tree], None]] = {
    "NaN in a control point": lambda tree: first_segment(tree)["path"]["control"][3].__setitem__(0, NAN),
    "infinity in a knot": lambda tree: first_segment(tree)["law"]["knots"].__setitem__(-1, float("inf")),
    "NaN as a speed": put(first_process, "travel_speed", NAN),
    "infinity as a length": put(first_process, "length", float("inf")),
    "NaN in a window": put(inner(first_process, "work_window"), "nominal", NAN),
    "a window out of order": put(inner(first_process, "work_window"), "minimum", 9.0),
    "NaN in the start": lambda tree: tree["start"]["r1"].__setitem__(0, NAN),
    "a path of words": put(inner(first_segment, "path"), "control", [["a"]]),
    "a path of no points": put(inner(first_segment, "path"), "control", []),
    "a ragged path": put(inner(first_segment, "path"), "control", [[1.0], [1.0, 2.0]]),
    "too few knots": put(inner(first_segment, "path"), "knots", [0.0, 1.0]),
    "knots that decrease": lambda tree: first_segment(tree)["path"]["knots"].reverse(),
    "a degree of 0": put(inner(first_segment, "path"), "degree", 0),
    "a degree that is no number": put(inner(first_segment, "path"), "degree", "three"),
    "an unknown kind": put(first_segment, "kind", "flight"),
    "an unknown field": put(first_segment, "colour", "red"),
    "a missing field": lambda tree: first_segment(tree).pop("law"),
    "stations of another length": lambda tree: first_process(tree)["stations"].pop(),
    "an unknown event": put(first_process, "events", [{"at": 0.0, "name": "explode"}]),
    "segments that are no list": put(inner(lambda t: t["blocks"][0]), "segments", {"a": 1}),
    "a seed that is no number": lambda tree: tree.__setitem__("seed", "x"),
    "inputs that are no list": lambda tree: tree.__setitem__("inputs", 3),
    "an input of no kind": lambda tree: tree["inputs"][0].pop("kind"),
    "an input that is not there": lambda tree: tree["inputs"][0].__setitem__("sha256", "0" * 64),
    "a start that is a list": lambda tree: tree.__setitem__("start", [1.0]),
    "a certificate of words": lambda tree: tree.__setitem__("certificate", "yes"),
    "a huge number": put(first_process, "length", 10**400),
}

EDITED: dict[str, Callable[[Tree], None]] = {
    "no segments": lambda tree: tree["blocks"].clear(),
    "an unknown seam": put(first_process, "seam", "tray.nowhere"),
    "an unknown procedure": put(first_process, "wps", "nothing"),
    "another group": put(first_segment, "group", "r9"),
    "a step too many": put(first_segment, "step", 99),
    "a huge control point": lambda tree: first_segment(tree)["path"]["control"][3].__setitem__(0, 1e300),
    "a huge knot": lambda tree: first_segment(tree)["path"]["knots"].__setitem__(slice(-4, None), [1e300] * 4),
    "a huge seam": lambda tree: first_process(tree)["points"][0].__setitem__(0, -1e300),
}


def changed(good: Path, target: Path, change: Callable[[Tree], None]) -> Path:
    """The good plan file with its JSON changed; NaN and infinities are written as Python writes them."""
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    tree = json.loads(members["plan.json"])
    change(tree)
    written(target, {**members, "plan.json": json.dumps(tree).encode()})
    return target


@pytest.mark.parametrize("name", WRONG)
def test_what_no_plan_may_hold_is_a_file_error(
    name: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(good, tmp_path / "wrong.plan.zip", WRONG[name])
    assert call(["verify", str(path)]) == 2
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert "[F183]" in said.err


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_is_seen_before_anything_else(
    name: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["verify", str(changed(good, tmp_path / "edited.plan.zip", EDITED[name]))]) == 1
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert "[C320]" in said.err


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_with_a_certificate_made_to_fit_is_still_refuted(name: str, good: Path, tmp_path: Path) -> None:
    plan = Plan.load(changed(good, tmp_path / "edited.plan.zip", EDITED[name]))
    assert plan.certificate is not None
    forged = tmp_path / "forged.plan.zip"
    replace(plan, certificate=replace(plan.certificate, plan_sha256=plan_digest(plan))).save(forged)
    with pytest.raises(CellctlError) as caught:
        verify(forged)
    assert caught.value.exit_code == 1
    assert {f.code for f in caught.value.findings} <= {"C314", "C322", "C327", "C332"}
