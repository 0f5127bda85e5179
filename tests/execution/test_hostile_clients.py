"""Clients that are clumsy or worse: whatever they send and however they leave, the executor lives."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cellctl.drivers.memory import MemoryArm
from cellctl.execution.service.links import _LINES_AT_A_TIME, ClientLinks
from cellctl.execution.service.processes import CellOptions
from cellctl.execution.service.session import attached
from tests.execution.conftest import OPENING, small_job, small_setup, worked

NUMBERS = (0, 1, -1, True, 0.5, 1e308, float("inf"), float("nan"), 10**400)
ODD = (*NUMBERS, None, "", "\0", "/", "\ud800", "x" * 5000, [], {}, [[]], [1e308], [float("inf")])
PATHS = ("plan", "folder")
ENTRY = {"segment": 0, "s": None, "done": [], "cut": {"segment": 2, "s": 0.01, "strike": 0.005}}
ASKED = {
    "hello": {"name": "me"},
    "load": {"plan": "job", "process": "weld", "entry": ENTRY, "resumes": "../run"},
    "start": {"folder": "run"},
    "resume": {"arc": "restart", "overlap": 0.001},
    "override": {"value": 0.5},
    "stride": {"unit": "distance", "distance": 0.01},
    "back": {"unit": "distance", "distance": 0.01},
    "power": {"state": "on"},
    "mode": {"mode": "t1"},
    **{
        do: {"extra": 1}
        for do in ("status", "acquire", "release", "subscribe", "hold", "stop", "clear", "reset", "estop")
    },
}
"""Every request as it should be."""


def bent(value: object) -> Iterator[object]:
    """Odd values in the place of one or, where it holds others, in theirs."""
    yield from ODD
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from (value | {name: odd} for odd in bent(inner))


def hostile() -> Iterator[dict[str, object]]:
    """Every request with each of its arguments bent in every way, or left out."""
    for do, arguments in ASKED.items():
        for name, value in arguments.items():
            yield {"do": do, **{other: arguments[other] for other in arguments if other != name}}
            yield from ({"do": do, **arguments, name: odd} for odd in bent(value))


@pytest.mark.parametrize("when", [2, 8], ids=["before", "during"])
def test_no_request_breaks_the_executor(tmp_path: Path, when: int) -> None:
    """Whatever its arguments are, from the holder of the lease himself: it is answered or refused, and nothing else."""
    job, setup = small_job(), small_setup()
    requests = list(hostile())
    assert len(requests) > 400
    for number, request in enumerate(requests):
        folder = tmp_path / str(number)
        folder.mkdir()
        placed = {name: f"{folder}/{path}" for name, path in request.items() if name in PATHS and isinstance(path, str)}
        run = [{"do": "start", "folder": str(folder / "own")}]
        asked = [request | placed, *run * (request["do"] == "load")]
        script = {1: OPENING, 2: run * (when > 2), when: asked, when + 1: [{"do": "status"}]}
        links = worked(job, MemoryArm(setup), script, folder, patience=3)
        answers = {answer["id"]: answer for answer in links.client.answers}
        assert "result" in answers[when + 1], request
        assert all(code[0] in "XF" for code in links.refusals()), request


@contextmanager
def listening(tmp_path: Path) -> Iterator[ClientLinks]:
    with ClientLinks(tmp_path / "s", lifeline=None) as links:
        yield links


def connected(links: ClientLinks, tmp_path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(tmp_path / "s"))
    assert list(links.requests(patience=1.0)) == []
    return client


def test_a_client_that_floods_is_heard_a_few_lines_at_a_time(tmp_path: Path) -> None:
    """The control loop takes a few lines of each client in a cycle; all are taken in the end, in their order."""
    with listening(tmp_path) as links, connected(links, tmp_path) as flood, connected(links, tmp_path) as calm:
        flood.sendall(b"".join(b"%d\n" % k for k in range(1000)))
        calm.sendall(b"stop\n")
        heard = [line for _, line in links.requests(patience=1.0)]
        assert b"stop" in heard
        assert len(heard) == _LINES_AT_A_TIME + 1
        rest = [line for _ in range(200) for _, line in links.requests(patience=0.0)]
        said = [line for line in heard + rest if line != b"stop"]
        assert said == [b"%d" % k for k in range(1000)]


def test_the_last_line_of_a_client_that_hangs_up_is_heard(tmp_path: Path) -> None:
    """`stop` and gone, although the client left behind what it was sent."""
    with listening(tmp_path) as links:
        client = connected(links, tmp_path)
        (link,) = links.clients.values()
        link.subscribed = True
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(500):
            links.publish(b"x" * 1000 + b"\n", droppable=True)
        client.sendall(b"stop\n")
        client.close()
        heard = [line for _ in range(3) for _, line in links.requests(patience=0.1)]
        assert heard == [b"stop", None]
        assert not links.clients


def test_half_a_line_is_no_request_and_an_endless_one_is_hung_up_on(tmp_path: Path) -> None:
    with listening(tmp_path) as links, connected(links, tmp_path) as endless, connected(links, tmp_path) as half:
        half.sendall(b'{"do": "sto')
        assert list(links.requests(patience=1.0)) == []
        half.close()
        assert [line for _, line in links.requests(patience=1.0)] == [None]
        endless.setblocking(False)
        heard = []
        for _ in range(5):
            try:
                endless.send(b"[" * 60_000)
            except OSError:
                break
            heard += [line for _, line in links.requests(patience=1.0)]
        assert heard == [None]
        assert not links.clients


def test_a_client_too_many_is_hung_up_on_and_the_others_are_heard(tmp_path: Path) -> None:
    with listening(tmp_path) as links:
        clients = [connected(links, tmp_path) for _ in range(8)]
        with connected(links, tmp_path) as ninth:
            assert ninth.recv(10) == b""
        clients[7].sendall(b"hold\n")
        assert [line for _, line in links.requests(patience=1.0)] == [b"hold"]
        for client in clients:
            client.close()


STEPS = [
    {"do": "hello", "name": "doomed"},
    {"do": "acquire"},
    {"do": "subscribe"},
    {"do": "load"},
    {"do": "power", "state": "on"},
    {"do": "start"},
    {"do": "hold"},
    {"do": "resume"},
    {"do": "override", "value": 0.5},
    {"do": "stop"},
]


def said(line: dict[str, object], number: int, plan: Path, folder: Path) -> bytes:
    more: dict[str, object] = {"load": {"plan": str(plan)}, "start": {"folder": str(folder)}}.get(str(line["do"]), {})
    return json.dumps({"id": number, **line, **more}).encode() + b"\n"


def test_a_client_that_dies_behind_any_message_leaves_an_arm_for_the_next(cell_processes, plan_file, tmp_path) -> None:
    """One after the other on one cell: each gets a message further, is gone without reading on, and the next one can
    begin anew.
    """
    packed, programs = cell_processes
    with attached(packed, CellOptions(pace="real_time", period=0.02, patience=0.5), programs, name="owner") as link:
        link.client.release()
        path = str(link._weld_source.parent / "executor")
        for count in range(1, len(STEPS) + 1):
            with socket.socket(socket.AF_UNIX) as doomed:
                doomed.settimeout(60)
                doomed.connect(path)
                answers, epoch = doomed.makefile("rb"), 0
                for number, step in enumerate(STEPS[:count]):
                    doomed.sendall(said(step | {"epoch": epoch}, number, plan_file, tmp_path / f"run{count}"))
                    if number + 1 < count:
                        epoch = answered(answers, number).get("epoch", epoch)
                answers.close()
            recover(link, path)
        assert link.client.ask("status")["state"] == "idle"
        records = [path for path in tmp_path.glob("run*") if (path / "outcome.json").exists()]
        assert len(records) == len(STEPS) - STEPS.index({"do": "start"})


def answered(answers, number: int) -> dict[str, object]:
    """The reply to a request; only to go on where nothing is held yet may be refused."""
    for line in answers:
        reply = json.loads(line)
        if reply.get("id") == number:
            assert "result" in reply or reply["findings"][0]["code"] == "X423", reply
            return reply.get("result", {})
    raise AssertionError("the executor hung up")


def recover(link, path: str) -> None:
    """Wait for the end of what the last client began, and make the arm ready for the next one."""
    deadline = time.monotonic() + 60
    while link.client.ask("status")["running"] or link.client.ask("status")["lease"] is not None:
        assert time.monotonic() < deadline, "the run of a client that is gone does not end"
        time.sleep(0.01)
    link.client.acquire()
    if link.client.ask("status")["state"] == "aborted":
        link.client.command("clear")
    if link.client.ask("status")["state"] != "idle":
        link.client.command("reset")
    link.client.command("power", state="off")
    link.client.release()
