"""Plan files: what goes in comes out, equal plans give equal bytes, and a bad file is a finding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellctl.errors import FileError
from cellctl.files import edited_inputs, plan_content, read_plan, write_plan
from cellctl.files.values_json import from_json, to_json
from cellctl.model.certificate import Certificate, Gap, LimitUse, SeamRecord, SegmentRecord
from cellctl.model.inputs import Input
from cellctl.model.plan import Block, ContactAllowance, FixedSegment, Plan, ProcessEvent, SeamSection
from cellctl.model.spline import BSpline, clamped_knots
from cellctl.model.wps import Range

floats = st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from([0.0, -0.0, 0.1, 1e-300, 1 / 3])
words = st.text(max_size=8)


def arrays(*shape: int) -> st.SearchStrategy[np.ndarray]:
    count = int(np.prod(shape))
    return st.lists(floats, min_size=count, max_size=count).map(lambda v: np.array(v).reshape(shape))


@st.composite
def splines(draw: st.DrawFn, dim: int) -> BSpline:
    steps = draw(st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=5))
    knots = clamped_knots(np.concatenate([[0.0], np.cumsum(steps)]))
    return BSpline(3, knots, draw(arrays(len(knots) - 4, dim)))


ranges = st.lists(floats, min_size=3, max_size=3).map(sorted).map(lambda v: Range(*v))


@st.composite
def sections(draw: st.DrawFn) -> SeamSection:
    n = draw(st.integers(1, 4))
    vectors, columns = arrays(n, 3), arrays(n)
    return SeamSection(
        draw(words), draw(words), draw(floats), draw(floats), draw(floats), draw(ranges), draw(ranges),
        draw(columns), draw(vectors), draw(vectors), draw(vectors), draw(columns), draw(columns), draw(columns),
        (ProcessEvent(draw(floats), "arc_start"), ProcessEvent(draw(floats), "arc_end")),
    )  # fmt: skip


contacts = st.builds(ContactAllowance, words, words, st.none() | floats)
segments = st.builds(
    FixedSegment,
    step=st.integers(0, 9),
    kind=st.sampled_from(["transit", "approach", "process", "retract", "blend", "wait"]),
    group=words,
    tool=words,
    path=splines(6),
    law=splines(1),
    contacts=st.lists(contacts, max_size=2).map(tuple),
    attached=st.lists(words, max_size=2).map(tuple),
    process=st.none() | sections(),
)
gaps = st.builds(Gap, words, words, floats, floats, floats | st.just(np.inf), floats)
uses = st.builds(LimitUse, st.sampled_from(["position", "velocity", "jerk"]), words, floats, floats)
records = st.builds(SeamRecord, words, words, *[floats] * 6, *[st.tuples(floats, floats)] * 2, *[floats] * 5, words)
certificates = st.builds(
    Certificate,
    words,
    words,
    words,
    words,
    floats,
    st.lists(
        st.builds(
            SegmentRecord,
            st.integers(0, 9),
            words,
            st.integers(0, 9),
            floats,
            st.lists(uses, max_size=2).map(tuple),
            st.lists(gaps, max_size=2).map(tuple),
            st.none() | records,
        ),
        max_size=2,
    ).map(tuple),
)
inputs = st.lists(
    st.builds(Input, st.text(min_size=1, max_size=8), st.sampled_from(["cell", "hull"]), st.binary(max_size=40)),
    max_size=3,
    unique_by=lambda item: item.reference,
).map(tuple)
plans = st.builds(
    Plan,
    task_name=words,
    blocks=st.lists(st.lists(segments, max_size=2).map(tuple).map(Block), max_size=2).map(tuple),
    start=st.dictionaries(words, arrays(6), max_size=2),
    seed=st.integers(0, 2**63),
    inputs=inputs,
    versions=st.dictionaries(words, words, max_size=2),
    certificate=st.none() | certificates,
    notes=st.lists(words, max_size=1).map(tuple),
)


@given(plan=plans)
@settings(max_examples=40)
def test_round_trip(plan: Plan, tmp_path_factory: pytest.TempPathFactory, plain: Callable[[Any], Any]) -> None:
    first, second = (tmp_path_factory.getbasetemp() / name for name in ("a.plan.zip", "b.plan.zip"))
    write_plan(plan, first)
    back = read_plan(first)
    assert plain(back) == plain(replace(plan, notes=()))
    write_plan(back, second)
    assert first.read_bytes() == second.read_bytes()
    assert plan_content(back) == plan_content(plan)
    assert edited_inputs(first) == ()


@given(plan=plans)
@settings(max_examples=20)
def test_certificate_and_notes_are_not_in_the_content(plan: Plan) -> None:
    assert plan_content(replace(plan, certificate=None, notes=("x",))) == plan_content(plan)


def small_plan(**changes: Any) -> Plan:
    path = BSpline(3, clamped_knots([0, 1]), np.arange(24.0).reshape(4, 6) / 7)
    law = BSpline(3, clamped_knots([0, 2]), np.array([[0.0], [0.0], [1.0], [1.0]]))
    segment = FixedSegment(0, "transit", "r1", "torch", path, law, (ContactAllowance("a", "b", None),))
    values = {
        "task_name": "t",
        "blocks": (Block((segment,)),),
        "start": {"r1": np.zeros(6), "r2": np.ones(6)},
        "seed": 7,
        "inputs": (
            Input("lib:a", "hull", b"[1]\n"),
            Input("lib:b", "hull", b"[2]\n"),
            Input("lib:c", "hull", b"[1]\n"),
        ),
        "versions": {"b": "2", "a": "1"},
    }
    return Plan(**{**values, **changes})


def test_whole_numbers_and_numpy_numbers_give_the_same_bytes() -> None:
    a, b = (SegmentRecord(0, "transit", 0, duration, (), ()) for duration in (np.float64(2.0), 2))
    assert to_json(a, SegmentRecord) == to_json(b, SegmentRecord)
    assert isinstance(to_json(b, SegmentRecord)["duration"], float)


def test_known_layout(tmp_path: Path) -> None:
    file = tmp_path / "p.plan.zip"
    write_plan(small_plan(), file)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        tree = json.loads(archive.read("plan.json"))
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None
    assert names[0] == "plan.json"
    assert len(names) == 3  # two inputs have the same content
    assert names[1:] == sorted(names[1:])
    assert tree["format"] == 1
    assert tree["certificate"] is None
    assert [item["reference"] for item in tree["inputs"]] == ["lib:a", "lib:b", "lib:c"]
    assert tree["blocks"][0]["segments"][0]["contacts"] == [{"first": "a", "second": "b", "margin": None}]


WRITE = """
import sys
sys.path.insert(0, {folder!r})
from test_plan_file import small_plan
from cellctl.files import write_plan
write_plan(small_plan(), sys.argv[1])
"""


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_bytes_do_not_depend_on_the_hash_seed(seed: str, tmp_path: Path, checkout: Path) -> None:
    write_plan(small_plan(), tmp_path / "a.plan.zip")
    script = WRITE.format(folder=str(Path(__file__).parent))
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-c", script, tmp_path / "b.plan.zip"], check=True, env=environment, cwd=tmp_path)
    assert (tmp_path / "a.plan.zip").read_bytes() == (tmp_path / "b.plan.zip").read_bytes()


def repacked(file: Path, edit: Callable[[dict[str, bytes]], None]) -> None:
    """The file packed again by another hand after `edit` of its members."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    edit(members)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_an_edit_shows_in_the_content(tmp_path: Path) -> None:
    file = tmp_path / "p.plan.zip"
    plan = small_plan()
    write_plan(plan, file)
    (name,) = {f"inputs/{item.sha256}" for item in plan.inputs if item.reference == "lib:b"}
    repacked(file, lambda members: members.update({name: b"[3]\n"}))
    assert edited_inputs(file) == ("lib:b",)
    assert plan_content(read_plan(file)) != plan_content(plan)

    write_plan(plan, file)
    repacked(
        file, lambda members: members.update({"plan.json": members["plan.json"].replace(b'"seed":7', b'"seed":8')})
    )
    assert edited_inputs(file) == ()
    assert plan_content(read_plan(file)) != plan_content(plan)


