"""The AR4 driver against an emulated controller with the firmware's own defects, in simulated time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cellctl.bench.serial.waypoint_benches import SOMEWHERE, Ar4Bench, ar4_bench
from cellctl.drivers.driver import ArmState
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted, UsageError
from cellctl.model.link_faults import Fault
from cellctl.model.wires import ar4

STEPS = np.radians([[0, 0, 0, 0, 0, 0], [20, -10, 5, 15, -20, 40], [30, 0, -20, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
QUICK = np.full(3, 1e-3)
HALF = np.radians(0.5)


def way() -> tuple[np.ndarray, np.ndarray]:
    """Three lines from where the arm stands, as fast as it goes."""
    return SOMEWHERE + STEPS, QUICK


def code(caught: pytest.ExceptionInfo) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def moves_heard(bench: Ar4Bench) -> list[str]:
    """Every move that reaches the controller from now on."""
    heard: list[str] = []
    answer = bench.far_end._answer
    bench.far_end._answer = lambda line: (heard.append(line), answer(line))[1]
    return heard


def ended(bench: Ar4Bench, *faults: Fault) -> tuple[str, list[ArmState]]:
    """What ends a way, and what was reported on it."""
    states: list[ArmState] = []
    try:
        states.extend(bench.arm.run(bench.arm.follow(*way())))
    except Faulted as fault:
        return fault.findings[0].code, states
    return "done", states


def test_the_arm_goes_as_foretold(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own ramps a joint leaves the line that is certified by up to half a degree between two stops, and is on it
    at each. The time is that of the ramps, but for what is spoken at each stop.
    """
    bench, real = ar4_bench(), []
    advance = bench.far_end.advance
    monkeypatch.setattr(bench.far_end, "advance", lambda now: (real.append(bench.pose()), advance(now))[1])
    followed = bench.arm.follow(*way())
    began = bench.now
    states = list(bench.arm.run(followed))
    stops = sum(len(command.split("\n")) for command in followed.commands)
    assert stops == 16 + 16 + 12
    assert followed.motion.duration < bench.now - began < followed.motion.duration + 0.2 * stops
    line = followed.motion.joints_at(np.linspace(0.0, followed.motion.duration, 6000))
    off = max(float(np.abs(line - joints).max(axis=1).min()) for joints in real[::25])
    assert HALF / 4 < off < HALF
    assert np.abs(bench.pose() - SOMEWHERE).max() < np.radians(0.03)
    assert np.abs([state.joints for state in states[-2:]] - bench.pose()).max() < np.radians(0.03)


def test_what_is_foretold_are_the_ramps_of_the_firmware() -> None:
    motion = ar4_bench().arm.follow(*way()).motion
    times = np.linspace(0.0, motion.duration, 20_000)
    joint = np.degrees(motion.velocities_at(times))
    assert np.abs(joint).max() == pytest.approx(np.sqrt(2.5 * ar4.ACCELERATION), rel=0.01)
    assert np.abs(np.diff(joint, axis=0)).max() / np.diff(times).max() < 1.01 * ar4.ACCELERATION
    assert np.abs(motion.velocities_at(motion.times_of_waypoints())).max() < 1e-9
    assert np.abs(motion.joints_at(motion.times_of_waypoints()) - motion.waypoints).max() < 1e-9


@pytest.mark.parametrize("speed", [10.0, 4.0, 2.0])
def test_who_asks_for_less_speed_is_given_more_stops(speed: float) -> None:
    """The firmware knows one acceleration, so a joint that may not be fast must not go far."""
    bench = ar4_bench()
    waypoints = SOMEWHERE + STEPS[:2]
    followed = bench.arm.follow(waypoints, np.array([40.0 / speed]))
    step = waypoints[1] - waypoints[0]
    fastest = np.degrees(followed.motion.speeds.max() * np.abs(step).max() / np.linalg.norm(step))
    assert min(speed, np.sqrt(2.5 * ar4.ACCELERATION)) == pytest.approx(fastest, rel=0.05)
    again = bench.arm.follow(followed.motion.waypoints, np.array([40.0 / fastest]))
    assert again.commands == followed.commands


