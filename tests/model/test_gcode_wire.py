"""The text of GRBL and Marlin against what real firmware and `printcore` say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import (
    Alarm,
    Banner,
    LineDecoder,
    MarlinSaid,
    Message,
    NumberedLine,
    Ok,
    Refused,
    Resend,
    Setting,
    Status,
    Unknown,
    reply_of,
)

SAID = [
    ("ok", Ok()),
    ("error:2", Refused(2)),
    ("ALARM:3", Alarm(3)),
    ("Grbl 1.1h ['$' for help]", Banner("1.1h")),
    ("[MSG:'$H'|'$X' to unlock]", Message("MSG", "'$H'|'$X' to unlock")),
    ("[OPT:V,15,128]", Message("OPT", "V,15,128")),
    ("$110=500.000", Setting(110, 500.0)),
    (
        "<Hold:1|MPos:0.088,0.044,-0.016|FS:0,0>",
        Status("Hold", 1, (0.088, 0.044, -0.016), rate=0.0),
    ),
    (
        "<Idle|MPos:9.916,3.968,0.000|FS:0,0|Pn:PXYZRHS|WCO:0.000,0.000,0.000>",
        Status("Idle", None, (9.916, 3.968, 0.0), pins="PXYZRHS", rate=0.0),
    ),
    (
        "<Run|MPos:9.956,3.968,0.000|FS:10,0|Pn:PXYZRHS|Ov:100,100,100|A:F>",
        Status("Run", None, (9.956, 3.968, 0.0), pins="PXYZRHS", rate=10.0),
    ),
    ("[MSG:Check Door]", Message("MSG", "Check Door")),
    ("[VER:1.1h.20190830:]", Message("VER", "1.1h.20190830:")),
    (
        "<Run|MPos:1.000,2.000,3.000,-4.500,0.000,6.000|Bf:12,100|FS:500,0|Pn:PXYZRHS>",
        Status("Run", None, (1.0, 2.0, 3.0, -4.5, 0.0, 6.0), 12, 100, "PXYZRHS", 500.0),
    ),
]


@pytest.mark.parametrize(("line", "reply"), SAID)
def test_what_the_firmware_says(line: str, reply: gcode.Reply) -> None:
    assert LineDecoder().feed(line.encode() + b"\r\n") == [line]
    assert reply_of(line) == reply


MANGLED = ["o", "k", "okk", "error:", "<Idle|MPos:0.000,0.0", "<Idle|MPos:0,x,1>", "<Ide|>", "$1"]


@pytest.mark.parametrize("line", MANGLED)
def test_a_mangled_line_is_no_answer(line: str) -> None:
    """grbl/grbl#1504: `o` and `k` instead of `ok`."""
    assert reply_of(line) == Unknown(line)


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    reply_of(text)
    gcode.marlin_reply_of(text)
    gcode.numbered_line_of(text)


def test_ten_million_random_bytes_make_lines_and_no_error() -> None:
    chance, decoder, size = random.Random(1), LineDecoder(), 0
    for _ in range(200):
        for line in decoder.feed(chance.randbytes(50_000)):
            assert line.isprintable()
            assert len(line) <= gcode.LONGEST_REPLY
            size += len(line)
            assert isinstance(reply_of(line), Unknown | Message)
    assert size > 3_000_000


@given(st.lists(st.sampled_from([line for line, _ in SAID]), max_size=8), st.randoms(use_true_random=False))
def test_lines_come_out_as_they_went_in_however_they_are_cut(sent: list[str], chance: random.Random) -> None:
    data = b"".join(line.encode() + b"\r\n" for line in sent)
    decoder, found = LineDecoder(), []
    while data:
        cut = chance.randint(1, len(data))
        found += decoder.feed(data[:cut])
        data = data[cut:]
    assert found == sent


@given(st.lists(st.floats(-400, 400), min_size=1, max_size=6), st.floats(0.005, 10.0))
def test_a_move_fits_a_line_and_says_its_target(target: list[float], duration: float) -> None:
    line = gcode.straight_move(target, duration=duration)
    assert len(gcode.encode(line)) <= gcode.LONGEST_LINE
    words = dict(zip(gcode.AXES, target, strict=False))
    for letter, value in words.items():
        start = line.index(letter) + 1
        end = next(k for k in range(start, len(line)) if line[k].isalpha())
        assert float(line[start:end]) == gcode.rounded(value)
    assert float(line[line.index("F") + 1 :]) == pytest.approx(60.0 / duration, abs=1e-3)


@pytest.mark.parametrize("line", ["G1 X1?", "!", "G1\x18", "G1 X\x85", "G1\nG2", "G1 " + "X" * 80])
def test_bytes_that_act_at_once_never_stand_in_a_line(line: str) -> None:
    with pytest.raises(ValueError, match=r"line|ascii"):
        gcode.encode(line)


@pytest.mark.parametrize("target", [[], [float("nan")], [float("inf")], [0.0] * 7])
def test_a_move_that_cannot_be_is_not_written(target: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        gcode.straight_move(target, duration=1.0)


def test_numbered_lines_are_those_of_printcore() -> None:
    assert gcode.encode_numbered(NumberedLine(2, "G1 X20")) == b"N2 G1 X20*80\n"
    assert gcode.encode_numbered(NumberedLine(-1, "M110 N-1")) == b"N-1 M110 N-1*125\n"
    assert gcode.numbered_line_of("N2 G1 X20*80") == NumberedLine(2, "G1 X20")
    assert gcode.numbered_line_of("N2 G1 X21*80") is None
    assert gcode.numbered_line_of("G1 X20") is None
    assert gcode.marlin_reply_of("Resend: 2") == Resend(2)
    assert gcode.marlin_reply_of("ok N2 P15 B3") == MarlinSaid("ok")
    assert gcode.marlin_reply_of("echo:busy: processing") == MarlinSaid("busy")
    assert gcode.marlin_reply_of("X:1.00 Y:2.00") == MarlinSaid("echo")


@given(st.integers(-1, 10**6), st.text(st.characters(codec="ascii", exclude_characters="*\n\r"), max_size=60))
def test_numbered_lines_round_trip(number: int, text: str) -> None:
    data = gcode.encode_numbered(NumberedLine(number, text))
    found = gcode.numbered_line_of(data.decode("ascii").rstrip("\n"))
    assert found == NumberedLine(number, text)
