"""What a line and a controller that plans by itself do wrong, one fault at a time, and where arm, motors and outputs
are in the end. Driver and controller are in one process and in simulated time.

A G-code controller without encoders neither sticks nor drifts as far as it knows, and its lines have no checksum: a
number that is damaged on its way is found by where the arm goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from cellctl.bench.serial.waypoint_benches import MycobotBench, WaypointBench, ar4_bench, grbl_bench, mycobot_bench
from cellctl.drivers.driver import ArmState
from cellctl.drivers.waypoint_arm import FollowedMotion
from cellctl.errors import CellctlError, EnvironmentMissing, Faulted
from cellctl.model.link_faults import Fault

BENCHES = {"ar4": ar4_bench, "grbl": grbl_bench, "mycobot": mycobot_bench}
START = 2.0
"""s on the line when faults begin: in motion."""
TORCH = 1
GONE = {"ar4": "X484", "grbl": "X471", "mycobot": "X484"}
BENT = 0.6
"""deg that an arm may be off the motion that was foretold; the joints of an AR4 are, between two stops."""
ON = frozenset({"done"})


@dataclass
class Ended:
    """How a motion ended: `done` or the code, what was reported, and when it ended, s."""

    bench: WaypointBench
    followed: FollowedMotion
    how: str
    states: list[ArmState]
    at: float

    def off_path(self) -> float:
        """How far the arm really is from the motion that was foretold, rad."""
        times = np.linspace(0.0, self.followed.motion.duration, 6000)
        return float(np.abs(self.followed.motion.joints_at(times) - self.bench.pose()).max(axis=1).min())


def moved(protocol: str, *faults: Fault) -> Ended:
    """A swing of 4 s with the torch on, where there is one, through faults that begin in motion."""
    bench = BENCHES[protocol](*faults)
    if protocol == "grbl":
        bench.arm.switch(TORCH)
        waypoints, durations = bench.swing(4.0)
    else:
        waypoints, durations = bench.swing(4.0, step=1.0, amplitude=0.2)
    followed = bench.arm.follow(waypoints, durations)
    states: list[ArmState] = []
    try:
        for state in bench.arm.run(followed):
            states.append(state)
            assert outputs(bench) <= {8}
    except Faulted as fault:
        return Ended(bench, followed, fault.findings[0].code, states, bench.now)
    return Ended(bench, followed, "done", states, bench.now)


def outputs(bench: WaypointBench) -> set[int]:
    machine = getattr(bench, "machine", None)
    return set() if machine is None else set(machine.outputs)


def demand_no_jump(ended: Ended) -> None:
    """No state that was reported is further from the one before than the joints can have gone."""
    fastest = np.array([limit.velocity for limit in ended.bench.setup.limits])
    for before, after in pairwise(ended.states):
        assert after.time > before.time
        way = np.abs(after.joints - before.joints)
        assert (way <= 1.3 * fastest * (after.time - before.time) + np.radians(3.5)).all()


def demand_safe(ended: Ended, *, powered: bool = True, off: float = BENT) -> None:
    """After a motion that was ended: no jump, the arm stands near its path, outputs are off, motors as they should be;
    and nothing moves before a person has cleared it.
    """
    demand_no_jump(ended)
    bench = ended.bench
    bench.wait(3.0)
    assert bench.stands(2.0)
    assert ended.off_path() < np.radians(off)
    assert outputs(bench) == set()
    if isinstance(bench, MycobotBench):
        assert bench.far_end.powered is powered
    with pytest.raises(CellctlError):
        next(iter(bench.arm.run(ended.followed)))
    assert bench.stands(1.0)


@pytest.mark.parametrize("protocol", BENCHES)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("split", start=START, by=0.001),
        Fault("glue", start=START, share=0.5),
        Fault("late", start=START, by=0.05, times=1),
        Fault("late", start=START, by=0.2, times=1),
        Fault("stall", start=START, end=START + 0.2),
    ],
    ids=["split", "glue", "late 50 ms", "late 200 ms", "stall 200 ms"],
)
def test_what_the_line_may_do_goes_unnoticed(protocol: str, fault: Fault) -> None:
    """Rows 5, 6 and 8: the controller has its motion, so two periods without news are none."""
    ended = moved(protocol, fault)
    assert ended.how == "done"
    demand_no_jump(ended)
    assert ended.off_path() < np.radians(BENT)


@pytest.mark.parametrize(
    ("protocol", "fault", "hows"),
    [
        ("grbl", Fault("drop_byte", start=START, share=0.01), {"done", "X474"}),
        ("grbl", Fault("flip_bit", start=START, share=0.05), {"done", "X474", "X475"}),
        ("grbl", Fault("swap_bytes", start=START, share=0.05), {"done", "X474", "X475"}),
        ("grbl", Fault("noise", start=START, share=0.1), {"done", "X474", "X475"}),
        ("grbl", Fault("echo", start=START), {"done", "X471", "X474"}),
        ("mycobot", Fault("drop_byte", start=START, share=0.01), {"done"}),
        ("mycobot", Fault("flip_bit", start=START, share=0.05), {"done", "X485", "X486"}),
        ("mycobot", Fault("swap_bytes", start=START, share=0.05), {"done", "X485", "X486"}),
        ("mycobot", Fault("noise", start=START, share=0.1), {"done"}),
        ("mycobot", Fault("echo", start=START), {"done"}),
        ("ar4", Fault("drop_byte", start=START, share=0.01), {"done"}),
        ("ar4", Fault("flip_bit", start=START, share=0.05), {"done", "X485", "X486", "X487"}),
        ("ar4", Fault("swap_bytes", start=START, share=0.05), {"done", "X485", "X487"}),
        ("ar4", Fault("noise", start=START, share=0.1), {"done"}),
        ("ar4", Fault("echo", start=START), {"done"}),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "kind", ""),
)
def test_replies_that_are_damaged_are_never_a_place(protocol: str, fault: Fault, hows: set[str]) -> None:
    """Rows 1, 2, 4 and 6: no jump in what is reported, whatever becomes of the motion."""
    ended = moved(protocol, fault)
    assert ended.how in hows
    demand_no_jump(ended)
    if ended.how != "done":
        demand_safe(ended)


@pytest.mark.parametrize(
    ("protocol", "hows", "off"),
    [
        ("ar4", {"done", "X472", "X487"}, 6.0),
        ("grbl", {"done", "X472", "X473", "X474", "X475"}, 90.0),
        ("mycobot", {"done", "X486", "X487"}, 8.0),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_orders_that_are_damaged_are_found_by_what_they_do(
    protocol: str, hows: set[str], off: float, seed: int
) -> None:
    """Row 3: there is no checksum; an order that is none is refused or not done, one that is another is found."""
    bench = BENCHES[protocol](Fault("flip_bit", way="commands", start=START, share=0.1, times=3), seed=seed)
    followed = bench.arm.follow(*bench.swing(4.0, step=0.5, amplitude=0.2))
    states: list[ArmState] = []
    how = "done"
    try:
        states.extend(bench.arm.run(followed))
    except Faulted as fault:
        how = fault.findings[0].code
    ended = Ended(bench, followed, how, states, bench.now)
    assert ended.how in hows
    if ended.how != "done":
        demand_safe(ended, off=off)


@pytest.mark.parametrize("protocol", BENCHES)
def test_a_second_without_news_gives_the_arm_up(protocol: str) -> None:
    """Rows 7 and 8: what comes after its time is matched with nothing that is asked later."""
    ended = moved(protocol, Fault("stall", start=START, end=START + 1.5))
    assert ended.how == GONE[protocol]
    assert ended.at < START + 1.2
    demand_safe(ended)


@pytest.mark.parametrize("protocol", BENCHES)
@pytest.mark.parametrize("replug", ["same", "renamed"])
def test_a_pulled_cable_is_told_at_once(protocol: str, replug: str) -> None:
    """Row 9: within 250 ms, with port and last pose. Plugged in again, nothing moves by itself; the myCobot, which
    nobody could stop, has finished its line, and the AR4 is at its next stop.
    """
    bench = BENCHES[protocol](Fault("hang_up", start=START, end=START + 6.0, replug=replug))
    followed = bench.arm.follow(*bench.swing(8.0, step=2.0, amplitude=0.2))
    with pytest.raises(Faulted, match=r"/dev/simulated was lost: .*last pose, deg: (base_turn|joint_1) ") as caught:
        list(bench.arm.run(followed))
    assert caught.value.findings[0].code == GONE[protocol]
    assert bench.now < START + 0.25
    bench.wait(8.0)
    bench.arm.clear()
    assert bench.stands(2.0)
    assert bench.arm.referenced is (protocol == "mycobot"), "its encoders are absolute"


@pytest.mark.parametrize("protocol", BENCHES)
def test_another_device_at_the_port_is_refused(protocol: str) -> None:
    """Row 10: what only answers with what it hears is nobody."""
    bench = BENCHES[protocol](Fault("echo", start=START), Fault("silent", start=START))
    bench.wait(START + 0.5)
    with pytest.raises(EnvironmentMissing) as caught:
        bench.open()
    assert caught.value.findings[0].code in ("E560", "E572", "E573")


@pytest.mark.parametrize("protocol", BENCHES)
def test_a_silent_controller_is_given_up(protocol: str) -> None:
    """Row 11."""
    ended = moved(protocol, Fault("silent", start=START, end=START + 2.0))
    assert ended.how == GONE[protocol]
    assert ended.at < START + 1.2
    demand_no_jump(ended)


@pytest.mark.parametrize("protocol", ["ar4", "mycobot"])
def test_a_stuck_arm_is_found(protocol: str) -> None:
    """Row 12, for the arms that measure: no joint moves for a second."""
    ended = moved(protocol, Fault("stuck", start=START))
    assert ended.how == "X487"
    assert ended.at < START + 1.5
    demand_safe(ended)


@pytest.mark.parametrize("protocol", ["ar4", "mycobot"])
def test_an_arm_that_stays_beside_its_waypoint_does_not_go_on(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 13: a degree beside it, which is near enough to the line."""
    bench = BENCHES[protocol]()
    followed = bench.arm.follow(*bench.swing(4.0, step=1.0, amplitude=0.2))
    name = {"ar4": "_move", "mycobot": "_go"}[protocol]
    obey = getattr(bench.far_end, name)

    def sagging(*order: object) -> object:
        said = obey(*order)
        bench.far_end._goal[1] -= 1.0
        return said

    run = bench.arm.run(followed)
    next(run)
    monkeypatch.setattr(bench.far_end, name, sagging)
    next(run)
    monkeypatch.setattr(bench.far_end, name, obey)
    with pytest.raises(Faulted, match=r"did not come to rest where it was to in time \([01]\.\d deg off") as caught:
        list(run)
    assert caught.value.findings[0].code == "X487"
    demand_safe(Ended(bench, followed, "X487", [], bench.now), off=1.1)


