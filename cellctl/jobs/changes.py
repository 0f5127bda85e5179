"""Single changes of a task that could make room for one of its welds, by families, smallest first. Tries none of them.

A change is written down as what would stand in a file, so that what is tried is what a person would paste.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cellctl.errors import Finding
from cellctl.files import library_robots
from cellctl.files.edits import Edit, cell_reference, moved, shown_range, written_value
from cellctl.files.quantities import shown_quantity
from cellctl.files.task_file import seam_words
from cellctl.jobs.change import Change, Family, change_of
from cellctl.jobs.margin_changes import margin_families
from cellctl.model.task import SeamStep, Task
from cellctl.model.wps import Range, SeamProcedure
from cellctl.processes.procedure import seam_settings
from cellctl.processes.seam import seam_path
from cellctl.units import deg, mm

LARGEST_ANGLE = 15
LARGEST_SPIN = 18
MOVES = (10, 20, 30, 40, 50, 60, 70, 80, 120, 160, 240, 320)
"""By how much (mm) a part or an arm is moved."""
SPLITS = 9
LINES = ("approach", "retract")
LONGER = 16
"""How many times 5 mm an approach or retract is made longer."""
SIX = 6


def families(task: Task, index: int, refused: Sequence[Finding]) -> Iterator[Family]:
    """The families worth trying for the weld at `index`, which was `refused`, cheapest to live with first."""
    codes = {finding.code for finding in refused}
    if "P208" in codes:
        yield _speed(task, index)
    if "P207" in codes:
        yield from (_shorter(task, index, field) for field in LINES)
    if "P281" in codes:
        yield from (_longer(task, index, field) for field in _too_near_at(refused))
    yield from (_angle(task, index, field) for field in ("travel_angle", "work_angle"))
    yield from _spin(task, index)
    yield from _trims(task, index)
    if not codes <= {"P201", "P202"}:
        yield from margin_families(task, refused)
    if not _only_own_part(task, index, refused):
        yield from _moves(task, index)
    if codes & {"P204", "P208", "P230"}:
        yield from _split(task, index)
    yield _arms(task)


def _only_own_part(task: Task, index: int, refused: Sequence[Finding]) -> bool:
    """True where only the tool and the part itself are in each other's way: a move of the part changes nothing."""
    part = _along(task, index).seam.partition(".")[0]
    tools = [f"{m.name}.{m.tool.name}." for m in task.cell.mechanisms if m.tool is not None]
    pairs = [finding.data.get("pair") for finding in refused]

    def own(pair: object) -> bool:
        if not isinstance(pair, tuple):
            return False
        first, second = sorted(map(str, pair), key=lambda name: name.startswith(f"{part}."))
        return second.startswith(f"{part}.") and first.startswith(tuple(tools))

    return bool(pairs) and all(own(pair) for pair in pairs)


def _along(task: Task, index: int) -> SeamStep:
    step = task.steps[index]
    assert isinstance(step, SeamStep)
    return step


def _angle(task: Task, index: int, field: str) -> Family:
    """The window of work or travel angle, wider by whole degrees on both sides; the procedure's too, where it must."""
    step = _along(task, index)
    wps = task.cell.procedures[step.procedure]
    settings = seam_settings(step, wps)
    window = settings.work if field == "work_angle" else settings.travel
    what = field.replace("_", " ")

    def make(count: int) -> Change | None:
        more = count * deg
        wider = Range(window.minimum - more, window.nominal, window.maximum + more)
        said = f"{what} {count} deg wider on both sides: {shown_range(wider, 'angle')}"
        edits = _wider_procedure(task, wps, field, wider)
        if edits:
            said += f", which procedure '{wps.name}' would have to be qualified for"
        wider_step = replace(step, work_angle=wider) if field == "work_angle" else replace(step, travel_angle=wider)
        return change_of(task, index, said, more, (wider_step,), edits)

    return Family(what, "every degree", LARGEST_ANGLE, make)


def _wider_procedure(task: Task, wps: SeamProcedure, field: str, wider: Range) -> tuple[Edit, ...]:
    allowed = wps.work_angle if field == "work_angle" else wps.travel_angle
    if allowed.holds(wider.minimum, 1e-9) and allowed.holds(wider.maximum, 1e-9):
        return ()
    low, high = min(allowed.minimum, wider.minimum), max(allowed.maximum, wider.maximum)
    reference = _procedure_reference(task, wps.name)
    return (Edit(reference, (field,), shown_range(Range(low, allowed.nominal, high), "angle")),)


def _procedure_reference(task: Task, name: str) -> str:
    """The file of a procedure; a cell may call several by one file."""
    from cellctl.files.library import joined_reference

    cell = cell_reference(task)
    return joined_reference(cell, str(written_value(task, cell, ("procedures", name))))


def _spin(task: Task, index: int) -> Iterator[Family]:
    step = _along(task, index)
    window = step.spin
    if window is None:
        return

    def make(count: int) -> Change | None:
        more = 10.0 * count * deg
        wider = Range(window.minimum - more, window.nominal, window.maximum + more)
        said = f"spin {10 * count} deg wider on both sides: {shown_range(wider, 'angle')}"
        return change_of(task, index, said, more, (replace(step, spin=wider),))

    yield Family("spin", "every 10 deg", LARGEST_SPIN, make)


