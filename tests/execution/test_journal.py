"""The journal and the trace survive being cut anywhere, and a damaged middle is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cellctl.errors import FileError
from cellctl.execution.records.journal import Journal, is_being_written, read_journal
from cellctl.execution.records.record import RunFolder
from cellctl.execution.records.trace import Cycle, TraceWriter, read_trace

KINDS = ("begin", "state", "intent", "arc_intent", "end")


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as writer:
        for number, kind in enumerate(KINDS):
            writer.append(kind, {"number": number, "s": 0.1 * number, "name": "tür"})
    return path


def test_records_come_back_as_written(journal):
    contents = read_journal(journal)
    assert contents.notice is None
    assert [r.kind for r in contents.records] == list(KINDS)
    assert [r.seq for r in contents.records] == [0, 1, 2, 3, 4]
    assert contents.records[3].data == {"number": 3, "s": 0.1 * 3, "name": "tür"}
    assert all(a.mono <= b.mono for a, b in zip(contents.records, contents.records[1:], strict=False))


def test_a_journal_cut_at_any_byte_is_read_up_to_there(journal):
    whole = journal.read_bytes()
    for size in range(len(whole)):
        journal.write_bytes(whole[:size])
        contents = read_journal(journal)
        assert len(contents.records) == whole[:size].count(b"\n")
        torn = size - (whole[:size].rfind(b"\n") + 1)
        assert (contents.notice is not None) == (torn > 0)
        if contents.notice is not None:
            assert contents.notice.code == "X451"
            assert f"{torn} bytes" in contents.notice.message


def test_any_flipped_bit_in_a_whole_line_is_refused(journal):
    whole = journal.read_bytes()
    line_end = whole.index(b"\n")
    for position in range(0, len(whole) - 1, 7):
        if whole[position : position + 1] == b"\n":
            continue
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        journal.write_bytes(bytes(damaged))
        with pytest.raises(FileError) as caught:
            read_journal(journal)
        assert caught.value.findings[0].code == "X450"
    assert line_end > 0


def test_a_line_that_is_missing_is_noticed(journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(FileError, match="damaged here"):
        read_journal(journal)


def test_the_checksum_is_that_of_the_rest_in_canonical_form(journal):
    """Computed here from the documented form alone."""
    import zlib

    for line in journal.read_bytes().splitlines():
        record = json.loads(line)
        crc = record.pop("crc")
        text = json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n"
        assert crc == zlib.crc32(text.encode("ascii"))


def test_a_durable_record_is_in_the_file_when_its_future_is_done(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as writer:
        writer.append("state", {})
        writer.append_durably("intent", {"step": 4}).result(timeout=30)
        assert [r.kind for r in read_journal(path).records] == ["state", "intent"]


def test_a_journal_is_never_overwritten(journal):
    with pytest.raises(FileExistsError):
        Journal(journal)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full, which answers ENOSPC to every write, is Linux's")
def test_a_full_disk_is_reported_and_nothing_more_is_written(tmp_path):
    writer = Journal(tmp_path / "journal.jsonl")
    os.dup2(os.open("/dev/full", os.O_WRONLY), writer._descriptor)
    with pytest.raises(OSError, match="space"):
        writer.append_durably("intent", {}).result(timeout=30)
    with pytest.raises(OSError, match="space"):
        writer.append("state", {}).result(timeout=30)
    assert writer.failure is not None
    writer.close()


def test_a_disk_that_fills_up_leaves_room_for_the_end(tmp_path, monkeypatch):
    """Room is taken ahead; when there is no more, intents are refused and the last notes still go in."""
    path = tmp_path / "journal.jsonl"
    writer = Journal(path, room=40_000)
    assert path.stat().st_size == 40_000

    def full(descriptor, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cellctl.execution.records.journal.allocate", full)
    futures = [writer.append("state", {"k": k, "text": "x" * 900}) for k in range(30)]
    for future in futures:
        future.result(timeout=30)
    assert writer.failure.errno == 28
    with pytest.raises(OSError, match="space"):
        writer.append_durably("intent", {}).result(timeout=30)
    writer.append("end", {"status": "faulted"}).result(timeout=30)
    assert read_journal(path).notice is None, "the zeros behind are no torn line"
    writer.close()
    assert path.stat().st_size < 40_000
    assert [r.kind for r in read_journal(path).records][-2:] == ["state", "end"]


def test_a_disk_that_is_full_begins_nothing(tmp_path, monkeypatch):
    def full(descriptor, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cellctl.execution.records.journal.allocate", full)
    with pytest.raises(OSError, match="space"):
        RunFolder(tmp_path / "run", ("A1",))
    assert list((tmp_path / "run").iterdir()) == []


def test_a_journal_is_locked_while_it_is_written(tmp_path):
    path = tmp_path / "journal.jsonl"
    writer = Journal(path)
    assert is_being_written(path)
    writer.close()
    assert not is_being_written(path)


def test_a_torn_line_before_the_room_that_was_taken(journal):
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-20] + bytes(500))
    contents = read_journal(journal)
    assert len(contents.records) == 4
    assert contents.notice.code == "X451"


def test_a_killed_process_leaves_its_durable_records(tmp_path):
    path = tmp_path / "journal.jsonl"
    script = (
        "import os, sys; from pathlib import Path; from cellctl.execution.records.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for k in range(3): journal.append('state', {'k': k})\n"
        "journal.append_durably('intent', {'step': 1}).result()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], timeout=120, check=False)
    assert ended.returncode == -9
    assert [r.kind for r in read_journal(path).records] == ["state", "state", "state", "intent"]


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.csv"
    writer = TraceWriter(path, ("A1", "A2"))
    for k in range(300):
        joints = np.array([0.1 * k, -1.0 / 3.0])
        writer.write(Cycle(0.004 * k, k // 100, 0.001 * k, 1.0, joints, joints + 1e-3, 10.0 * joints, 2, k % 2, 1))
    writer.close()
    return path


def test_a_trace_comes_back_as_written(trace):
    read = read_trace(trace)
    k = np.arange(300)
    assert read.joints == ("A1", "A2")
    np.testing.assert_allclose(read.time, 0.004 * k, atol=1e-6)
    np.testing.assert_array_equal(read.segment, k // 100)
    np.testing.assert_allclose(read.commanded, np.stack([0.1 * k, np.full(300, -1.0 / 3.0)], axis=1), atol=1e-12)
    np.testing.assert_allclose(read.measured - read.commanded, 1e-3, atol=2e-12)
    np.testing.assert_array_equal(read.inputs, k % 2)
    assert set(read.outputs) == {2}
    assert read.notice is None


def test_a_torn_trace_is_read_up_to_there(trace):
    whole = trace.read_bytes()
    for cut in (1, 2, 17, 60):
        trace.write_bytes(whole[:-cut])
        read = read_trace(trace)
        assert len(read) == 299 - (cut > 60)
        assert read.notice is not None
        assert read.notice.code == "X451"


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", "t,segment,s,rate,outputs,inputs,arc\n"])
def test_another_file_is_no_trace(tmp_path, text):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_trace(path)
    assert caught.value.findings[0].code == "X452"
