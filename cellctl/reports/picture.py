"""Pictures and animations of cells and plans, from model values. Measures and proves nothing.

Drawing holds the interpreter for seconds and has a PyBullet client of its own: never do it in a process that has a
watchdog to serve.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellctl.kinematics.chain import chain_of
from cellctl.model.cell import Camera, Cell
from cellctl.model.plan import FixedSegment, Plan
from cellctl.model.pose import FloatArray, Pose
from cellctl.model.shapes import Colour
from cellctl.model.wps import Wps
from cellctl.reports.handled import grips, measured_handling, moved_bodies, planned_handling
from cellctl.reports.staging import PLANNED, TRACK, WELDED, SeamPiece, Stage, camera_of, colours_of, poses_world, staged
from cellctl.reports.writing import demand_own
from cellctl.scene.bullet.render import Renderer

if TYPE_CHECKING:
    from PIL.Image import Image

MARK = b"drawn by cellctl"
"""What stands in every picture file of ours, so that no other is written over."""
PROCESS_SHARE = 0.6
"""Share of an animation's frames that shows the processes, which take most of the time and move least."""


def picture(
    cell: Cell,
    joints: Mapping[str, FloatArray],
    *,
    size: tuple[int, int] = (1280, 960),
    seams: bool = True,
    camera: Camera | None = None,
    highlight: Collection[str] = (),
    track: FloatArray | None = None,
    welded: Mapping[str, tuple[float, float]] | None = None,
    moved: Mapping[str, Pose] | None = None,
) -> Image:
    """The cell with its groups at `joints` (dof,), `size` (width, height) in pixels.

    `highlight` names solids to be drawn in red, `track` (n, 3) is a path in the world (m), `welded` gives for a seam
    (`tray.left`) the stretch of its arc length that is welded (m), `moved` where a body (`block.body`) is in the world
    that stands elsewhere than in the cell. Raises FileError F14x for a mesh it cannot read.
    """
    from PIL import Image as Pillow

    stage = staged(cell, seams=seams, highlight=highlight, track=track)
    with Renderer(stage.scene) as renderer:
        poses = poses_world(cell, stage, joints) | dict(moved or {})
        for name, pose in poses.items():
            renderer.place(name, pose)
        _paint(renderer, stage, welded or {})
        return Pillow.fromarray(renderer.image(camera or camera_of(cell, stage, poses), size))


def write_png(plan: Plan, path: Path, *, cell: Cell | None = None, size: tuple[int, int] = (1280, 960)) -> None:
    """Write a picture of a plan: the arm in the middle of its first process (or at the start), the path of its TCP.

    The cell is read from the plan's own inputs where none is given.
    """
    cell = cell or _cell_of(plan)
    index = next((k for k, segment in enumerate(plan.segments) if segment.process is not None), None)
    joints = dict(plan.start)
    welded: dict[str, tuple[float, float]] = {}
    if index is not None:
        segment = plan.segments[index]
        time = segment.duration / 2.0
        joints[segment.group] = segment.joints_at(time)[0]
        welded = _welded_until(plan, cell, index, time)
    drawn = picture(cell, joints, size=size, track=tcp_track(plan, cell), welded=welded)
    save_png(with_legend(drawn, legend(cell)), path)


def write_run_png(plan: Plan, folder: Path, path: Path, *, size: tuple[int, int] = (1280, 960)) -> None:
    """Write a picture of a run: that of its plan, or, where a gripper moves parts, arm and parts where they were at its
    end.
    """
    if not grips(plan):
        write_png(plan, path, size=size)
        return
    cell = _cell_of(plan)
    handling, joints = measured_handling(plan, cell, folder)
    moved = moved_bodies(plan, cell, handling, joints)
    drawn = picture(cell, dict.fromkeys(plan.start, joints), size=size, track=tcp_track(plan, cell), moved=moved)
    save_png(with_legend(drawn, legend(cell)), path)


