"""Feetech's packets against bytes that the vendor's SDK and an independent one put on the wire."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model.wires import feetech as wire
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.checksums import inverted_sum
from cellctl.model.wires.feetech import BROADCAST, Decoder, Packet

SIX = range(1, 7)
GOALS = {id: reg.GOAL_POSITION.pack(2048 + 100 * id) for id in SIX}
WHOLE = {
    id: bytes([50]) + reg.GOAL_POSITION.pack(2048 + 100 * id) + bytes(2) + reg.GOAL_VELOCITY.pack(1000) for id in SIX
}

ASKED = [
    ("FF FF 01 02 01 FB", wire.ping(1)),
    ("FF FF 01 04 02 03 02 F3", wire.read(1, 3, 2)),
    ("FF FF 01 04 03 28 01 CE", wire.write(1, 40, b"\1")),
    ("FF FF 01 05 03 2A 00 08 C4", wire.write(1, 42, reg.GOAL_POSITION.pack(2048))),
    ("FF FF 01 0A 03 29 32 00 08 00 00 E8 03 A3", wire.write(1, 41, bytes.fromhex("32 00 08 00 00 E8 03"))),
    ("FF FF 01 04 02 38 02 BE", wire.read(1, 56, 2)),
    (
        "FF FF FE 16 83 2A 02 01 64 08 02 C8 08 03 2C 09 04 90 09 05 F4 09 06 58 0A BE",
        wire.sync_write(42, GOALS),
    ),
    ("FF FF FE 0A 82 38 02 01 02 03 04 05 06 26", wire.sync_read(56, 2, SIX)),
    ("FF FF FE 0A 82 38 0F 01 02 03 04 05 06 19", wire.sync_read(56, 15, SIX)),
    ("FF FF FE 07 82 38 02 01 02 03 38", wire.sync_read(56, 2, (1, 2, 3))),
    (
        "FF FF FE 0D 83 2A 02 01 41 08 02 BE 07 03 00 08 29",
        wire.sync_write(42, {1: b"\x41\x08", 2: b"\xbe\x07", 3: b"\x00\x08"}),
    ),
]
ANSWERED = [
    ("FF FF 01 02 00 FC", Packet(1, 0)),
    ("FF FF 01 04 00 09 03 EE", Packet(1, 0, reg.MODEL.pack(777))),
    ("FF FF 01 04 00 01 08 F1", Packet(1, 0, reg.PRESENT_POSITION.pack(2049))),
]

packets = st.builds(
    Packet,
    st.integers(0, BROADCAST),
    st.integers(0, 255),
    st.lists(st.sampled_from([b"\xff", b"\xff\xff", b"\xff\xff\x01", b"\x02", b"\0"]), max_size=40).map(b"".join),
)


@pytest.mark.parametrize(("text", "packet"), ASKED + ANSWERED)
def test_packets_are_those_of_the_vendors(text: str, packet: Packet) -> None:
    assert wire.encode(packet) == bytes.fromhex(text)
    assert Decoder().feed(bytes.fromhex(text)) == [packet]
    assert len(bytes.fromhex(text)) == wire.wire_size(len(packet.parameters))


def test_the_long_sync_write_begins_and_ends_as_that_of_the_vendor() -> None:
    frame = wire.encode(wire.sync_write(41, WHOLE))
    assert frame.startswith(bytes.fromhex("FF FF FE 34 83 29 07 01 32 64 08 00 00 E8 03"))
    assert frame.endswith(bytes.fromhex("06 32 58 0A 00 00 E8 03 EE"))


@given(st.lists(packets, max_size=5), st.randoms(use_true_random=False))
def test_packets_come_out_as_they_went_in_however_they_are_cut(sent: list[Packet], chance: random.Random) -> None:
    data = b"".join(wire.encode(packet) for packet in sent)
    decoder, found = Decoder(), []
    while data:
        cut = chance.randint(1, len(data))
        found += decoder.feed(data[:cut])
        data = data[cut:]
    assert found == sent
    assert (decoder.broken, decoder.noise) == (0, 0)


@given(packets, st.data())
def test_a_flipped_bit_never_gives_the_packet_that_was_sent(packet: Packet, data: st.DataObject) -> None:
    frame = bytearray(wire.encode(packet))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert packet not in Decoder().feed(bytes(frame) + bytes(wire.LONGEST + 7))


def test_a_flipped_bit_behind_the_length_is_always_noticed() -> None:
    frame = wire.encode(Packet(1, 0, reg.PRESENT_POSITION.pack(2049)))
    for bit in range(8 * 4, 8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        assert Decoder().feed(bytes(broken)) == []


def test_the_sum_does_not_notice_swapped_bytes() -> None:
    """Why readings are also asked whether they can be true: 2049 comes as 264."""
    (swapped,) = Decoder().feed(bytes.fromhex("FF FF 01 04 00 08 01 F1"))
    assert reg.PRESENT_POSITION.unpack(swapped.parameters, 56) == 264


def test_ten_million_random_bytes_give_nothing_with_a_wrong_checksum() -> None:
    chance, decoder, size = random.Random(1), Decoder(), 0
    for _ in range(1000):
        for packet in decoder.feed(chance.randbytes(10_000)):
            frame = wire.encode(packet)
            assert frame[-1] == inverted_sum(frame[2:-1])
            assert len(packet.parameters) <= wire.LONGEST
            size += len(frame)
    decoder.reset()
    assert decoder.broken > 0
    assert decoder.noise + size == 10_000_000


@given(st.sampled_from([r for r in reg.REGISTERS if r.sign_bit is not None]), st.data())
def test_signed_registers_round_trip(item: reg.Register, data: st.DataObject) -> None:
    assert item.sign_bit is not None
    value = data.draw(st.integers(1 - (1 << item.sign_bit), (1 << item.sign_bit) - 1))
    assert item.unpack(item.pack(value), item.address) == value


def test_signs_are_a_bit_of_their_own() -> None:
    assert reg.GOAL_POSITION.pack(-100) == bytes([100, 0x80])
    assert reg.HOMING_OFFSET.pack(-100) == bytes([100, 0x08])
    assert reg.PRESENT_LOAD.unpack(bytes([100, 0x04]), reg.PRESENT_LOAD.address) == -100
    with pytest.raises(OverflowError):
        reg.HOMING_OFFSET.pack(2048)


def test_registers_have_their_place_to_themselves() -> None:
    taken = [address for item in reg.REGISTERS for address in range(item.address, item.address + item.size)]
    assert sorted(set(taken)) == taken
    assert taken[-1] == reg.TABLE_SIZE - 1
    assert [item.name for item in reg.REGISTERS if item.permanent][-1] == "overload_torque"


def test_errors_are_told_in_words() -> None:
    assert reg.error_words(0x24) == "overheating, overload"
    assert reg.error_words(0x40) == "code 64"