def change_json(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    def edit(members: dict[str, bytes]) -> None:
        tree = json.loads(members["plan.json"])
        change(tree)
        members["plan.json"] = json.dumps(tree).encode()

    return edit


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda m: m.pop("plan.json"), "F180"),
        (lambda m: m.pop(sorted(m)[0]), "F183"),
        (lambda m: m.update({"plan.json": b"{"}), "F183"),
        (lambda m: m.update({"plan.json": b"[" * 100_000}), "F183"),
        (lambda m: m.update({"plan.json": b"[]"}), "F181"),
        (change_json(lambda t: t.update(format=2)), "F181"),
        (change_json(lambda t: t.pop("blocks")), "F183"),
        (change_json(lambda t: t.update(seed="seven")), "F183"),
        (change_json(lambda t: t.update(start={"r1": "x"})), "F183"),
        (change_json(lambda t: t.update(inputs=[{"reference": "a"}])), "F183"),
        (change_json(lambda t: t["blocks"][0]["segments"][0].update(kind="hop")), "F183"),
        (change_json(lambda t: t["blocks"][0]["segments"][0].update(extra=1)), "F183"),
        (change_json(lambda t: t["blocks"][0]["segments"][0]["path"]["knots"].pop()), "F183"),
        (change_json(lambda t: t["blocks"][0]["segments"][0]["path"]["control"][0].append(1.0)), "F183"),
    ],
)
def test_wrong_members(edit: Callable[[dict[str, bytes]], None], code: str, tmp_path: Path) -> None:
    file = tmp_path / "p.plan.zip"
    write_plan(small_plan(), file)
    repacked(file, edit)
    with pytest.raises(FileError) as caught:
        read_plan(file)
    assert [finding.code for finding in caught.value.findings] == [code]


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_a_cut_file_is_no_plan(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "p.plan.zip"
    write_plan(small_plan(), file)
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(FileError, match="F180"):
        read_plan(file)


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_gives_a_traceback(
    position: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "flip.plan.zip"
    write_plan(small_plan(), file)
    data = bytearray(file.read_bytes())
    data[position % len(data)] ^= 1 << bit
    file.write_bytes(data)
    try:
        plan = read_plan(file)
    except FileError:
        return
    assert plan_content(plan) == plan_content(small_plan())


def test_a_zip_bomb_stops_at_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "p.plan.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("plan.json", "inputs/a", "inputs/b"):
            archive.writestr(name, bytes(1_000_000))
    for limit in ("MAX_MEMBER", "MAX_TOTAL", "MAX_MEMBERS"):
        with monkeypatch.context() as patch:
            patch.setattr(f"cellctl.files.plan_file.{limit}", 2 if limit == "MAX_MEMBERS" else 999_999)
            with pytest.raises(FileError, match="F182"):
                read_plan(file)


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.plan.zip"
    write_plan(small_plan(), file)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("plan.json", b"{}")
    with pytest.raises(FileError, match="twice"):
        read_plan(file)


def test_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="F180"):
        write_plan(small_plan(), tmp_path / "no" / "folder.plan.zip")
    bad = small_plan()
    object.__setattr__(bad.blocks[0].segments[0], "contacts", (ContactAllowance("a", "b", float("nan")),))
    with pytest.raises(ValueError, match="NaN"):
        write_plan(bad, tmp_path / "p.plan.zip")
    assert list(tmp_path.iterdir()) == []


@given(st.recursive(st.none() | st.booleans() | floats | words, lambda c: st.lists(c) | st.dictionaries(words, c)))
def test_any_json_as_a_certificate_is_a_value_error_or_one(data: Any) -> None:
    try:
        value = from_json(data, Certificate | None)
    except ValueError:
        return
    assert value is None


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="F102"):
        read_plan(tmp_path)
    with pytest.raises(FileError, match="F101"):
        read_plan(tmp_path / "none.plan.zip")
