"""Pictures of a cell and of a plan: that the arm, the part and the seams are in them, each where it should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from cellctl.files import load_cell
from cellctl.kinematics.chain import chain_of
from cellctl.model.cell import Camera, Cell
from cellctl.model.plan import Block, FixedSegment, Plan, SeamSection
from cellctl.model.pose import Pose
from cellctl.model.spline import interpolated
from cellctl.model.wps import Range
from cellctl.reports.picture import (
    _welded_until,
    animation,
    frame_times,
    legend,
    picture,
    tcp_track,
    with_legend,
    write_png,
)
from cellctl.reports.staging import ALARM, PLANNED, TRACK, WELDED

CLOSE = Camera((1.45, 0.45, 1.0), (1.06, -0.08, 0.53), 0.42)
REACHING = np.array([0.1, -1.25, 1.75, 0.0, 1.05, 0.0])


@pytest.fixture(scope="module")
def cell(sample: ModuleType) -> Cell:
    pytest.importorskip("cellctl.kinematics.forward")
    return sample.sample_cell()


@pytest.fixture(scope="module")
def plan(cell: Cell) -> Plan:
    """Two seconds there, eight seconds along half of the left seam; the arm need not be on it to be drawn."""
    home = np.array(cell.mechanisms[0].configurations["home"])
    placement, seam = cell.seam("tray.left")
    stations = np.linspace(0.0, 0.185, 60)
    points = placement.pose_world_part.apply(seam.curve.points(stations))
    flat = np.zeros(60)
    some = Range(-1.0, 0.0, 1.0)
    normals = np.tile((0.0, 0.6, 0.8), (60, 1))
    tangents = np.tile((1.0, 0.0, 0.0), (60, 1))
    section = SeamSection(
        "tray.left", "w", 0.185, 0.01, 0.015, some, some, stations, points, tangents, normals, flat, flat, flat, ()
    )

    def segment(start: np.ndarray, end: np.ndarray, length: float, time: float, **more) -> FixedSegment:
        path = interpolated(
            [0.0, length / 3, length / 1.5, length], start + np.linspace(0, 1, 4)[:, None] * (end - start)
        )
        law = interpolated([0.0, time / 3, time / 1.5, time], np.linspace(0.0, length, 4)[:, None])
        return FixedSegment(0, "process" if more else "transit", "r1", "torch", path, law, **more)

    there = segment(home, REACHING, 1.0, 2.0)
    weld = segment(REACHING, REACHING + 0.1, 0.185, 8.0, process=section)
    return Plan("p", (Block((there, weld)),), {"r1": home}, 0, (), {})


def count(image: Image.Image | np.ndarray, colour: tuple[float, float, float], tolerance: int = 12) -> int:
    pixels = np.asarray(image.convert("RGB") if isinstance(image, Image.Image) else image).astype(int)
    return int((np.abs(pixels - np.multiply(colour, 255.0).round().astype(int)).max(axis=2) <= tolerance).sum())


def orange(image: Image.Image) -> float:
    red, green, blue = (np.asarray(image)[..., k].astype(int) for k in range(3))
    return float(((red > 90) & (red > 2 * green) & (green > 2 * blue)).mean())


def test_a_body_that_was_moved_is_drawn_where_it_is(cell: Cell) -> None:
    """The tray is lifted out of what the camera sees."""
    bodies = {f"{p.name}.{b.name}": p.pose_world_part @ b.pose for p in cell.parts for b in p.part.bodies}
    away = {name: Pose.of((0.0, 0.0, 50.0)) @ pose for name, pose in bodies.items()}
    here = picture(cell, {"r1": REACHING}, size=(160, 120), camera=CLOSE, seams=False, moved=bodies)
    assert np.array_equal(here, picture(cell, {"r1": REACHING}, size=(160, 120), camera=CLOSE, seams=False))
    gone = picture(cell, {"r1": REACHING}, size=(160, 120), camera=CLOSE, seams=False, moved=away)
    assert not np.array_equal(here, gone)


def test_the_arm_and_its_cell_are_in_the_picture(cell: Cell) -> None:
    image = picture(cell, {"r1": REACHING}, size=(320, 240))
    assert image.size == (320, 240)
    assert orange(image) > 0.03
    pixels = np.asarray(image).astype(int)
    yellow = (pixels[..., 0] > 120) & (pixels[..., 1] > 90) & (pixels[..., 2] < 60)
    assert yellow.mean() > 0.01


def test_without_a_camera_everything_is_held(cell: Cell) -> None:
    image = picture(replace(cell, camera=None), {"r1": REACHING}, size=(160, 120))
    assert 0.005 < orange(image) < 0.3


def test_seams_show_what_is_welded(cell: Cell) -> None:
    half = picture(cell, {"r1": REACHING}, size=(320, 240), camera=CLOSE, welded={"tray.left": (0.0, 0.185)})
    whole = picture(cell, {"r1": REACHING}, size=(320, 240), camera=CLOSE, welded={"tray.left": (0.0, 1.0)})
    none = picture(cell, {"r1": REACHING}, size=(320, 240), camera=CLOSE, seams=False)
    assert count(whole, WELDED) > count(half, WELDED) > 10
    assert count(half, PLANNED) > count(whole, PLANNED) > 10
    assert count(none, PLANNED) == count(none, WELDED) == 0


def test_highlighted_solids_are_red(cell: Cell) -> None:
    def red(names: tuple[str, ...]) -> int:
        image = picture(cell, {"r1": REACHING}, size=(320, 240), camera=CLOSE, seams=False, highlight=names)
        pixels = np.asarray(image).astype(int)
        return int(((pixels[..., 0] > 90) & (pixels[..., 0] > 5 * pixels[..., 1])).sum())

    assert red(("tray.boss",)) > red(()) + 40
    assert ALARM[0] > 0.9


def test_the_arm_moves_with_its_joints(cell: Cell) -> None:
    one = np.asarray(picture(cell, {"r1": REACHING}, size=(160, 120)))
    again = np.asarray(picture(cell, {"r1": REACHING}, size=(160, 120)))
    other = np.asarray(picture(cell, {"r1": REACHING + np.array([0.6, 0, 0, 0, 0, 0])}, size=(160, 120)))
    assert np.array_equal(one, again)
    assert (one != other).any(axis=2).mean() > 0.03


def test_a_png_of_a_plan_is_written(cell: Cell, plan: Plan, tmp_path: Path) -> None:
    write_png(plan, tmp_path / "p.png", cell=cell, size=(320, 240))
    with Image.open(tmp_path / "p.png") as image:
        assert (image.format, image.size) == ("PNG", (320, 240))
        assert orange(image.convert("RGB")) > 0.03


def test_an_animation_shows_the_weld_grow(cell: Cell, plan: Plan, tmp_path: Path) -> None:
    animation(plan, tmp_path / "p.gif", cell=replace(cell, camera=CLOSE), frames=6, size=(160, 120))
    with Image.open(tmp_path / "p.gif") as image:
        assert (image.format, image.size, image.n_frames) == ("GIF", (160, 120), 6)
    stretches = [_welded_until(plan, cell, 1, time)["tray.left"][1] for time in (1.0, 4.0, 8.0)]
    assert stretches == pytest.approx([0.185 / 8, 0.185 / 2, 0.185], abs=0.005)
    assert _welded_until(plan, cell, 0, 1.0) == {}


def test_frames_are_shared_between_motion_and_process(plan: Plan) -> None:
    times = frame_times(plan, 50)
    assert times[0] == (0, 0.0)
    assert times[-1] == (1, 8.0)
    assert times == sorted(times)
    assert sum(index == 1 for index, _ in times) == 30


def test_the_track_is_that_of_the_tip(cell: Cell, plan: Plan, sample: ModuleType) -> None:
    track = tcp_track(plan, cell)
    arm = cell.mechanisms[0]
    flange = arm.pose_world_base.matrix @ sample.frames_of(chain_of(arm.robot), REACHING + 0.1)[-1]
    assert np.abs(track[-1] - (flange @ arm.tool.torch.contact_tip.matrix)[:3, 3]).max() < 1e-9


def test_a_picture_without_room_leaves_nothing_behind(plan: Plan, cell: Cell, tmp_path: Path, monkeypatch) -> None:
    def full(self: Image.Image, path: Path, **how: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        animation(plan, tmp_path / "a.gif", cell=cell, frames=2, size=(64, 48))
    assert list(tmp_path.iterdir()) == []


def test_the_legend_calls_a_pen_a_pen() -> None:
    words = [text for _, text in legend(load_cell("lib:sim/paper_cell/cell.yaml"))]
    assert words == ["drawn", "to be drawn", "path of the pen"]
    words = [text for _, text in legend(load_cell("lib:sim/tray_cell/cell.yaml"))]
    assert words == ["welded", "to be welded", "path of the contact tip"]


def test_the_legend_shows_every_colour_of_the_lines(cell: Cell) -> None:
    plain = Image.new("RGB", (640, 480), (230, 230, 230))
    drawn = with_legend(plain, legend(cell))
    assert all(count(drawn, colour, 1) > 30 for colour in (PLANNED, WELDED, TRACK))
    assert np.array_equal(np.asarray(drawn)[:, 320:], np.asarray(plain)[:, 320:])
    bare = replace(cell, parts=(), mechanisms=(replace(cell.mechanisms[0], tool=None),))
    assert [text for _, text in legend(bare)] == ["path of the flange"]