def test_what_would_be_too_slow_is_refused() -> None:
    with pytest.raises(UsageError, match=r"would have to stop every 0\.\d+ deg") as caught:
        ar4_bench().arm.follow(SOMEWHERE + STEPS[:2], np.array([400.0]))
    assert code(caught) == ["X488"]


def test_opening_and_looking_moves_nothing() -> None:
    bench = ar4_bench(vouched_for=False)
    assert np.abs(bench.arm.read().joints - SOMEWHERE).max() < 1e-6
    assert bench.stands()
    with pytest.raises(Faulted) as caught:
        next(bench.arm.run(bench.arm.follow(*way())))
    assert code(caught) == ["X477"]
    bench.arm.clear()
    with pytest.raises(UsageError, match="cannot be stopped over its line") as refused:
        bench.arm.homing()
    assert code(refused) == ["X488"]
    assert bench.stands()


@pytest.mark.parametrize(("firmware", "error"), [("2.0.0", "E574"), ("", "E573")])
def test_who_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch, firmware: str, error: str) -> None:
    bench = ar4_bench()
    answer = f"STA0B{firmware}C1Dmk3" if firmware else "hello"
    monkeypatch.setattr(bench.far_end, "_answer", lambda line: [answer])
    with pytest.raises(EnvironmentMissing) as caught:
        bench.open()
    assert code(caught) == [error]


def test_only_whole_moves_within_limits_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware checks one side of a range, and takes half a line."""
    bench = ar4_bench()
    heard = moves_heard(bench)
    list(bench.arm.run(bench.arm.follow(*way())))
    moves = [line for line in heard if line.startswith("MT")]
    assert len(moves) == 1 + 44, "each once, and one to where it stands to see whether the stop is pressed"
    goals = np.array(
        [[float(word) for word in line[2:].translate(str.maketrans("ABCDEF", " " * 6)).split()] for line in moves]
    )
    lower, upper = (bench.wiring.machine_values(values) for values in (bench.arm._lower, bench.arm._upper))
    assert (goals >= lower - 1e-6).all()
    assert (goals <= upper + 1e-6).all()
    with pytest.raises(UsageError, match="outside the limits"):
        bench.arm.follow(SOMEWHERE + 3.0 * STEPS[:2] * 10.0, QUICK[:1])


def test_offsets_are_part_of_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """ycheng517/ar4_ros_driver#66, #15, #3: after its calibration an arm went wild, or stood elsewhere than was shown,
    with offsets of 0. So nothing calibrates by itself, somebody vouches for the position, and the zeros are the arm's.
    """
    bench = ar4_bench()
    heard = moves_heard(bench)
    waypoints = np.stack([SOMEWHERE, np.zeros(6)])
    list(bench.arm.run(bench.arm.follow(waypoints, QUICK[:1])))
    goal = [line for line in heard if line.startswith("MT")][-1]
    assert goal == ar4.move(ar4.ZEROS, lower=[-400] * 6, upper=[400] * 6)
    assert np.abs(bench.pose()).max() < np.radians(0.03)


def test_half_a_line_that_somebody_left_moves_nothing_far() -> None:
    """With what is said next it is a move to the end of the range, until it is said again."""
    bench = ar4_bench()
    bench.line.send(b"MTA-160.0B2", bench.now)
    bench.wait(1.0)
    bench.open()
    assert bench.stands()
    assert not bench.arm.referenced
    assert np.abs(bench.pose() - SOMEWHERE).max() < np.radians(0.5)


def test_without_power_it_stands_at_once() -> None:
    bench = ar4_bench()
    run = bench.arm.run(bench.arm.follow(*way()))
    for _ in range(5):
        next(run)
    bench.arm.power("off")
    here = bench.pose()
    bench.wait(0.5)
    assert (bench.pose() == here).all()


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_stop_brakes_by_the_firmwares_own_ramp(after: int) -> None:
    """A move to where the arm is would not stop it."""
    bench = ar4_bench()
    followed = bench.arm.follow(*way())
    run = bench.arm.run(followed)
    for _ in range(after):
        next(run)
    began = bench.now
    run.close()
    assert bench.now - began < 1.0
    assert bench.stands(2.0)
    line = followed.motion.joints_at(np.linspace(0.0, followed.motion.duration, 6000))
    assert np.abs(line - bench.pose()).max(axis=1).min() < HALF


def test_a_hold_ends_at_the_next_stop_and_goes_on_from_there() -> None:
    bench = ar4_bench()
    followed = bench.arm.follow(*way())
    run = bench.arm.run(followed)
    for _ in range(5):
        next(run)
    bench.arm.hold()
    before = [next(run) for _ in range(30)]
    here = bench.pose()
    assert np.abs(before[-1].velocities).max() < 1e-6
    assert [next(run) for _ in range(10)][-1].joints == pytest.approx(here, abs=1e-6)
    bench.arm.resume()
    list(run)
    assert np.abs(bench.pose() - SOMEWHERE).max() < np.radians(0.03)


def test_an_emergency_stop_ends_the_motion_until_a_person_clears_it() -> None:
    """ycheng517/ar4_ros_driver#27: a driver cleared it by itself."""
    bench = ar4_bench(Fault("overload", start=1.0, end=4.0))
    how, _ = ended(bench)
    assert how in ("X486", "X487")
    here = bench.pose()
    heard = moves_heard(bench)
    with pytest.raises(Faulted):
        bench.arm.clear()
    bench.wait(5.0)
    assert bench.far_end.stopped, "it is latched"
    with pytest.raises(CellctlError):
        next(bench.arm.run(bench.arm.follow(bench.arm.read().joints + STEPS[:2], QUICK[:1])))
    assert ar4.CLEAR_STOP not in heard[3:], "nobody but clear"
    bench.arm.clear()
    assert not bench.far_end.stopped
    assert bench.stands()
    assert np.abs(bench.pose() - here).max() < 1e-9


