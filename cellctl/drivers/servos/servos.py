"""The servos of one arm, whatever they speak: who is there, is it as the wiring says, torque on where it stands, moving
nothing. It follows no path.

Nothing is remembered from before: the first goal of a servo without torque is the position that it measures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellctl.drivers.servos import findings
from cellctl.drivers.servos.bus import ServoBus
from cellctl.errors import EnvironmentMissing, Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires.servo import Register, Reply
from cellctl.model.wiring import STEP, STEPS, ServoAxis, Wiring

_WRITES = 3
_NOISE = 4
"""steps that a joint at rest may seem to move between looks."""
_SPEED_ROOM = 1.1


@dataclass(frozen=True, slots=True)
class Sample:
    """What one servo said at `time`, s: its position (steps), speed (rad/s) and torque (Nm, about), the goal that it
    holds; where its protocol tells them, its count of milliseconds, whether it has torque, and its error bits.
    """

    time: float
    position: int
    speed: float
    torque: float
    goal: int
    tick: int = 0
    holds: bool = True
    errors: int = 0


Writing = tuple[Register, int | Mapping[int, int]]
"""A register of the leading servos, and what is written into all of them, or into each by its id."""


class Servos(ABC):
    """What an arm asks of its servos. Everything raises PortLost when the port is gone."""

    def __init__(self, bus: ServoBus[Any], wiring: Wiring, limits: Sequence[JointLimits]) -> None:
        self.bus, self.wiring, self.limits = bus, wiring, limits

    # What each protocol does in its own way --------------------------------------------------------------------------

    goal: Register
    torque: Register

    @property
    @abstractmethod
    def samples(self) -> Mapping[int, Sample]:
        """The last sample of every servo with a joint, by id."""

    @property
    def outputs(self) -> Mapping[int, Sample]:
        """The last sample of every servo that is an output, by id, as far as they have been asked."""
        return {}

    @abstractmethod
    def settled(self) -> Mapping[int, Sample]:
        """Fresh samples of an arm that is not followed; raises Faulted X461 or X466."""

    @abstractmethod
    def cycle(self, goals: Mapping[int, int]) -> Finding | None:
        """Send goals once, read back what the joints have come to.

        Returns the trouble that lets the arm slow down on its path; raises Faulted X461 to X466 for what does not.
        """

    @property
    @abstractmethod
    def cycle_bytes(self) -> int:
        """Bytes on the wire in one cycle."""

    @abstractmethod
    def forgive(self) -> None:
        """Let servos forget latched errors whose cause is gone, switching nothing on; raises Faulted X462."""

    @abstractmethod
    def let_go(self) -> None:
        """Take every torque at once, unanswered."""

    @abstractmethod
    def stand_alone(self) -> None:
        """The arm stands under torque and is no longer spoken to."""

    @abstractmethod
    def paused(self, gap: float) -> Finding:
        """What it means that nothing was sent for `gap` s."""

    @abstractmethod
    def _settings(self, id: int) -> bytes | None:
        """The table of a servo up to its settings' end; None when it does not answer."""

    @abstractmethod
    def _differences(self, id: int, table: bytes) -> Iterable[Finding]:
        """What a servo is otherwise than the wiring says."""

    @abstractmethod
    def _limit_differences(self, axis: ServoAxis, limits: JointLimits, table: bytes) -> Iterable[Finding]:
        """Limits in a servo that are narrower than those that were planned with."""

    @abstractmethod
    def _looks(self) -> Sequence[Mapping[int, int]]:
        """Positions by id, looked at several times; raises Faulted when a servo is silent or in error."""

    @abstractmethod
    def _first_goal(self, id: int, position: int | None) -> int:
        """The goal that a servo holds, or where it stands when it holds none."""

    @abstractmethod
    def _switching_on(self, goals: Mapping[int, int], speeds: Mapping[int, float]) -> Iterable[Writing]:
        """What is written, one after the other, to switch servos on with goals and top speeds (rad/s, 0 for none)."""

    @abstractmethod
    def demand_no_error(self, id: int, reply: Reply | None) -> None:
        """Raise Faulted X462 with the cause when a servo says that it has an error."""

    # What all have in common -----------------------------------------------------------------------------------------

    def check(self) -> None:
        """Ask every servo who it is and how it is set; raises EnvironmentMissing E553 or E554 with all differences."""
        wiring = self.wiring
        tables = {id: table for id in sorted(wiring.models) if (table := self._settings(id)) is not None}
        missing = [id for id in sorted(wiring.models) if id not in tables]
        if missing:
            raise EnvironmentMissing(findings.no_answer(self.bus.port.name, wiring, missing))
        wrong = [finding for id, table in tables.items() for finding in self._differences(id, table)]
        for axis, limits in zip(wiring.axes, self.limits, strict=True):
            wrong += self._limit_differences(axis, limits, tables[axis.id])
        if wrong:
            raise EnvironmentMissing(wrong)

    def range_differences(self, axis: ServoAxis, limits: JointLimits, low: int, high: int) -> Iterable[Finding]:
        """A range of positions, steps, that is narrower than the one that was planned with."""
        ends = sorted((axis.raw(limits.lower), axis.raw(limits.upper)))
        if low > max(ends[0], 0) or high < min(ends[1], STEPS - 1):
            what = f"{ends[0]} .. {ends[1]} or more"
            yield findings.differs(self.wiring, axis.id, "range of positions", what, f"{low} .. {high}")

    def enable(self) -> dict[int, int]:
        """Switch the torque on where the arm stands; returns the goals by id.

        A servo that holds already keeps its goal: a goal set to the measured position would let the arm sink by what
        gravity holds it away from it. Raises Faulted X461, X462, X466, X467 or X468; nothing has moved then.
        """
        positions = self._standing_still()
        for axis, limit in zip(self.wiring.axes, self.limits, strict=True):
            value = axis.joint_value(positions[axis.id])
            if not limit.lower - STEP <= value <= limit.upper + STEP:
                raise Faulted(findings.outside(self.wiring, axis.id, axis.joint, value, limit.lower, limit.upper))
        goals = {id: self._first_goal(id, positions.get(id)) for id in self.wiring.leaders}
        for register, values in self._switching_on(goals, self._top_speeds()):
            self._write(register, values)
        return goals

    def disable(self) -> None:
        """Take the torque away; raises Faulted X468 for a servo that holds all the same."""
        self.let_go()
        self._write(self.torque, 0)

    def tell(self, goals: Mapping[int, int]) -> None:
        """Send goals without asking for anything."""
        self.bus.write_all(self.goal, goals)

    def hold(self, goals: Mapping[int, int]) -> None:
        """Send goals until every servo that answers holds them, three times at most; raises Faulted X465.

        The last goal of a motion is the one that no later one would correct.
        """
        wrong: list[int] = []
        for _ in range(_WRITES):
            self.tell(goals)
            replies = self.bus.read_all(self.goal.address, self.goal.size, goals)
            held = {id: self.goal.unpack(reply.data, self.goal.address) for id, reply in replies.items() if reply.data}
            wrong = [id for id, goal in held.items() if goal != goals[id]]
            if not wrong:
                return
        raise Faulted(findings.deaf(self.wiring, wrong[0], _WRITES))

    def _standing_still(self) -> Mapping[int, int]:
        """Positions by id; raises Faulted when a servo moves, or stands apart from another one on its joint."""
        looks = self._looks()
        for id in looks[-1]:
            positions = [look[id] for look in looks]
            if max(positions) - min(positions) > _NOISE:
                raise Faulted(findings.refused(self.wiring, id, "it moves"))
        return looks[-1]

    def _top_speeds(self) -> dict[int, float]:
        """What the servos themselves shall not exceed, rad/s; grippers may do as they can."""
        speeds = dict.fromkeys(self.wiring.leaders, 0.0)
        for axis, limit in zip(self.wiring.axes, self.limits, strict=True):
            speeds[axis.id] = _SPEED_ROOM * limit.velocity
        return speeds

    def _write(self, register: Register, values: int | Mapping[int, int]) -> None:
        """Write one register of the leading servos and read it back from all; raises Faulted X462 or X468 when one does
        not hold it.
        """
        wiring = self.wiring
        written = dict.fromkeys(wiring.leaders, values) if isinstance(values, int) else dict(values)
        expected = written | {id: written[axis.id] for axis in wiring.axes for id in axis.shadows}
        replies, held, wrong = dict[int, Reply](), dict[int, int](), list(expected)
        for _ in range(_WRITES):
            self.bus.write_all(register, written)
            replies = self.bus.read_all(register.address, register.size, expected)
            held = {
                id: register.unpack(reply.data, register.address)
                for id, reply in replies.items()
                if len(reply.data) == register.size
            }
            wrong = [id for id, value in expected.items() if held.get(id) != value]
            if not wrong:
                return
        self.demand_no_error(wrong[0], replies.get(wrong[0]))
        what = f"{register.name} should be {expected[wrong[0]]} and is {held.get(wrong[0], 'not answered')}"
        raise Faulted(findings.refused(wiring, wrong[0], what))
