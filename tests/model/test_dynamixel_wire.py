"""DYNAMIXEL protocol 2.0 against bytes that the vendor's SDK and an independent one put on the wire."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires.dynamixel import BROADCAST, Decoder, Instruction, Packet, Reply
from cellctl.model.wires.dynamixel_registers import GOAL_POSITION, PRESENT_POSITION, REGISTERS, TABLE_SIZE

SIX = range(1, 7)
GOALS = {id: GOAL_POSITION.pack(2048 + 100 * id) for id in SIX}

ASKED = [
    ("FF FF FD 00 01 03 00 01 19 4E", wire.ping(1)),
    ("FF FF FD 00 FE 03 00 01 31 42", wire.ping()),
    ("FF FF FD 00 01 06 00 03 40 00 01 DB 66", wire.write(1, 64, b"\1")),
    ("FF FF FD 00 01 09 00 03 74 00 00 08 00 00 42 89", wire.write(1, 116, GOAL_POSITION.pack(2048))),
    ("FF FF FD 00 01 09 00 03 74 00 9C FF FF FF D9 B5", wire.write(1, 116, GOAL_POSITION.pack(-100))),
    ("FF FF FD 00 01 0A 00 03 74 00 FF FF FD FD 00 21 E7", wire.write(1, 116, GOAL_POSITION.pack(0x00FDFFFF))),
    ("FF FF FD 00 01 07 00 02 84 00 04 00 1D 15", wire.read(1, 132, 4)),
    (
        "FF FF FD 00 FE 25 00 83 74 00 04 00 01 64 08 00 00 02 C8 08 00 00 03 2C 09 00 00 04 90 09 00 00"
        " 05 F4 09 00 00 06 58 0A 00 00 7A C3",
        wire.sync_write(116, GOALS),
    ),
    ("FF FF FD 00 FE 0D 00 82 84 00 04 00 01 02 03 04 05 06 B2 9B", wire.sync_read(132, 4, SIX)),
    ("FF FF FD 00 FE 0D 00 8A 84 00 04 00 01 02 03 04 05 06 B1 B1", wire.sync_read(132, 4, SIX, fast=True)),
    ("FF FF FD 00 FE 0A 00 82 84 00 04 00 01 02 03 2A 6C", wire.sync_read(132, 4, (1, 2, 3))),
    (
        "FF FF FD 00 FE 11 00 83 74 00 04 00 01 00 08 00 00 02 01 08 00 00 6B D8",
        wire.sync_write(116, {1: GOAL_POSITION.pack(2048), 2: GOAL_POSITION.pack(2049)}),
    ),
    ("FF FF FD 00 01 06 00 03 62 00 05 68 E4", wire.write(1, 98, b"\5")),
    ("FF FF FD 00 01 07 00 02 46 00 01 00 3C A3", wire.read(1, 70, 1)),
    ("FF FF FD 00 01 03 00 08 2F 4E", wire.reboot(1)),
]
ANSWERED = [
    ("FF FF FD 00 01 07 00 55 00 FC 03 2E 1D 43", Reply(1, 0, bytes([0xFC, 0x03, 46]))),
    ("FF FF FD 00 01 04 00 55 00 A1 0C", Reply(1, 0, b"")),
    ("FF FF FD 00 01 08 00 55 00 01 08 00 00 1F AC", Reply(1, 0, PRESENT_POSITION.pack(2049))),
]

packets = st.builds(
    Packet,
    st.integers(0, BROADCAST),
    st.sampled_from(Instruction),
    st.lists(st.sampled_from([b"\xff", b"\xff\xff\xfd", b"\xfd", b"\0", b"\x74"]), max_size=40).map(b"".join),
)


@pytest.mark.parametrize(("text", "packet"), ASKED)
def test_what_is_asked_is_what_the_vendors_ask(text: str, packet: Packet) -> None:
    assert wire.encode(packet) == bytes.fromhex(text)
    assert Decoder().feed(bytes.fromhex(text)) == [packet]


@pytest.mark.parametrize(("text", "reply"), ANSWERED)
def test_what_is_answered_is_what_the_vendors_read(text: str, reply: Reply) -> None:
    (packet,) = Decoder().feed(bytes.fromhex(text))
    assert wire.reply_of(packet) == reply
    assert wire.encode(wire.status(reply)) == bytes.fromhex(text)


def test_a_fast_sync_read_is_answered_in_one_packet() -> None:
    replies = [Reply(id, 0, PRESENT_POSITION.pack(2048 + id)) for id in SIX]
    frame = wire.fast_status(replies)
    assert frame.startswith(bytes.fromhex("FF FF FD 00 FE 31 00 55 00 01 01 08 00 00 E4 1B 00 02 02 08 00 00 83 AA"))
    assert frame.endswith(bytes.fromhex("00 06 06 08 00 00 EA C0"))
    (packet,) = Decoder().feed(frame)
    assert wire.fast_replies(packet, 4) == replies
    assert wire.fast_replies(packet, 5) == []


def test_a_packet_that_its_sender_did_not_stuff_is_read() -> None:
    """The vendor's Python SDK 4.1.0 does not stuff."""
    unstuffed = bytes.fromhex("FF FF FD 00 01 09 00 03 74 00 FF FF FD 00 C9 07")
    assert Decoder().feed(unstuffed) == [wire.write(1, 116, GOAL_POSITION.pack(0x00FDFFFF))]


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


@given(packets)
def test_no_stuffed_packet_holds_the_header_of_another(packet: Packet) -> None:
    assert wire.encode(packet).find(wire.HEADER, 1) < 0


@given(packets, packets, st.data())
def test_a_flipped_bit_is_always_noticed(broken: Packet, good: Packet, data: st.DataObject) -> None:
    frame = bytearray(wire.encode(broken))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    found = Decoder().feed(bytes(frame) + wire.encode(good) + bytes(wire.LONGEST + 7))
    assert found == [good]


def test_ten_million_random_bytes_give_no_packet_and_no_error() -> None:
    chance, decoder, found = random.Random(1), Decoder(), []
    for _ in range(1000):
        noise = chance.randbytes(9_990)
        found += decoder.feed(noise + wire.HEADER + chance.randbytes(6))
    assert found == []
    assert decoder.broken > 0
    decoder.reset()
    assert decoder.noise == 10_000_000


def test_registers_have_their_place_to_themselves() -> None:
    taken = [address for item in REGISTERS for address in range(item.address, item.address + item.size)]
    assert sorted(set(taken)) == taken
    assert taken[-1] < TABLE_SIZE
    assert [item.name for item in REGISTERS if item.permanent][-1] == "shutdown"
