"""The YAML reader: YAML 1.2 values with their places, and a finding for everything else."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cellctl.errors import FileError
from cellctl.files import load_task
from cellctl.files.yaml_tree import MAX_BYTES, MAX_VALUES, YamlMap, parse_yaml, read_yaml


def codes(text: str) -> list[str]:
    with pytest.raises(FileError) as caught:
        parse_yaml(text, "f.yaml")
    return [finding.code for finding in caught.value.findings]


def test_yaml_1_2_values() -> None:
    text = (
        "on: on\nno: no\noctal: 012\nsexagesimal: 1:30\nexponent: 1e-3\n"
        "zero_o: 0o17\nhex: 0x1F\ntrue: True\ntext: '5'\n"
    )
    assert parse_yaml(text, "f") == {
        "on": "on",
        "no": "no",
        "octal": 12,
        "sexagesimal": "1:30",
        "exponent": 1e-3,
        "zero_o": 15,
        "hex": 31,
        "true": True,
        "text": "5",
    }


def test_places() -> None:
    tree = parse_yaml("a: 1\nb:\n  - x\n  - {c: 2, d: [3]}\n", "f")
    assert tree.key_at == {"a": (1, 1), "b": (2, 1)}
    assert tree.value_at == {"a": (1, 4), "b": (3, 3)}
    assert tree["b"].value_at == [(3, 5), (4, 5)]
    assert tree["b"][1].key_at == {"c": (4, 6), "d": (4, 12)}


def test_byte_order_mark_and_crlf_are_tolerated(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: two\r\n")
    tree = read_yaml(file, "f.yaml")
    assert tree == {"a": 1, "b": "two"}
    assert tree.key_at["b"] == (2, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x\n", ["F106", "F106"]),
        ("a: &x [*x]\n", ["F106", "F106"]),
        ("a: !!python/object/apply:os.system [ls]\n", ["F106"]),
        ("a: !local 1\n", ["F106"]),
        ("%YAML 1.1\n---\na: 1\n", ["F106"]),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", ["F106"]),
        ("a: 1\n---\nb: 1\n", ["F106"]),
        ("a: 1\na: 2\nb: {c: 1, c: 2}\n", ["F107", "F107"]),
        ("? [a]\n: 1\n? {b: 1}\n: 2\n", ["F105", "F105"]),
        ("a: .inf\nb: -.INF\nc: .nan\nd: 1e400\n", ["F109"] * 4),
        ("a:\nb: ~\nc: null\n", ["F112"] * 3),
        ("", ["F105"]),
        ("- a\n", ["F105"]),
        ("a: [1\n", ["F105"]),
        ("a: \x00\n", ["F105"]),
        ("a: '\n", ["F105"]),
        ('a: "\\ud800"\n', ["F105"]),
    ],
)
def test_refused(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_every_problem_is_reported_at_once() -> None:
    assert codes("a: &x 1\nb: *x\nc: !t 2\nb: 3\nd: .inf\n") == ["F106", "F106", "F106", "F107", "F109"]


@pytest.mark.parametrize("nest", ["[", "{a: ", "- "])
def test_depth_is_bounded(nest: str) -> None:
    assert codes(f"a:\n  {nest * 100_000}") == ["F108"]


def test_values_are_bounded() -> None:
    assert codes(f"a: [{'0,' * (MAX_VALUES + 1)}]") == ["F108"]


def test_an_anchor_bomb_is_no_bomb() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    assert set(codes("\n".join(lines))) == {"F106"}


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.yaml"
    os.mkfifo(fifo)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s.yaml"))
    for path in (fifo, tmp_path, Path("/dev/zero"), tmp_path / "s.yaml"):
        with pytest.raises(FileError) as caught:
            read_yaml(path, "f")
        assert [finding.code for finding in caught.value.findings] == ["F102"]
    listener.close()


def test_size_is_bounded_before_reading(tmp_path: Path) -> None:
    file = tmp_path / "sparse.yaml"
    with file.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(FileError) as caught:
        read_yaml(file, "f")
    assert [finding.code for finding in caught.value.findings] == ["F103"]


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    with pytest.raises(FileError, match="No such file"):
        read_yaml(file, "f")
    file.write_bytes("a: 1\nn: päckchen\n".encode("latin-1"))
    with pytest.raises(FileError) as caught:
        read_yaml(file, "f")
    assert str(caught.value) == "f:2:5: byte 0xe4 is not UTF-8 - save the file as UTF-8 [F104]"
    file.write_bytes("a: 1\n".encode("utf-16"))
    with pytest.raises(FileError, match="F104"):
        read_yaml(file, "f")


bits = [
    "a",
    "b:",
    ": ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&x ",
    "*x",
    "!t ",
    "'",
    '"',
    "|",
    ">",
    "?",
    "#",
    "%",
]
more_bits = ["---\n", "\t", "1e9", "0x", ".inf", "\\u12", "\ufeff", "\x85", "<<: ", "@", "`"]
yaml_bits = st.sampled_from(bits + more_bits)


@given(st.one_of(st.binary(max_size=200), st.lists(yaml_bits, max_size=40).map(lambda bits: "".join(bits).encode())))
def test_random_bytes_never_give_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "random.yaml"
    file.write_bytes(data)
    with pytest.raises(FileError) as caught:
        load_task(file)
    assert caught.value.findings
    assert all(finding.place is not None for finding in caught.value.findings)


scalars = st.one_of(
    st.integers(-(10**9), 10**9),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("abcxyz 0123456789.:-#'\"{}[],&*!|>%@`\n\u00e4", max_size=12),
)
names = st.text("abcdefgh_", min_size=1, max_size=6)
trees = st.dictionaries(
    names,
    st.recursive(scalars, lambda c: st.lists(c, max_size=4) | st.dictionaries(names, c, max_size=4), max_leaves=12),
)


@given(trees.filter(bool))
def test_agrees_with_ruamel(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    file = tmp_path_factory.getbasetemp() / "tree.yaml"
    yaml = YAML(typ="safe", pure=True)
    with file.open("wb") as stream:
        yaml.dump(tree, stream)
    text = file.read_text("utf-8")
    try:
        oracle = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return  # the dumper wrote what its own loader does not read
    assert parse_yaml(text, "f") == oracle


plain_trees = st.dictionaries(
    names,
    st.recursive(
        st.integers(), lambda c: st.lists(c, max_size=4) | st.dictionaries(names, c, max_size=4), max_leaves=8
    ),
)


@given(plain_trees.filter(bool))
def test_places_point_at_the_keys(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    file = tmp_path_factory.getbasetemp() / "tree.yaml"
    yaml = YAML(typ="safe", pure=True)
    with file.open("wb") as stream:
        yaml.dump(tree, stream)
    lines = file.read_text("utf-8").split("\n")

    def check(node: object) -> None:
        if isinstance(node, YamlMap):
            for key, (line, column) in node.key_at.items():
                assert lines[line - 1][column - 1 :].startswith((key, f"'{key}'", f'"{key}"'))
                check(node[key])

    check(parse_yaml(file.read_text("utf-8"), "f"))
