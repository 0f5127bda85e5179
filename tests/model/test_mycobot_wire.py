"""myCobot's frames against bytes that the vendor's library put on the wire."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model.wires import mycobot as wire
from cellctl.model.wires.mycobot import Command, Decoder, Frame

ANGLES = (10.0, -20.0, 30.0, -40.0, 50.0, -60.0)
SENT = [
    ("FE FE 02 10 FA", Frame(Command.POWER_ON)),
    ("FE FE 02 11 FA", Frame(Command.POWER_OFF)),
    ("FE FE 02 12 FA", Frame(Command.IS_POWERED)),
    ("FE FE 02 13 FA", Frame(Command.RELEASE)),
    ("FE FE 03 16 01 FA", Frame(Command.FRESH_MODE, b"\x01")),
    ("FE FE 02 20 FA", Frame(Command.GET_ANGLES)),
    ("FE FE 0E 20 03 E8 F8 30 0B B8 F0 60 13 88 E8 90 FA", Frame(Command.GET_ANGLES, wire.pack_angles(ANGLES))),
    ("FE FE 0F 22 03 E8 F8 30 0B B8 F0 60 13 88 E8 90 32 FA", wire.send_angles(ANGLES, 50)),
    ("FE FE 06 21 01 23 28 32 FA", wire.send_angle(1, 90.0, 50)),
    ("FE FE 02 29 FA", Frame(Command.STOP)),
    ("FE FE 03 57 00 FA", Frame(Command.FOCUS, b"\x00")),
]


@pytest.mark.parametrize(("text", "frame"), SENT)
def test_frames_are_those_of_the_vendor(text: str, frame: Frame) -> None:
    assert wire.encode(frame) == bytes.fromhex(text)
    assert Decoder().feed(bytes.fromhex(text)) == [frame]


frames = st.builds(Frame, st.integers(0, 255), st.binary(max_size=30))


@given(st.lists(frames, max_size=5), st.randoms(use_true_random=False))
def test_frames_come_out_as_they_went_in_however_they_are_cut(sent: list[Frame], chance: random.Random) -> None:
    data = b"".join(wire.encode(frame) for frame in sent)
    decoder, found = Decoder(), []
    while data:
        cut = chance.randint(1, len(data))
        found += decoder.feed(data[:cut])
        data = data[cut:]
    assert found == sent
    assert decoder.noise == 0


@given(st.lists(st.floats(-327.0, 327.0), min_size=6, max_size=6))
def test_angles_round_trip(angles: list[float]) -> None:
    assert wire.unpack_angles(wire.pack_angles(angles)) == pytest.approx(angles, abs=0.005001)


@pytest.mark.parametrize("angle", [float("nan"), float("inf"), 328.0, -1e9])
def test_an_angle_without_room_is_not_written(angle: float) -> None:
    with pytest.raises(ValueError, match="no room"):
        wire.pack_angles([angle])


def test_ten_million_random_bytes_give_only_frames_that_begin_and_end_as_one() -> None:
    chance, decoder, size = random.Random(1), Decoder(), 0
    for _ in range(1000):
        for frame in decoder.feed(chance.randbytes(10_000)):
            data = wire.encode(frame)
            assert len(frame.data) <= wire.LONGEST
            assert (data[:2], data[-1]) == (wire.HEADER, wire.END)
            size += len(data)
    decoder.reset()
    assert decoder.noise + size == 10_000_000