def animation(
    plan: Plan, path: Path, *, cell: Cell | None = None, frames: int = 48, size: tuple[int, int] = (640, 480)
) -> None:
    """Write an animated GIF of a whole plan, one second for twelve frames; seams change colour as they are welded."""
    from PIL import Image as Pillow

    cell = cell or _cell_of(plan)
    stage = staged(cell)
    shots = []
    camera: Camera | None = None
    with Renderer(stage.scene) as renderer:
        joints = dict(plan.start)
        for index, time in frame_times(plan, frames):
            segment = plan.segments[index]
            joints[segment.group] = segment.joints_at(time)[0]
            poses = poses_world(cell, stage, joints)
            if grips(plan):
                handling = planned_handling(plan, cell, index)
                poses |= moved_bodies(plan, cell, handling, joints[segment.group])
            camera = camera or camera_of(cell, stage, poses)
            for name, pose in poses.items():
                renderer.place(name, pose)
            _paint(renderer, stage, _welded_until(plan, cell, index, time))
            shots.append(Pillow.fromarray(renderer.image(camera, size)))
    palette = _palette(shots, sorted(colours_of(stage)))
    first, *rest = [shot.quantize(palette=palette, dither=Pillow.Dither.NONE) for shot in shots]
    _save(first, path, format="GIF", save_all=True, append_images=rest, duration=83, loop=0, disposal=1, comment=MARK)


def legend(cell: Cell) -> tuple[tuple[Colour, str], ...]:
    """What the coloured lines of a picture of `cell` mean."""
    tools = [mechanism.tool for mechanism in cell.mechanisms if mechanism.tool is not None]
    procedures = cell.procedures.values()
    draws = bool(procedures) and all(isinstance(one, Wps) and one.draws for one in procedures)
    lays = any(tool.dispenser for tool in tools)
    done = "drawn" if draws else "laid" if lays else "welded"
    seams = ((WELDED, done), (PLANNED, f"to be {done}")) if any(p.part.seams for p in cell.parts) else ()
    torch, bit = any(tool.seam_tool for tool in tools), any(tool.screwdriver for tool in tools)
    tip = "pen" if draws else "nozzle" if lays else "contact tip"
    return (*seams, (TRACK, f"path of the {tip if torch else 'bit' if bit else 'flange'}"))


