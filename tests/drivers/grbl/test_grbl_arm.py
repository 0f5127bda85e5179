"""The GRBL driver against an emulated controller, in simulated time."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, UsageError
from cellctl.model.link_faults import Fault


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def test_the_arm_does_what_was_told_beforehand(bench) -> None:
    """The predicted motion is a value; the controller's own planner, which sees 15 lines ahead, comes to the same."""
    b = bench()
    followed = b.arm.follow(*b.swing(6.0))
    assert followed.motion.duration == pytest.approx(6.1, abs=0.25)
    states = list(b.arm.run(followed))
    began = next(k for k, s in enumerate(states) if np.abs(s.joints - states[0].joints).max() > 1e-4)
    offsets = np.linspace(0.0, 0.3, 61)
    errors = [
        max(
            np.abs(followed.motion.joints_at(s.time - states[began].time + o)[0] - s.joints).max()
            for s in states[began:]
        )
        for o in offsets
    ]
    assert min(errors) < np.radians(0.3)
    assert np.abs(b.pose() - followed.motion.waypoints[-1]).max() < 1e-6
    assert b.machine.overflows == 0


def test_the_planner_is_never_starved(bench) -> None:
    """gnea/grbl#1016: a motion stalls when lines come too late. Bytes in flight never exceed the buffer either."""
    b = bench()
    followed = b.arm.follow(*b.swing(6.0, step=0.02))
    free = [b.machine.motion.free for s in b.arm.run(followed) if abs(s.velocities).max() > 0.1]
    assert max(free[3:-3]) < 8
    assert b.machine.overflows == 0
    assert b.arm.counters.lines > 300
    assert b.arm.counters.starved == 0


def test_a_planner_that_is_starved_is_told(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line at a time is all that a host brings which waits for each answer."""
    b = bench()
    followed = b.arm.follow(*b.swing(6.0, step=0.2))
    monkeypatch.setattr(b.arm._link, "fits", lambda line: not b.arm._link.unanswered and b.machine.motion.free > 14)
    list(b.arm.run(followed))
    assert b.arm.counters.starved > 5


def test_limits_are_those_of_the_controller(bench) -> None:
    b = bench(junction_deviation=0.02)
    waypoints, durations = b.swing(6.0)
    quick = b.arm.follow(waypoints, durations / 10.0)
    times = np.linspace(0.0, quick.motion.duration, 4000)
    top = np.abs(quick.motion.velocities_at(times)).max(axis=0)
    limits = b.machine.settings
    assert (np.degrees(top) <= limits.rate / 60.0 + 1e-6).all()
    assert quick.motion.duration > 0.2 * 6.0


def test_an_arm_that_was_not_homed_does_not_move(bench) -> None:
    """Opening a port may restart the board, and nobody knows where the arm is."""
    b = bench(homed=False)
    followed = b.arm.follow(*b.swing(1.0))
    with pytest.raises(Faulted) as caught:
        next(b.arm.run(followed))
    assert code(caught) == ["X477"]
    assert b.stands()
    b.arm.assume_position()
    list(b.arm.run(b.arm.follow(*b.swing(1.0))))


def test_a_motion_begins_where_the_arm_stands(bench) -> None:
    """UniversalRobots/Universal_Robots_ROS2_Driver#520."""
    b = bench()
    waypoints, durations = b.swing(1.0)
    followed = b.arm.follow(waypoints + 0.1, durations)
    with pytest.raises(Faulted) as caught:
        next(b.arm.run(followed))
    assert code(caught) == ["X475"]
    assert b.stands()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w, d: (w[:1], d[:0]), "at least one more"),
        (lambda w, d: (w * np.nan, d), "finite"),
        (lambda w, d: (w, 0.0 * d), "above 0"),
        (lambda w, d: (np.repeat(w[:1], 3, axis=0), d[:2]), "the same"),
        (lambda w, d: (w + 3.0, d), "outside the travel"),
        (lambda w, d: (w, 1e7 * d), "too long for one line"),
    ],
)
def test_waypoints_that_cannot_be_are_refused_before_anything_is_sent(bench, change, words: str) -> None:
    b = bench()
    lines = b.arm.counters.lines
    with pytest.raises(UsageError, match=words) as caught:
        b.arm.follow(*change(*b.swing(1.0)))
    assert code(caught) == ["X478"]
    assert b.arm.counters.lines == lines


def test_stop_stays_on_the_path_and_nothing_follows(bench) -> None:
    """LinuxCNC/linuxcnc#865: a move after the stop. Queues are empty before the stop returns."""
    b = bench()
    followed = b.arm.follow(*b.swing(6.0))
    run = b.arm.run(followed)
    for _ in range(20):
        next(run)
    run.close()
    assert b.machine.state == "Idle"
    on_path = np.abs(followed.motion.joints_at(np.linspace(0, 6.1, 5000)) - b.pose()).max(axis=1).min()
    assert on_path < np.radians(0.2)
    assert b.stands(3.0)
    assert b.machine.homed
    list(b.arm.run(b.arm.follow(*b.swing(1.0))))


