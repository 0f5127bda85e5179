"""The wire of the simulated arm: frames as documented, round trips, and noise."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model import arm_wire as wire
from cellctl.model.arm_wire import Condition, Fault, Kind, Report, WireError

finite = st.floats(-1e6, 1e6)


def test_a_setpoint_has_the_documented_bytes():
    data = wire.pack_setpoint(7, np.array([0.5, -1.0]), 5)
    head = b"CSA1" + bytes([3, 2, 0, 0]) + struct.pack("<II", 7, 20)
    payload = struct.pack("<ddI", 0.5, -1.0, 5)
    assert data == head + struct.pack("<I", zlib.crc32(head + payload)) + payload


@given(st.integers(0, 2**32 - 1), st.lists(finite, min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_a_setpoint_comes_back(sequence, joints, outputs):
    frame, size = wire.unpack(wire.pack_setpoint(sequence, np.array(joints), outputs) + b"CSA1")
    assert (frame.kind, frame.sequence, size) == (Kind.SETPOINT, sequence, 20 + 8 * len(joints) + 4)
    got, lines, analog = wire.setpoint_of(frame)
    np.testing.assert_array_equal(got, joints)
    assert (lines, analog) == (outputs, ())


@given(st.lists(finite, max_size=wire.ANALOG_CHANNELS).map(tuple))
def test_analogue_values_come_back(analog):
    frame, _ = wire.unpack(wire.pack_setpoint(7, np.array([0.5, -1.0]), 5, analog))
    assert wire.setpoint_of(frame)[1:] == (5, analog)
    q = np.array([0.5, -1.0])
    report = Report(1.5, q, q, q, 3, Fault.NONE, Condition.STREAMING, stalled=0.25, analog=analog)
    frame, _ = wire.unpack(wire.pack_report(9, report))
    got = wire.report_of(frame)
    assert (got.stalled, got.analog) == (0.25, analog)


def test_too_many_analogue_values_are_refused():
    frame, _ = wire.unpack(wire.pack_setpoint(7, np.array([0.5]), 0, (0.0,) * (wire.ANALOG_CHANNELS + 1)))
    with pytest.raises(WireError, match="wrong length"):
        wire.setpoint_of(frame)


@given(
    st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=8),
    st.floats(0, 1e6),
    st.integers(0, 2**32 - 1),
    st.sampled_from(Fault),
    st.sampled_from(Condition),
)
def test_a_state_comes_back(rows, time, inputs, fault, condition):
    q, qd, torque = np.array(rows).T
    frame, _ = wire.unpack(wire.pack_report(9, Report(time, q, qd, torque, inputs, fault, condition)))
    got = wire.report_of(frame)
    assert (got.time, got.inputs, got.fault, got.condition) == (time, inputs, fault, condition)
    np.testing.assert_array_equal([got.joints, got.velocities, got.torques], [q, qd, torque])


@given(st.binary(max_size=200))
def test_noise_is_never_a_frame(data):
    try:
        frame, size = wire.unpack(data)
    except WireError:
        return
    assert (frame, size) == (None, 0)


@given(st.integers(0, 20 + 52 - 1), st.integers(0, 7))
def test_a_flipped_bit_is_never_a_frame(position, bit):
    data = bytearray(wire.pack_setpoint(7, np.linspace(-1, 1, 6), 5))
    data[position] ^= 1 << bit
    try:
        frame, _ = wire.unpack(data)
    except WireError:
        return
    assert frame is None


def test_a_frame_in_pieces_waits_for_the_rest():
    data = wire.pack_setpoint(7, np.linspace(-1, 1, 6), 5)
    for size in range(1, len(data)):
        assert wire.unpack(data[:size]) == (None, 0)


def test_a_state_of_the_wrong_length_is_refused():
    frame, _ = wire.unpack(wire.pack(Kind.STATE, 1, b"12345678", joints=6))
    with pytest.raises(WireError, match="wrong length"):
        wire.report_of(frame)
