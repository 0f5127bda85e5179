"""Progress is for people in front of a terminal, and for nobody else."""

from __future__ import annotations

import io
import sys

import pytest

from cellctl.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress() as say:
        say("reading tray.yaml", None)
        say("proving segment 2 of 5", 0.2)
    return stream.getvalue()


def test_a_terminal_sees_what_is_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "proving segment 2 of 5" in shown(monkeypatch, Terminal())


def test_a_pipe_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert shown(monkeypatch, io.StringIO()) == ""


def test_ci_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert shown(monkeypatch, Terminal()) == ""