@pytest.mark.parametrize(
    ("protocol", "code", "within"), [("ar4", "X486", 1.4), ("grbl", "X473", 0.3), ("mycobot", "X486", 0.3)]
)
def test_a_limit_a_collision_or_the_emergency_stop_ends_the_motion(protocol: str, code: str, within: float) -> None:
    """Row 14: with its cause in words, until it is cleared."""
    ended = moved(protocol, Fault("overload", start=START, end=START + 0.1))
    assert ended.how == code
    assert ended.at < START + within
    demand_safe(ended)


@pytest.mark.parametrize(
    ("protocol", "kind", "codes", "within"),
    [
        ("ar4", "reboot", {"X484", "X485"}, 1.2),
        ("ar4", "brown_out", {"X484", "X485"}, 1.2),
        ("grbl", "reboot", {"X473"}, 0.3),
        ("mycobot", "reboot", {"X486"}, 0.3),
        ("mycobot", "brown_out", {"X484"}, 1.2),
    ],
)
def test_a_controller_that_starts_anew_is_noticed(protocol: str, kind: str, codes: set[str], within: float) -> None:
    """Rows 15, 16 and 32: found by banner, power or silence; the motors are not switched on again by themselves."""
    ended = moved(protocol, Fault(kind, start=START, end=START + 0.6))
    assert ended.how in codes
    assert ended.at < START + within
    demand_safe(ended, powered=False)
    assert ended.bench.arm.referenced is (protocol == "mycobot")


