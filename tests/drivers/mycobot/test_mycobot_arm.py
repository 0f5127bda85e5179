"""The myCobot driver against an emulated arm, in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from cellctl.bench.serial.waypoint_benches import MycobotBench, mycobot_bench
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, UsageError
from cellctl.files import load_robot
from cellctl.model.link_faults import Fault

ROBOT = load_robot("generic_gcode_6axis")
START = np.radians([10.0, -20.0, 30.0, -40.0, 50.0, -60.0])


def way() -> tuple[np.ndarray, np.ndarray]:
    """Three lines from where the arm stands."""
    steps = np.radians([[0, 0, 0, 0, 0, 0], [20, -10, 5, 30, -20, 40], [30, 0, -20, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    return START + steps, np.array([1.5, 1.0, 2.0])


@pytest.fixture
def bench() -> Callable[..., MycobotBench]:
    """Makes an arm on a line with the given faults."""
    return mycobot_bench


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def test_opening_and_reading_moves_nothing_and_switches_nothing_on(bench) -> None:
    b = bench()
    assert np.abs(b.arm.read().joints - START).max() < np.radians(0.01)
    assert not b.far_end.powered
    assert b.stands()


def test_the_arm_goes_from_waypoint_to_waypoint_as_foretold(bench) -> None:
    b = bench()
    waypoints, durations = way()
    followed = b.arm.follow(waypoints, durations)
    assert (np.diff(followed.motion.times_of_waypoints()) >= durations - 1e-9).all()
    states = list(b.arm.run(followed))
    line = followed.motion.joints_at(np.linspace(0.0, followed.motion.duration, 3000))
    off = [np.abs(line - state.joints).max(axis=1).min() for state in states]
    assert max(off) < np.radians(0.1)
    assert np.abs(b.pose() - START).max() < np.radians(0.1)
    assert max(state.velocities.max() for state in states) > 0.2


def test_the_motion_rests_at_every_waypoint(bench) -> None:
    motion = bench().arm.follow(*way()).motion
    assert np.abs(motion.velocities_at(motion.times_of_waypoints() - 1e-9)).max() < 1e-6
    assert np.abs(motion.joints_at(motion.times_of_waypoints()) - motion.waypoints).max() < 1e-9


def test_an_order_to_move_is_sent_once(bench) -> None:
    """The vendor's library sends an order again when its answer is missing."""
    b = bench(Fault("lose", share=0.2))
    seen = []
    obey = b.far_end._obey
    b.far_end._obey = lambda frame: (seen.append(frame), obey(frame))[1]
    list(b.arm.run(b.arm.follow(*way())))
    assert len([frame for frame in seen if frame.command == 0x22]) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("flip_bit", share=0.1),
        Fault("drop_byte", share=0.1),
        Fault("swap_bytes", share=0.1),
        Fault("noise", share=0.2),
        Fault("echo"),
        Fault("lose", share=0.1),
        Fault("late", by=0.15, share=0.05),
    ],
    ids=lambda fault: fault.kind,
)
def test_wrong_angles_are_never_reported(bench, fault: Fault) -> None:
    """elephantrobotics/pymycobot#39, #28, #72: one wrong byte made 326 deg of -40 deg, or a wrong way of it."""
    b = bench(fault)
    states, ended = [], "done"
    try:
        for state in b.arm.run(b.arm.follow(*way())):
            assert np.abs(state.joints - b.pose()).max() < np.radians(15.0)
            states.append(state)
    except Faulted as told:
        ended = told.findings[0].code
    assert ended in ("done", "X484", "X485", "X486", "X487")
    jumps = [
        np.abs(b.joints - a.joints) - 1.3 * ROBOT.limit_array("velocity") * (b.time - a.time)
        for a, b in pairwise(states)
    ]
    assert max(jump.max() for jump in jumps) < np.radians(1.1)
    b.wait(0.5)
    assert b.stands()


def test_a_dead_arm_is_an_error_and_no_number(bench) -> None:
    """elephantrobotics/pymycobot#93: -1 instead of an error."""
    b = bench(Fault("silent", start=2.0))
    with pytest.raises(Faulted, match=r"/dev/simulated was lost: it does not answer; last pose") as caught:
        list(b.arm.run(b.arm.follow(*way())))
    assert code(caught) == ["X484"]


def test_nobody_at_the_port(bench) -> None:
    b = bench(Fault("silent", start=1.0))
    b.wait(1.5)
    with pytest.raises(EnvironmentMissing) as caught:
        b.open()
    assert code(caught) == ["E572"]


def test_stop_stops_and_nothing_follows(bench) -> None:
    b = bench()
    followed = b.arm.follow(*way())
    run = b.arm.run(followed)
    for _ in range(7):
        next(run)
    run.close()
    assert b.stands(2.0)
    line = followed.motion.joints_at(np.linspace(0.0, followed.motion.duration, 3000))
    assert np.abs(line - b.pose()).max(axis=1).min() < np.radians(0.2)
    assert b.far_end.powered


def test_a_collision_ends_the_motion_until_it_is_cleared(bench) -> None:
    b = bench(Fault("overload", start=1.5, end=1.6))
    with pytest.raises(Faulted, match="reports error 16: collision protection") as caught:
        list(b.arm.run(b.arm.follow(*way())))
    assert code(caught) == ["X486"]
    assert b.stands()
    with pytest.raises(Faulted):
        next(b.arm.run(b.arm.follow(*way())))
    b.arm.clear()
    b.arm.read()
    assert b.stands()


def test_a_stuck_arm_is_noticed(bench) -> None:
    b = bench(Fault("stuck", start=1.0))
    with pytest.raises(Faulted) as caught:
        list(b.arm.run(b.arm.follow(*way())))
    assert code(caught) == ["X487"]
    assert b.line.now < 8.0


def test_a_pulled_cable_is_told_and_nothing_moves_afterwards(bench) -> None:
    b = bench(Fault("hang_up", start=1.5, end=6.0))
    with pytest.raises(Faulted) as caught:
        list(b.arm.run(b.arm.follow(*way())))
    assert code(caught) == ["X484"]
    b.wait(8.0)
    b.arm.clear()
    assert b.stands()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w, d: (w[:1], d[:0]), "at least one more"),
        (lambda w, d: (w * np.inf, d), "finite"),
        (lambda w, d: (w, -d), "above 0"),
        (lambda w, d: (w[[0, 0, 1]], d[:2]), "the same"),
        (lambda w, d: (w + 3.0, d), "outside the limits"),
    ],
)
def test_waypoints_that_cannot_be_are_refused_before_anything_is_sent(bench, change, words: str) -> None:
    b = bench()
    before = b.arm.counters.requests
    with pytest.raises(UsageError, match=words) as caught:
        b.arm.follow(*change(*way()))
    assert code(caught) == ["X488"]
    with pytest.raises(CellctlError):
        b.arm.switch(1)
    assert b.arm.counters.requests == before


def test_a_motion_begins_where_the_arm_stands(bench) -> None:
    b = bench()
    waypoints, durations = way()
    with pytest.raises(Faulted) as caught:
        list(b.arm.run(b.arm.follow(waypoints + 0.1, durations)))
    assert code(caught) == ["X487"]
    assert b.stands()
    assert not b.far_end.powered
