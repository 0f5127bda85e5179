"""A stride at a time: on by a segment, a step or a distance and then hold, or back along the certified path.

It decides where to stand; the run moves there. With the arc on there is no stride: a weld is never cut for one.
"""

from __future__ import annotations

from typing import Protocol

from cellctl.execution.control import Stride
from cellctl.execution.following import Follower
from cellctl.execution.telling import Events

_SAME_PLACE = 1e-9


class Mover(Protocol):
    """What strides need of the run that they are a part of."""

    def creep_to(self, goal: float, *, give_up_when_held: bool) -> Events:
        """Move to path time `goal` of this segment, forward or back, and stand there."""
        ...

    def pause(self) -> Events:
        """Hold, until somebody asks to go on."""
        ...

    @property
    def executing(self) -> bool:
        """Whether the run may move."""
        ...


class Strides:
    """Where strides end on one path."""

    def __init__(self, path: Follower, run: Mover) -> None:
        self._path, self._run = path, run
        self._left = 0.0

    def on(self, stride: Stride, *, until: float) -> Events:
        """Go on by a distance and hold there, or to path time `until` with the rest of it still to go."""
        goal, left = self._path.time_after(self._left or stride.distance, forward=True)
        if goal > until:
            goal, left = until, left or stride.distance
        yield from self._run.creep_to(goal, give_up_when_held=False)
        self._left = left
        if not left:
            yield from self._run.pause()

    def after_segment(self, stride: Stride | None) -> Events:
        """Hold at the beginning of a segment where the stride ends there."""
        if stride is not None and (stride.unit == "segment" or (stride.unit == "step" and self._begins_step())):
            yield from self._run.pause()

    def back(self, stride: Stride) -> Events:
        """Go back by one stride, from standstill to standstill; a hold on the way ends it there.

        Nothing goes back over a grip or a release: the path behind was proved without the part, or with it. Nor does
        anything go back over a screw.
        """
        path, left = self._path, stride.distance
        while self._run.executing and not self._at_barrier():
            if path.tau <= _SAME_PLACE:
                path.enter(path.index - 1, path.segments[path.index - 1].duration)
            goal = 0.0
            if stride.unit == "distance":
                goal, left = path.time_after(left, forward=False)
            yield from self._run.creep_to(goal, give_up_when_held=True)
            done = {"segment": True, "step": self._begins_step(), "distance": left <= 0.0}
            if done[stride.unit]:
                return

    def _at_barrier(self) -> bool:
        """Whether there is no way back from here."""
        path = self._path
        before = path.segments[path.index - 1] if path.index else None
        begins = path.tau <= _SAME_PLACE and (before is None or before.is_done_once)
        return begins or path.segment.is_done_once

    def _begins_step(self) -> bool:
        """Whether the segment here is the first of its step."""
        index = self._path.index
        return index == 0 or self._path.segments[index - 1].step != self._path.segment.step
