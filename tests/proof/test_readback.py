"""Conformance read back from joints: seams in closed form with offsets of known size put in through the inverse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.kinematics.inverse import branches, opw_arrays
from cellctl.model.cell import Cell, Group, Mechanism, PartPlacement
from cellctl.model.curve import Arc, Polyline
from cellctl.model.part import Part, Seam
from cellctl.model.plan import SeamSection
from cellctl.model.pose import Pose
from cellctl.model.task import Weld
from cellctl.model.wps import Range, Wps
from cellctl.processes.procedure import seam_settings
from cellctl.processes.seam import SeamPath, seam_path
from cellctl.processes.torch import torch_rotations, wire_directions
from cellctl.proof.conformance import check_seam
from cellctl.proof.deposits import Executed
from cellctl.proof.gates import PLANNED
from cellctl.proof.readback import Readback, nearest_arc_lengths, read_back
from tests.proof.conftest import Proving

DEG = np.pi / 180.0
CTWD = 0.015
RATE = 100.0
TOLERANCE = 1e-6

RING = Seam("ring", Arc((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), 0.1), ("axis", "radial"), ("a", "b"))
SMALL = Seam("small", Arc((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), 0.012), ("axis", "radial"), ("a", "b"))
LINE = Seam("line", Polyline([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0]]), ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)), ("a", "b"))
FLAT = Seam("flat", Polyline([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0]]), ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)), ("a", "b"))
UPRIGHT = Seam("upright", Polyline([[0, 0, 0], [0, 0, 0.2]]), ((-1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)), ("a", "b"))
BEND = Seam(
    "bend", Polyline([[0, 0, 0], [0.06, 0, 0], [0.06, 0.06, 0]]), ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)), ("a", "b")
)


@pytest.fixture(scope="module")
def cell(proving: Proving) -> Cell:
    """The arm of the first job and a part of bare seams in front of it."""
    old = proving.mechanism
    wps: Wps = replace(
        proving.task.cell.procedures["mig131_al_t3"],
        voltage=Range(20.0, 25.0, 30.0),
        current=Range(200.0, 250.0, 300.0),
        travel_speed=Range(0.005, 0.008, 0.012),
        ctwd=Range(0.010, CTWD, 0.020),
    )
    return Cell(
        "closed forms",
        (Mechanism("a", old.robot, old.pose_world_base, old.tool, {}),),
        (Group("a", ("a",)),),
        (),
        (
            PartPlacement(
                "p", Part("p", (), (RING, SMALL, LINE, FLAT, UPRIGHT, BEND)), "world", Pose.of((1.0, 0.1, 0.7))
            ),
        ),
        procedures={"w": wps},
    )


def joints(cell: Cell, poses_world_tcp: np.ndarray) -> np.ndarray:
    """One continuous branch (n, 6) of joint values for TCP poses (n, 4, 4)."""
    arm = cell.mechanisms[0]
    assert arm.tool is not None
    assert arm.tool.torch is not None
    flange = (
        np.linalg.inv(arm.pose_world_base.matrix) @ poses_world_tcp @ np.linalg.inv(arm.tool.torch.tcp(CTWD).matrix)
    )
    q, valid = branches(opw_arrays(arm.robot), flange)
    (usable, *_) = np.flatnonzero(valid.all(axis=0))
    return np.unwrap(q[:, usable], axis=0)


def poses(
    path: SeamPath,
    s: np.ndarray,
    *,
    work: float = 0.0,
    travel: float = 10.0 * DEG,
    spin: float = 0.0,
    b: float = 0.0,
    n: float = 0.0,
) -> np.ndarray:
    """TCP poses (k, 4, 4) at arc lengths `s`, off the seam by `b` and `n`."""
    f = path.frames(s)
    result = np.tile(np.eye(4), (len(s), 1, 1))
    result[:, :3, 3] = f.points + n * f.normals + b * np.cross(f.normals, f.tangents)
    wires = wire_directions(f.tangents, f.normals, np.full(len(s), work), np.full(len(s), travel))
    result[:, :3, :3] = torch_rotations(wires, f.tangents, np.full(len(s), spin))
    return result


def welded(cell: Cell, weld: Weld, speed: float = 0.008, **offsets: float) -> tuple[SeamPath, np.ndarray, Readback]:
    """A weld at constant speed, sampled at RATE, read back: its path, its times and what is read."""
    path = seam_path(cell, weld)
    t = np.append(np.arange(0.0, path.length / speed, 1.0 / RATE), path.length / speed)
    q = joints(cell, poses(path, np.minimum(speed * t, path.length), **offsets))
    return path, t, read_back(cell.mechanisms[0], CTWD, path, t, q, 5e-3)


def test_a_perfect_circle_takes_its_time_and_reads_back_without_error(cell: Cell) -> None:
    """T2: radius 100 mm at 8 mm/s: 78.540 s, and the tangent has turned once."""
    path, t, back = welded(cell, Weld("p.ring", "w"))
    assert t[-1] == pytest.approx(78.540, abs=1e-3)
    np.testing.assert_allclose(back.s, np.minimum(0.008 * t, path.length), atol=TOLERANCE)
    for value, expected in ((back.lateral, 0.0), (back.height, 0.0), (back.work, 0.0), (back.travel, 10.0 * DEG)):
        np.testing.assert_allclose(value, expected, atol=TOLERANCE)
    np.testing.assert_allclose(back.speed[1:-1], 0.008, atol=TOLERANCE)


def test_a_table_that_turns_under_a_still_torch_welds_a_circle(cell: Cell) -> None:
    """T2: at 4.584 deg/s under a torch that stands, radius 100 mm passes at 8 mm/s; once round takes 78.540 s."""
    path = seam_path(cell, Weld("p.ring", "w"))
    t = np.arange(0.0, 78.53, 1.0 / RATE)
    turned = -4.583662 * DEG * t
    centre = cell.placement("p").pose_world_part
    motions = np.stack([(centre @ Pose.of(rpy=(0.0, 0.0, turn)) @ centre.inverse()).matrix for turn in turned])
    still = np.tile(joints(cell, poses(path, np.array([0.0]))), (len(t), 1))
    back = read_back(cell.mechanisms[0], CTWD, path, t, still, 5e-3, motions)
    np.testing.assert_allclose(back.speed[1:-1], 0.008, atol=TOLERANCE)
    np.testing.assert_allclose(back.s, np.minimum(0.008 * t, path.length), atol=TOLERANCE)
    for value, expected in ((back.lateral, 0.0), (back.height, 0.0), (back.work, 0.0), (back.travel, 10.0 * DEG)):
        np.testing.assert_allclose(value, expected, atol=TOLERANCE)


@pytest.mark.parametrize("seam", ["p.ring", "p.line", "p.small"])
@pytest.mark.parametrize(
    ("name", "offset", "size"),
    [
        ("lateral", "b", 0.2e-3),
        ("lateral", "b", -0.7e-3),
        ("height", "n", 0.4e-3),
        ("height", "n", -1.1e-3),
        ("work", "work", 3.0 * DEG),
        ("work", "work", -9.0 * DEG),
        ("travel", "travel", 0.0),
        ("travel", "travel", -4.0 * DEG),
        ("spin", "spin", 20.0 * DEG),
        ("spin", "spin", -25.0 * DEG),
    ],
)
def test_an_offset_is_read_back_to_a_micrometre(cell: Cell, seam: str, name: str, offset: str, size: float) -> None:
    back = welded(cell, Weld(seam, "w"), **{offset: size})[2]
    for other in ("lateral", "height", "work", "travel", "spin"):
        expected = size if other == name else {"travel": 10.0 * DEG}.get(other, 0.0)
        np.testing.assert_allclose(getattr(back, other), expected, atol=TOLERANCE, err_msg=other)


def test_spin_rate_on_a_circle_is_the_turn_about_the_wire(cell: Cell) -> None:
    """With the torch fixed to the seam frame it turns at v / R about the axis; about the wire, by its share of that."""
    path, _, back = welded(cell, Weld("p.ring", "w"))
    wire = poses(path, np.array([0.0]))[0, :3, 2]
    np.testing.assert_allclose(back.spin_rate[1:-1], 0.008 / 0.1 * wire[2], atol=TOLERANCE)


def test_a_small_circle_with_an_overlap_is_followed_round(cell: Cell) -> None:
    """12 mm of radius: start, end and the whole seam lie within a few centimetres of one another."""
    path, t, back = welded(cell, Weld("p.small", "w", overlap=0.010))
    assert path.length == pytest.approx(2.0 * np.pi * 0.012 + 0.010)
    np.testing.assert_allclose(back.s, np.minimum(0.008 * t, path.length), atol=TOLERANCE)


def test_a_start_between_two_passes_takes_the_first(cell: Cell) -> None:
    path = seam_path(cell, Weld("p.small", "w", overlap=0.010))
    for start in (0.0, 3e-3, 9e-3):
        points = path.frames(start + np.arange(0.0, 0.02, 1e-4)).points
        assert nearest_arc_lengths(path, points)[0] == pytest.approx(start, abs=TOLERANCE)


def test_a_bend_is_excepted_from_the_speed_gate(cell: Cell) -> None:
    path = seam_path(cell, Weld("p.bend", "w"))
    assert path.corners() == pytest.approx([0.06])
    s = np.linspace(0.0, path.length, 400)
    back = read_back(cell.mechanisms[0], CTWD, path, s / 0.008, joints(cell, poses(path, s)), 5e-3)
    np.testing.assert_array_equal(back.excepted, (s < 5e-3) | (s > path.length - 5e-3) | (np.abs(s - 0.06) < 5e-3))


# The record ----------------------------------------------------------------------------------------------------------


def section_of(cell: Cell, weld: Weld) -> SeamSection:
    path, settings = seam_path(cell, weld), seam_settings(weld, cell.procedures[weld.wps])
    s = np.linspace(0.0, path.length, 30)
    f = path.frames(s)
    return SeamSection(
        weld.seam,
        weld.wps,
        path.length,
        settings.travel_speed,
        settings.ctwd,
        settings.work,
        settings.travel,
        s,
        f.points,
        f.tangents,
        f.normals,
        np.zeros(30),
        np.full(30, 10.0 * DEG),
        np.zeros(30),
        (),
    )


@pytest.mark.parametrize(("seam", "position"), [("p.flat", "PA"), ("p.line", "PB"), ("p.upright", "PF")])
def test_the_record_has_the_position_of_the_weld(cell: Cell, seam: str, position: str) -> None:
    """T8, of a whole weld by its joints."""
    weld = Weld(seam, "w")
    path = seam_path(cell, weld)
    s = np.linspace(0.0, path.length, 300)
    q = joints(cell, poses(path, s))
    record, _ = check_seam(cell, "a", weld, section_of(cell, weld), s / 0.008, q, PLANNED, "here")
    assert record.position == position


def test_the_record_has_the_heat_input_of_the_procedure(cell: Cell) -> None:
    """T6: 25 V, 250 A, 7 mm/s, k = 0.8: 0.714 kJ/mm."""
    weld = Weld("p.line", "w", travel_speed=0.007)
    path = seam_path(cell, weld)
    s = np.linspace(0.0, path.length, 300)
    q = joints(cell, poses(path, s))
    record, findings = check_seam(cell, "a", weld, section_of(cell, weld), s / 0.007, q, PLANNED, "here")
    assert record.heat_input * 1e-6 == pytest.approx(0.714286, abs=1e-6)
    assert record.arc_time == pytest.approx(0.2 / 0.007)
    assert record.travel_speed == pytest.approx(0.007)
    assert findings == ()


@pytest.mark.parametrize(
    ("window", "power", "codes"),
    [
        ((0.70, 0.73), None, []),
        ((0.60, 0.70), None, ["C340"]),
        ((0.70, 0.73), 25.0 * 250.0, []),
        ((0.70, 0.73), 25.0 * 200.0, ["C340"]),
    ],
)
def test_the_heat_input_is_held_against_its_window(cell: Cell, window, power: float | None, codes: list[str]) -> None:
    """As the procedure plans it, or as the power of the arc was measured; at 7 mm/s it is 0.714 kJ/mm."""
    weld = Weld("p.line", "w", travel_speed=0.007)
    heat = Range(window[0] * 1e6, sum(window) * 0.5e6, window[1] * 1e6)
    judged = replace(cell, procedures={"w": replace(cell.procedures["w"], heat_input=heat)})
    path = seam_path(cell, weld)
    s = np.linspace(0.0, path.length, 300)
    executed = None if power is None else Executed(np.ones(300), np.full(300, power), np.zeros(300))
    section, q = section_of(cell, weld), joints(cell, poses(path, s))
    _, findings = check_seam(judged, "a", weld, section, s / 0.007, q, PLANNED, "here", executed)
    assert [finding.code for finding in findings] == codes


def test_a_weld_is_held_against_the_rate_that_was_commanded(cell: Cell) -> None:
    """At 8 tenths of its speed it conforms where it was told so, and not where nobody told."""
    weld = Weld("p.line", "w", travel_speed=0.010)
    path = seam_path(cell, weld)
    s = np.linspace(0.0, path.length, 300)
    section, q = section_of(cell, weld), joints(cell, poses(path, s))
    found = []
    for rate in (0.8, 1.0):
        told = Executed(np.full(300, rate), np.full(300, 1.0), np.zeros(300))
        found.append(check_seam(cell, "a", weld, section, s / 0.008, q, PLANNED, "here", told)[1])
    assert "C315" not in {finding.code for finding in found[0]}
    assert "C315" in {finding.code for finding in found[1]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"b": 0.31e-3}, "C310"),
        ({"b": 0.29e-3}, ""),
        ({"n": -0.51e-3}, "C311"),
        ({"n": -0.49e-3}, ""),
        ({"work": 10.1 * DEG}, "C312"),
        ({"travel": 20.1 * DEG}, "C313"),
        ({"work": 1.1 * DEG}, "C314"),
        ({"work": 0.9 * DEG}, ""),
        ({"spin": 31.5 * DEG}, "C329"),
        ({"spin": 29.5 * DEG}, ""),
    ],
)
def test_every_gate_is_where_it_says(cell: Cell, change: dict[str, float], code: str) -> None:
    weld = Weld("p.line", "w", spin=Range(-30.0 * DEG, 0.0, 30.0 * DEG))
    path = seam_path(cell, weld)
    s = np.linspace(0.0, path.length, 300)
    q = joints(cell, poses(path, s, **change))
    findings = check_seam(cell, "a", weld, section_of(cell, weld), s / 0.008, q, PLANNED, "here")[1]
    assert (code in {f.code for f in findings}) if code else findings == ()


@pytest.mark.parametrize(("first", "last", "late"), [(0.0, 0.2, False), (1.1e-3, 0.2, True), (0.0, 0.1989, True)])
def test_a_weld_must_reach_both_ends_within_a_millimetre(cell: Cell, first: float, last: float, late: bool) -> None:
    weld = Weld("p.line", "w")
    s = np.linspace(first, last, 300)
    q = joints(cell, poses(seam_path(cell, weld), s))
    findings = check_seam(cell, "a", weld, section_of(cell, weld), s / 0.008, q, PLANNED, "here")[1]
    assert {f.code for f in findings} == ({"C328"} if late else set())


def test_a_weld_beyond_its_end_is_found(cell: Cell) -> None:
    weld = Weld("p.line", "w", to=-0.01)
    whole = seam_path(cell, Weld("p.line", "w"))
    s = np.linspace(0.0, 0.1912, 300)
    findings = check_seam(
        cell, "a", weld, section_of(cell, weld), s / 0.008, joints(cell, poses(whole, s)), PLANNED, "here"
    )[1]
    assert "C328" in {f.code for f in findings}