def test_a_pose_outside_its_limits_switches_nothing_on() -> None:
    """Row 17."""
    bench = mycobot_bench()
    followed = bench.arm.follow(*bench.swing(2.0, step=1.0))
    bench.far_end.angles[0] = 200.0
    bench.wait(1.0)
    with pytest.raises(Faulted) as caught:
        next(iter(bench.arm.run(followed)))
    assert caught.value.findings[0].code == "X485"
    assert not bench.far_end.powered
    counting = ar4_bench(at=np.radians([175.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    with pytest.raises(Faulted) as caught:
        counting.arm.read()
    assert caught.value.findings[0].code == "X485"
    machine = grbl_bench()
    machine.machine.motion.put(machine.machine.motion.position + 200.0)
    with pytest.raises(CellctlError) as refused:
        machine.arm.follow(*machine.swing(1.0))
    assert refused.value.findings[0].code == "X478"


@pytest.mark.parametrize("protocol", BENCHES)
def test_a_program_that_was_paused_does_not_go_on(protocol: str) -> None:
    """Row 19: the controller has no watchdog and finishes what it has; nothing more is sent."""
    bench = BENCHES[protocol]()
    followed = bench.arm.follow(*bench.swing(4.0, step=1.0, amplitude=0.2))
    run = iter(bench.arm.run(followed))
    for _ in range(12):
        next(run)
    bench.wait(2.0)
    with pytest.raises(Faulted, match=r"paused for 2\.0 s") as caught:
        list(run)
    assert caught.value.findings[0].code == "X464"
    bench.wait(1.0)
    assert bench.stands(2.0)
    assert outputs(bench) == set()


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        (Fault("flip_bit", way="commands", start=START, end=START + 0.3), {"X472", "X473", "X474", "X475"}),
        (Fault("lose", start=START, end=START + 0.3), {"X474"}),
        (Fault("reboot", start=START, end=START + 0.1), {"X473"}),
        (Fault("overload", start=START, end=START + 0.1), {"X473"}),
        (Fault("drop_byte", start=START, end=START + 0.3), {"X471", "X474"}),
    ],
    ids=["error", "lost ok", "banner", "alarm", "o or k"],
)
def test_what_a_stream_of_lines_may_meet(fault: Fault, codes: set[str]) -> None:
    """Row 32: nothing more is sent, the arm holds, the torch is off; a banner or an alarm has lost the position."""
    ended = moved("grbl", fault)
    assert ended.how in codes
    lines = ended.bench.arm.counters.lines
    demand_safe(ended, off=60.0 if fault.way == "commands" else BENT)
    assert ended.bench.arm.counters.lines == lines
    if fault.kind in ("reboot", "overload"):
        assert not ended.bench.arm.referenced