def test_hold_switches_the_process_off_and_does_not_go_on_by_itself(bench) -> None:
    """gnea/grbl#573: a laser stayed on during a hold."""
    b = bench()
    b.arm.switch(1)
    assert b.machine.outputs == {8}
    run = b.arm.run(b.arm.follow(*b.swing(6.0)))
    for _ in range(20):
        next(run)
    b.arm.hold()
    b.wait(1.0)
    assert b.machine.outputs == set()
    assert b.stands()
    with pytest.raises(Faulted) as caught:
        b.arm.resume()
    assert code(caught) == ["X476"]
    run.close()
    assert b.stands()
    assert b.machine.outputs == set()


def test_a_hold_without_process_goes_on(bench) -> None:
    b = bench()
    followed = b.arm.follow(*b.swing(3.0))
    run = b.arm.run(followed)
    for _ in range(10):
        next(run)
    b.arm.hold()
    for _ in range(10):
        next(run)
    assert b.machine.state == "Hold:0"
    b.arm.resume()
    list(run)
    assert np.abs(b.pose() - followed.motion.waypoints[-1]).max() < 1e-6


def run_to_fault(b, *, seconds: float = 6.0) -> str:
    """Run a swing; the code of the fault that ends it."""
    with pytest.raises(CellctlError) as caught:
        for _ in b.arm.run(b.arm.follow(*b.swing(seconds))):
            pass
    return code(caught)[0]


def test_an_error_in_the_stream_holds_the_arm(bench) -> None:
    b = bench(Fault("flip_bit", way="commands", start=4.0, times=4))
    assert run_to_fault(b) in ("X472", "X473", "X474", "X475")
    b.wait(1.0)
    assert b.stands()
    b.arm.stop()
    assert b.stands(2.0)


def test_a_lost_answer_is_noticed_and_not_waited_for(bench) -> None:
    b = bench(Fault("lose", start=4.0, times=3))
    assert run_to_fault(b) in ("X471", "X474")
    assert b.now < 20.0
    b.arm.stop()
    assert b.stands()


def test_a_mangled_ok_is_no_ok(bench) -> None:
    """grbl/grbl#1504: `o` and `k`."""
    b = bench(Fault("drop_byte", start=4.0, end=4.5))
    assert run_to_fault(b) in ("X471", "X474")
    assert b.arm.counters.strange > 0


def test_a_controller_that_starts_anew_has_lost_its_position(bench) -> None:
    """gnea/grbl#1238: interference restarts the board."""
    b = bench(Fault("reboot", start=4.0, end=4.1))
    assert run_to_fault(b) == "X473"
    assert b.stands()
    b.arm.clear()
    with pytest.raises(Faulted) as caught:
        next(b.arm.run(b.arm.follow(*b.swing(1.0))))
    assert code(caught) == ["X477"]
    b.arm.home()
    list(b.arm.run(b.arm.follow(*b.swing(1.0))))


def test_a_limit_switch_ends_the_motion(bench) -> None:
    b = bench(Fault("overload", start=4.0, end=4.1))
    assert run_to_fault(b) == "X473"
    assert b.machine.outputs == set()
    assert b.stands()
    b.arm.clear()
    with pytest.raises(Faulted):
        next(b.arm.run(b.arm.follow(*b.swing(1.0))))


def test_a_silent_controller_is_given_up_in_time(bench) -> None:
    b = bench(Fault("silent", start=4.0))
    assert run_to_fault(b) == "X471"
    assert b.now < 5.2


def test_a_pulled_cable_is_told_with_the_last_pose(bench) -> None:
    b = bench(Fault("hang_up", start=4.0, end=12.0))
    with pytest.raises(Faulted, match=r"/dev/simulated was lost: .*last pose, deg: base_turn ") as caught:
        for _ in b.arm.run(b.arm.follow(*b.swing(6.0))):
            pass
    assert code(caught) == ["X471"]
    with pytest.raises(CellctlError):
        b.arm.clear()
    b.wait(15.0)
    b.arm.clear()
    with pytest.raises(Faulted) as caught:
        next(b.arm.run(b.arm.follow(*b.swing(1.0))))
    assert code(caught) == ["X477"]


def test_a_controller_that_does_not_fit_is_refused(bench) -> None:
    b = bench()
    b.machine.motion.put(np.zeros(3))
    with pytest.raises(EnvironmentMissing, match="it has 3 axes, the arm 6") as caught:
        b.open()
    assert code(caught) == ["E561"]


def test_nobody_at_the_port(bench) -> None:
    b = bench()
    b.machine.suffer((Fault("silent"),))
    b.line.injector._faults = (Fault("silent"),)
    with pytest.raises(EnvironmentMissing) as caught:
        b.open()
    assert code(caught) == ["E560"]


def test_a_refused_switch_is_told_with_its_words(bench) -> None:
    b = bench()
    b.machine._alarm = True
    with pytest.raises(Faulted, match=r"refused the line 'M8': error 9, locked by an alarm") as caught:
        b.arm.switch(1)
    assert code(caught) == ["X472"]


def test_a_report_without_its_places_is_asked_for_again(bench, monkeypatch) -> None:
    """Status reports have no checksum: bytes that are lost may leave a line that still reads as one."""
    b = bench()
    whole, damaged = b.machine._report, ["<Idle|MPos:0.000,0.000|FS:0,0>", "<Idle|MPos:|FS:0,0>"]
    monkeypatch.setattr(b.machine, "_report", lambda: damaged.pop() if damaged else whole())
    assert len(b.arm.read().joints) == len(b.setup.joints)
    assert damaged == []
