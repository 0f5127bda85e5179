"""Pure parts of the executor's door: the lease over time, and the lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.errors import CheckFailed, Faulted, Finding, UsageError
from cellctl.execution.records.outcome import Outcome, WeldRun
from cellctl.execution.service import protocol
from cellctl.execution.service.lease import Lease
from cellctl.model.event import Event, event_from_json


def test_a_lease_lives_by_its_heartbeat():
    lease = Lease()
    assert lease.loss(0.0)
    first = lease.acquire(client=1, name="one", now=0.0)
    lease.heartbeat(client=1, now=0.9)
    lease.check(client=1, epoch=first, now=1.8)
    lease.heartbeat(client=2, now=1.8)
    assert lease.loss(2.0)
    with pytest.raises(UsageError):
        lease.check(client=1, epoch=first, now=2.0)
    lease.heartbeat(client=1, now=2.0)
    assert lease.loss(2.0), "an expired lease is not revived"


def test_time_in_which_nobody_could_be_heard_does_not_count():
    lease = Lease()
    epoch = lease.acquire(client=1, name="one", now=0.0)
    lease.extend(5.0)
    lease.check(client=1, epoch=epoch, now=5.9)
    assert lease.loss(6.1)


def test_a_new_grant_makes_the_old_epoch_void():
    """UniversalRobots/Universal_Robots_ROS_Driver#638, #709, UniversalRobots/Universal_Robots_ROS2_Driver#1813: two
    that both think that they are in control.
    """
    lease = Lease()
    first = lease.acquire(client=1, name="one", now=0.0)
    with pytest.raises(UsageError, match="'one' has the lease"):
        lease.acquire(client=2, name="two", now=0.5)
    second = lease.acquire(client=2, name="two", now=1.5)
    assert second > first
    with pytest.raises(UsageError):
        lease.check(client=1, epoch=first, now=1.6)
    with pytest.raises(UsageError):
        lease.check(client=2, epoch=first, now=1.6)
    lease.check(client=2, epoch=second, now=1.6)
    lease.release(client=1)
    assert not lease.loss(1.6), "only the holder gives it back"
    lease.release(client=2)
    assert lease.loss(1.6)


@given(st.binary(max_size=200))
def test_any_line_is_a_request_or_a_refusal(line):
    try:
        request = protocol.parse_request(line)
    except UsageError as error:
        codes = [finding.code for finding in error.findings]
    else:
        codes = ["X422"] if isinstance(request.do, str) else []
    assert codes == ["X422"]


def test_what_is_written_is_read():
    request = protocol.parse_request(protocol.request_line("start", 7, {"folder": "/r", "epoch": 2}))
    assert (request.do, request.id, request.text("folder"), request.number("epoch")) == ("start", 7, "/r", 2.0)
    finding = Finding("X404", "the arc was lost", suggestion="look", severity="error")
    outcome = Outcome("faulted", (finding,), 2, 0.01, 3.5, 900, 1, (WeldRun(2, "a.b", 0.0, 0.01, 0.5, False),))
    line = json.loads(protocol.outcome_line(outcome))
    assert protocol.outcome_from_json(line["outcome"]) == outcome
    event = Event(1.5, "arc_on", {"s": 0.0, "segment": 2})
    assert event_from_json(json.loads(protocol.event_line(event))["event"]) == event


@pytest.mark.parametrize("kind", [UsageError, CheckFailed, Faulted])
def test_an_error_comes_back_as_what_it_was(kind):
    error = kind(Finding("X499", "something", suggestion="do something"))
    back = protocol.error_of(json.loads(protocol.error_line(3, error)))
    assert type(back) is kind
    assert back.findings == error.findings


@pytest.mark.parametrize(
    "value", [{}, {"time": "0", "kind": "done", "data": {}}, {"time": 0, "kind": "no", "data": {}}]
)
def test_another_object_is_no_event(value):
    with pytest.raises((KeyError, TypeError, ValueError)):
        event_from_json(value)