def test_a_move_that_was_cut_off_on_its_way_is_stopped() -> None:
    """It goes to the end of the range in the joints that it lacks. What is left of it is a few degrees."""
    bench = ar4_bench()
    followed = bench.arm.follow(*way())
    run = bench.arm.run(followed)
    for _ in range(20):
        next(run)
    hear, cut = bench.far_end.hear, []

    def cut_once(data: bytes, now: float) -> object:
        if data.startswith(b"MT") and not cut:
            cut.append(data)
            data = data.replace(b"D", b"")
        return hear(data, now)

    bench.far_end.hear = cut_once
    with pytest.raises(Faulted) as caught:
        list(run)
    assert code(caught) == ["X472"]
    assert len(cut) == 1
    assert bench.stands(2.0)
    line = followed.motion.joints_at(np.linspace(0.0, followed.motion.duration, 6000))
    assert np.abs(line - bench.pose()).max(axis=1).min() < np.radians(6.0)


def test_a_controller_that_starts_anew_has_lost_its_place() -> None:
    bench = ar4_bench(Fault("reboot", start=2.0, end=2.1))
    how, _ = ended(bench)
    assert how in ("X473", "X484", "X485")
    assert not bench.arm.referenced
    assert bench.stands()


def test_what_is_reported_does_not_jump() -> None:
    bench = ar4_bench(Fault("flip_bit", start=0.5, share=0.1), seed=3)
    how, states = ended(bench)
    assert how in ("done", "X472", "X485", "X486", "X487")
    assert len(states) > 10
    for one, other in pairwise(states):
        room = 1.3 * np.radians(ar4.TOP_SPEED) * (other.time - one.time) + np.radians(1.1)
        assert np.abs(other.joints - one.joints).max() < room


def test_there_is_no_line_for_what_others_can() -> None:
    bench = ar4_bench()
    bench.arm.switch(0)
    with pytest.raises(UsageError) as caught:
        bench.arm.switch(1)
    assert code(caught) == ["X488"]
    bench.arm.power("off")
    assert bench.stands()