def with_legend(drawn: Image, entries: tuple[tuple[Colour, str], ...]) -> Image:
    """The picture with what its coloured lines mean, in its upper left corner."""
    from PIL import ImageDraw, ImageFont

    image = drawn.copy()
    pen, size = ImageDraw.Draw(image), max(11, image.height // 60)
    font = ImageFont.load_default(size)
    x = y = size
    for colour, text in entries:
        red, green, blue = (round(255.0 * part) for part in colour)
        pen.line([(x, y + size // 2), (x + 2 * size, y + size // 2)], (red, green, blue), max(2, size // 4))
        pen.text((x + round(2.6 * size), y), text, (60, 64, 70), font, anchor="lt")
        y += round(1.6 * size)
    return image


def save_png(image: Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all; raises UsageError (U651) rather than write over what is not ours."""
    from PIL.PngImagePlugin import PngInfo

    note = PngInfo()
    note.add_text("Software", MARK.decode())
    _save(image, path, format="PNG", pnginfo=note)


def _save(image: Image, path: Path, **how: Any) -> None:
    """Write the file whole or not at all; raises OSError, and UsageError (U651) for a file that is not ours."""
    demand_own(path, MARK)
    unfinished = path.with_name(path.name + "~")
    try:
        image.save(unfinished, **how)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def frame_times(plan: Plan, frames: int) -> list[tuple[int, float]]:
    """Segment index and time in it (s) of each frame: even in time within processes, and within all other motion."""
    durations = np.array([segment.duration for segment in plan.segments])
    process = np.array([segment.process is not None for segment in plan.segments])
    weights = durations.copy()
    if process.any() and not process.all():
        weights[process] *= PROCESS_SHARE / durations[process].sum()
        weights[~process] *= (1.0 - PROCESS_SHARE) / durations[~process].sum()
    ends = np.cumsum(weights)
    marks = np.linspace(0.0, ends[-1], frames)
    indices = np.minimum(np.searchsorted(ends, marks), len(ends) - 1)
    starts = ends - weights
    return [
        (int(k), float(np.clip((mark - starts[k]) / weights[k], 0.0, 1.0) * durations[k]))
        for k, mark in zip(indices, marks, strict=True)
    ]


def tcp_track(plan: Plan, cell: Cell, spacing: float = 0.05) -> FloatArray:
    """The path of the contact tip or the bit, or of the flange without either, through a whole plan: points (n, 3) in
    the world.

    It is sampled every `spacing` seconds.
    """
    from cellctl.kinematics.forward import frames

    points: list[FloatArray] = []
    for segment in plan.segments:
        mechanism = cell.mechanism(cell.group(segment.group).mechanisms[0])
        chain = chain_of(mechanism.robot)
        tip = mechanism.pose_flange_tip().position
        times = np.linspace(0.0, segment.duration, max(2, int(segment.duration / spacing)))
        flanges = np.array([frames(chain, q)[-1] for q in segment.joints_at(times)[:, : mechanism.robot.dof]])
        points.append(mechanism.pose_world_base.apply(flanges[:, :3, :3] @ tip + flanges[:, :3, 3]))
    return np.vstack(points)


def _paint(renderer: Renderer, stage: Stage, welded: Mapping[str, tuple[float, float]]) -> None:
    for piece in stage.pieces:
        renderer.recolour(piece.name, WELDED if _is_welded(piece, welded) else PLANNED)


def _is_welded(piece: SeamPiece, welded: Mapping[str, tuple[float, float]]) -> bool:
    if piece.seam not in welded:
        return False
    start, end = welded[piece.seam]
    return start <= (piece.start + piece.end) / 2.0 <= end


def _welded_until(plan: Plan, cell: Cell, index: int, time: float) -> dict[str, tuple[float, float]]:
    """For each seam the stretch (m) that is welded `time` (s) into segment `index`."""
    welded = {}
    for k, segment in enumerate(plan.segments[: index + 1]):
        if segment.process is not None:
            share = 1.0 if k < index else float(segment.law(time)[0, 0] / segment.path.end)
            welded[segment.process.seam] = _stretch(cell, segment, share)
    return welded


def _stretch(cell: Cell, segment: FixedSegment, share: float) -> tuple[float, float]:
    """The stretch of the seam's own arc length that the first `share` of a process covers, by its nearest points."""
    assert segment.process is not None
    placement, seam = cell.seam(segment.process.seam)
    stations = np.linspace(0.0, seam.curve.length, 400)
    curve = placement.pose_world_part.apply(seam.curve.points(stations))
    done = segment.process.points[segment.process.stations <= share * segment.process.length + 1e-9]
    if not len(done):
        return (0.0, -1.0)
    nearest = np.linalg.norm(curve[None] - done[:, None], axis=2).argmin(axis=1)
    return float(stations[nearest.min()]), float(stations[nearest.max()])


def _palette(shots: list[Image], colours: list[Colour]) -> Image:
    """One palette for all frames, so that nothing flickers.

    It is made from a few frames and a stripe of every colour in light and in shade, so that small things keep theirs.
    """
    from PIL import Image as Pillow

    chosen = shots[:: max(1, len(shots) // 6)]
    width, height = shots[0].size
    mosaic = Pillow.new("RGB", (width, height * len(chosen)))
    for k, shot in enumerate(chosen):
        mosaic.paste(shot, (0, k * height))
    stripe = max(1, height // 100)
    stripes = [(colour, light) for colour in colours for light in (0.95, 0.75, 0.5)]
    for k, (colour, light) in enumerate(stripes):
        red, green, blue = (round(255.0 * light * part) for part in colour)
        mosaic.paste((red, green, blue), (0, k * stripe, width, (k + 1) * stripe))
    return mosaic.quantize(256, Pillow.Quantize.MEDIANCUT)


def _cell_of(plan: Plan) -> Cell:
    from cellctl.files import cell_from_inputs

    return cell_from_inputs(plan.inputs)
