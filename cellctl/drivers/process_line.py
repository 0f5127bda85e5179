"""An arm with some of its cell's signals on a process line: one `Driver` made of both. It knows no protocol.

Signals that are on the line are taken from the arm and given to the line; the others stay with the arm's controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from cellctl.drivers.driver import ArmIdentity, ArmState, CountsLink, Driver, Pace, Setpoint
from cellctl.drivers.stopped_at_exit import StoppedAtExit
from cellctl.errors import Finding
from cellctl.model.cell import Signal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class ProcessLine(Protocol):
    """A process line that is served beside the arm, and whose outputs go off when nobody says any more what is on."""

    @property
    def signals(self) -> frozenset[str]:
        """The signals that are on it."""
        ...

    @property
    def inputs(self) -> frozenset[str]:
        """Those inputs that are on."""
        ...

    @property
    def finding(self) -> Finding | None:
        """Why it was given up, until it is cleared."""
        ...

    @property
    def counters(self) -> DataclassInstance:
        """What happened on it since it was opened."""
        ...

    def tell(self, on: frozenset[str]) -> None:
        """The outputs that shall be on from now; to be said again and again. Does not wait."""
        ...

    def rest(self) -> None:
        """No run says any more what shall be on. Does not wait."""
        ...

    def demand_rest(self) -> None:
        """Wait until what must be off at rest is; raises Faulted where nobody can see that."""
        ...

    def clear(self) -> None:
        """Open it again, outputs off; raises EnvironmentMissing or Faulted where it still fails."""
        ...

    def close(self) -> None:
        """Outputs off, as far as it can still be reached."""
        ...


@dataclass(frozen=True, slots=True)
class BothCounters:
    """What happened on the links to the arm, where it counts, and to its process devices."""

    arm: DataclassInstance | None
    process: DataclassInstance


class ArmWithProcessLine(StoppedAtExit):
    """An `arm` whose cell has these `signals`, some of them on `line`. Runs in real time, as the line does.

    What is wrong with the line is the trouble of a state: the arm slows down on its path. Raises what the arm raises,
    and at a stop Faulted X497.
    """

    def __init__(self, arm: Driver, line: ProcessLine, signals: Sequence[Signal]) -> None:
        self._arm, self._line = arm, line
        own = [signal for signal in signals if signal.name in line.signals]
        self._outputs = {signal.name: 1 << signal.output for signal in own if signal.output is not None}
        self._inputs = {signal.name: 1 << signal.input for signal in own if signal.input is not None}

    @property
    def counters(self) -> BothCounters:
        """What happened on both links."""
        return BothCounters(self._arm.counters if isinstance(self._arm, CountsLink) else None, self._line.counters)

    def identify(self) -> ArmIdentity:
        """The arm's; one in lock-step is kept to its period, for the process devices know no other time."""
        identity = self._arm.identify()
        pace: Pace = "executor" if identity.lock_step else identity.pace
        return replace(
            identity,
            pace=pace,
            outputs=_with(identity.outputs, self._outputs.values()),
            inputs=_with(identity.inputs, self._inputs.values()),
        )

    def read(self) -> ArmState:
        """The measured state now, inputs from both."""
        return self._joined(self._arm.read())

    def exchange(self, setpoint: Setpoint) -> ArmState:
        """One cycle; outputs go to whom they belong."""
        self._line.tell(frozenset(name for name, bit in self._outputs.items() if setpoint.outputs & bit))
        kept = setpoint.outputs & ~sum(self._outputs.values())
        return self._joined(self._arm.exchange(replace(setpoint, outputs=kept)))

    def stop(self) -> ArmState:
        """The process off while the arm decelerates; raises Faulted X497 where nobody can see that it is."""
        self._line.rest()
        state = self._arm.stop()
        self._line.demand_rest()
        return self._joined(state)

    def power(self, state: Literal["off", "on"]) -> None:
        """The arm's power; the process goes off with it."""
        self._line.rest()
        self._arm.power(state)

    def clear(self) -> None:
        """Acknowledge the arm's faults, and open the line again where it was given up."""
        if self._line.finding is not None:
            self._line.clear()
        self._arm.clear()

    def close(self) -> None:
        """Outputs off, then let go of both."""
        self._line.close()
        self._arm.close()

    def _joined(self, state: ArmState) -> ArmState:
        own = sum(self._inputs.values())
        on = sum(self._inputs[name] for name in self._line.inputs if name in self._inputs)
        finding = self._line.finding
        return replace(
            state, inputs=state.inputs & ~own | on, trouble=state.trouble or finding, outputs_heard=finding is None
        )


def _with(lines: int | None, bits: Iterable[int]) -> int | None:
    """The lines of an arm and those of a process line, None where the arm has any."""
    return None if lines is None else lines | sum(bits)
