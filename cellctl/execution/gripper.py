"""The gripper of a run: its output, what confirms it, and the handshake of a grip or a release. It moves no arm.

A command is given once. A hold does not take it back, and a stop leaves the gripper as it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from cellctl.errors import Finding
from cellctl.execution.job import GripperLines
from cellctl.execution.source_procedure import Bystander
from cellctl.execution.telling import Events
from cellctl.model.event import Event
from cellctl.model.plan import FixedSegment, GripperAction

PART_LOST = 0.1
"""s that a part may be missing in the gripper."""


class GripperChannel:
    """Output and inputs of one gripper. `part` is what it has closed about, empty while it is open or still closes."""

    def __init__(self, lines: GripperLines | None, *, holds: str = "") -> None:
        self._lines = lines
        self.part = holds
        self.outputs = 0 if lines is None or not holds else 1 << lines.output
        self._missing = 0.0

    @property
    def lines(self) -> GripperLines:
        """The lines; a job that grips and has none is refused before it starts."""
        if self._lines is None:
            raise AssertionError("a grip without lines")
        return self._lines

    def unfit_start(self, inputs: int) -> Finding | None:
        """X429 where a run that begins with an open gripper finds a part in it."""
        if self.outputs or not self._gripped(inputs):
            return None
        text = "the gripper holds something at the start, and the plan begins with an open one"
        return Finding("X429", text, suggestion="take the part out; cellctl drops nothing by itself")

    def command(self, action: GripperAction) -> None:
        """Close or open with the next cycle."""
        self.outputs = 1 << self.lines.output if action.command == "close" else 0
        self.part = ""

    def confirms(self, action: GripperAction) -> bool:
        """Whether an input tells when this is done; else only time does."""
        lines = self.lines
        return lines.gripped is not None or (action.command == "open" and lines.gripper_open is not None)

    def confirmed(self, action: GripperAction, inputs: int) -> bool:
        """Whether the inputs say that it is done."""
        lines = self.lines
        if action.command == "open" and lines.gripper_open is not None:
            return bool(inputs >> lines.gripper_open & 1)
        return self._gripped(inputs) is (action.command == "close")

    def lost(self, inputs: int, dt: float) -> bool:
        """Whether the part has been missing for too long; counts one cycle of `dt` s."""
        missing = bool(self.part) and self._gripped(inputs) is False
        self._missing = self._missing + dt if missing else 0.0
        return self._missing > PART_LOST

    def _gripped(self, inputs: int) -> bool | None:
        """What the input says, None where there is none."""
        if self._lines is None or self._lines.gripped is None:
            return None
        return bool(inputs >> self._lines.gripped & 1)


class GripProcedure:
    """How a part is gripped and let go: announce, command, confirm in time, or a fault."""

    def __init__(self, channel: GripperChannel, run: Bystander) -> None:
        self._channel, self._run = channel, run

    def do(self, action: GripperAction) -> Events:
        """Close or open the gripper and wait for it; where it does not in time, the run ends (X425)."""
        channel, run = self._channel, self._run
        said = {"command": action.command, "part": action.part}
        yield from run.announce("grip_intent", **said)
        channel.command(action)
        yield run.tell("gripper", **said)
        if (yield from self._waited(action)):
            channel.part = action.part if action.command == "close" else ""
            run.note("grip_done", **said)
            yield run.tell("gripper_done", **said)
        else:
            yield from run.end_with(self._unconfirmed(action))

    def demand_held(self) -> Events:
        """Where a run begins with a part in the gripper: wait until the gripper says so, or end the run (X425)."""
        channel = self._channel
        action, channel.part = GripperAction("close", channel.part), ""
        if (yield from self._waited(action)):
            channel.part = action.part
        else:
            yield from self._run.end_with(self._unconfirmed(action))

    def _waited(self, action: GripperAction) -> Generator[Event, None, bool]:
        """Stand until it is confirmed, or for its time; a hold between begins the wait again, and commands nothing."""
        channel, run, lines = self._channel, self._run, self._channel.lines
        if not channel.confirms(action):
            while not (yield from run.stand(lines.stroke_time)):
                pass
            return True

        def done() -> bool:
            return channel.confirmed(action, run.inputs())

        while not (yield from run.stand(lines.timeout, until=done)):
            pass
        return done()

    def _unconfirmed(self, action: GripperAction) -> Finding:
        what = f"closed about '{action.part}'" if action.command == "close" else f"opened to leave '{action.part}'"
        text = f"the gripper has not {what} within {self._channel.lines.timeout:g} s, {self._run.where()}"
        return Finding("X425", text, suggestion="look at the part, the gripper and its sensor")


def held_before(segments: Iterable[FixedSegment]) -> str:
    """The part that the gripper holds after `segments`, empty for none."""
    held = ""
    for segment in segments:
        if segment.gripper is not None:
            held = segment.gripper.part if segment.gripper.command == "close" else ""
    return held
