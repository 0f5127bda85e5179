"""The state machine as data: the table is whole, the machine obeys it, and the manual shows it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.errors import UsageError
from cellctl.execution.machine import (
    MOVING,
    RESTING,
    RUNNING,
    STOPS,
    TRANSITIONS,
    Machine,
    State,
    Trigger,
    diagram,
    stop_effect,
    tables,
)

ASKED = tuple(t.trigger for t in TRANSITIONS if t.asked_by != "executor")


def test_every_state_is_reached_and_left() -> None:
    reached = {t.target for t in TRANSITIONS} | {"idle"}
    left = {source for t in TRANSITIONS for source in t.sources}
    assert reached == left == set(get_args(State))
    assert set(RUNNING).isdisjoint(RESTING)


def test_no_trigger_leads_two_ways() -> None:
    pairs = [(t.trigger, source) for t in TRANSITIONS for source in t.sources]
    assert len(pairs) == len(set(pairs))
    assert {trigger for trigger, _ in pairs} == set(get_args(Trigger))


def test_an_emergency_stop_is_heard_in_every_state_but_those_that_last_no_time() -> None:
    (estop,) = [t for t in TRANSITIONS if t.trigger == "estop"]
    assert set(get_args(State)) - set(estop.sources) == {"clearing", "resetting"}
    assert estop.asked_by == "anybody"


def test_only_a_resume_or_a_start_leads_to_motion() -> None:
    """Out of every state in which the arm stands, motion begins only with these two, and both need power."""
    begun = {t.trigger for t in TRANSITIONS if t.target in MOVING and set(t.sources) - set(MOVING)}
    assert begun - {stop.trigger for stop in STOPS} == {"start", "resume"}


@given(st.lists(st.sampled_from([*get_args(Trigger), "on", "off", "t1", "auto"]), max_size=60))
def test_any_sequence_keeps_the_machine_sound(asked: list[str]) -> None:
    machine = Machine()
    for what in asked:
        before = (machine.state, machine.power, machine.mode)
        try:
            if what in ("on", "off"):
                machine.switch(what)  # type: ignore[arg-type]
            elif what in ("t1", "auto"):
                machine.choose(what)  # type: ignore[arg-type]
            else:
                machine.take(what)  # type: ignore[arg-type]
        except UsageError:
            assert (machine.state, machine.power, machine.mode) == before
        if what in ("start", "resume") and machine.state != before[0]:
            assert machine.power == "on"
        if before[1] == "estop":
            assert machine.power == "estop" or what == "off", "only a person takes an emergency stop back"
        if before[1] != "on" and machine.power == "on":
            assert what == "on"


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (lambda m: m.take("resume"), "X431"),
        (lambda m: m.take("start"), "X432"),
        (lambda m: (m.take("estop"), m.take("still"), m.switch("on")), "X432"),
        (lambda m: m.choose("t2"), "X434"),
        (lambda m: (m.switch("on"), m.take("start"), m.switch("off")), "X433"),
        (lambda m: (m.switch("on"), m.take("start"), m.choose("t1")), "X433"),
    ],
)
def test_what_the_table_does_not_hold_is_refused(do, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        do(Machine())
    assert caught.value.findings[0].code == code


def test_a_change_of_mode_takes_the_power() -> None:
    """Yaskawa-Global/motoros2#138: "robot still in motion" after the mode was switched."""
    machine = Machine(power="on")
    machine.choose("auto")
    assert machine.power == "on"
    machine.choose("t1")
    assert machine.power == "off"


def test_stop_categories() -> None:
    assert {stop.trigger: stop.category for stop in STOPS} == {
        "hold": 2,
        "protect": 2,
        "stop": 2,
        "fault": 1,
        "estop": 0,
    }
    assert stop_effect("fault").power.startswith("off at standstill")


def test_the_manual_shows_the_table_that_the_code_uses(checkout: Path) -> None:
    """Write it anew with `python docs/state_machine.py`."""
    page = (checkout / "docs/execution.md").read_text("utf-8")
    assert f"```mermaid\n{diagram()}\n```" in page
    assert tables() in page