def _trims(task: Task, index: int) -> Iterator[Family]:
    step = _along(task, index)
    _, seam = task.cell.seam(step.seam)
    if seam.curve.closed:
        return
    length = seam_path(task.cell, step).length
    total = seam.curve.length
    begin = step.from_ if step.from_ >= 0.0 else total + step.from_
    end = step.to if step.to > 0.0 else total + step.to

    def from_end(which: str) -> Callable[[int], Change | None]:
        def make(count: int) -> Change | None:
            cut = count * mm
            new = replace(step, from_=begin + cut) if which == "start" else replace(step, to=end - cut - total)
            said = f"seam {count} mm shorter at its {which}: {(length - cut) / mm:.1f} mm are left"
            return change_of(task, index, said, cut, (new,))

        return make

    count = int(length / mm / 2.0)
    for which in ("start", "end"):
        yield Family(f"trim at the {which}", "every mm up to half of the seam", count, from_end(which), ordered=True)


def _speed(task: Task, index: int) -> Family:
    step = _along(task, index)
    window = task.cell.procedures[step.procedure].travel_speed
    speed = seam_settings(step, task.cell.procedures[step.procedure]).travel_speed
    slot, does = 0.25 * mm, seam_words(step).key

    def make(count: int) -> Change | None:
        slower = max(speed - count * slot, window.minimum)
        said = f"{does} at {shown_quantity(slower, 'speed')}"
        return change_of(task, index, said, speed - slower, (replace(step, travel_speed=slower),))

    count = max(0, int(-(-(speed - window.minimum - 1e-12) // slot)))
    return Family("travel speed", "every 0.25 mm/s down to the procedure's least", count, make, ordered=True)


def _shorter(task: Task, index: int, field: str) -> Family:
    step = _along(task, index)
    length = float(getattr(step, field))

    def make(count: int) -> Change | None:
        left = length - 5 * count * mm
        if left < 5 * mm:
            return None
        new = replace(step, approach=left) if field == "approach" else replace(step, retract=left)
        return change_of(task, index, f"{field} of {shown_quantity(left, 'length')}", length - left, (new,))

    return Family(f"shorter {field}", "every 5 mm", int(length / (5 * mm)), make, ordered=True)


def _too_near_at(refused: Sequence[Finding]) -> list[str]:
    """Which of the lines to and from the seam end where the torch is too near to something to move freely."""
    return [line for line in LINES if any(finding.data.get("line") == line for finding in refused)]


def _longer(task: Task, index: int, field: str) -> Family:
    step = _along(task, index)
    length = float(getattr(step, field))

    def make(count: int) -> Change | None:
        more = length + 5 * count * mm
        new = replace(step, approach=more) if field == "approach" else replace(step, retract=more)
        return change_of(task, index, f"{field} of {shown_quantity(more, 'length')}", more - length, (new,))

    return Family(f"longer {field}", f"every 5 mm up to {5 * LONGER} mm more", LONGER, make)


AXES = {"+x": (1, 0, 0), "-x": (-1, 0, 0), "+y": (0, 1, 0), "-y": (0, -1, 0), "+z": (0, 0, 1), "-z": (0, 0, -1)}


def _moves(task: Task, index: int) -> Iterator[Family]:
    """The part of the seam, and the arm, along the axes of the frames that they stand in, by MOVES."""
    part = _along(task, index).seam.partition(".")[0]
    mechanism = task.cell.mechanisms[0].name

    def along(kind: str, name: str, axis: str) -> Callable[[int], Change | None]:
        def make(count: int) -> Change | None:
            amount = MOVES[count - 1] * mm
            x, y, z = AXES[axis]
            edit = moved(task, kind, name, (x * amount, y * amount, z * amount))
            return change_of(task, index, f"{name} moved by {MOVES[count - 1]} mm along {axis}", amount, edits=(edit,))

        return make

    for kind, name in (("parts", part), ("mechanisms", mechanism)):
        for axis in AXES:
            make = along(kind, name, axis)
            yield Family(f"move {name} {axis}", f"{', '.join(map(str, MOVES))} mm", len(MOVES), make)


def _split(task: Task, index: int) -> Iterator[Family]:
    """The seam in two welds, each with a configuration of its own; nearest to its middle first."""
    step = _along(task, index)
    _, seam = task.cell.seam(step.seam)
    if seam.curve.closed:
        return
    total = seam.curve.length
    begin = step.from_ if step.from_ >= 0.0 else total + step.from_
    end = step.to if step.to > 0.0 else total + step.to
    shares = sorted((k / (SPLITS + 1) for k in range(1, SPLITS + 1)), key=lambda share: abs(share - 0.5))

    def make(count: int) -> Change | None:
        at = round((begin + shares[count - 1] * (end - begin)) / mm) * mm
        halves = (replace(step, to=at - total), replace(step, from_=at))
        ordered = halves[::-1] if step.reverse else halves
        return change_of(task, index, f"seam split at {shown_quantity(at, 'length')}", count, ordered)

    yield Family("split", f"{SPLITS} places along the seam", SPLITS, make)


def _arms(task: Task) -> Family:
    """Another arm of the library on the same base, its configurations as they are written."""
    name = task.cell.mechanisms[0].name
    reference = cell_reference(task)
    others = [robot for robot in library_robots() if robot != task.cell.mechanisms[0].robot.name]

    def make(count: int) -> Change | None:
        edit = Edit(reference, ("mechanisms", name, "model"), f"lib:robots/{others[count - 1]}")
        change = change_of(task, 0, f"another arm: {others[count - 1]}", count, edits=(edit,))
        return change if change is not None and change.task.cell.mechanisms[0].robot.dof >= SIX else None

    return Family("other arm", "every arm of the library with six axes or more", len(others), make)
