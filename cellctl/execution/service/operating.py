"""What clients ask of an arm: held against lease and machine, and kept as the command that the run is steered by.

It listens to no socket and moves nothing along a path; power and faults are passed to the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, cast, get_args

from cellctl.drivers.driver import Driver
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.execution.clock import Clock
from cellctl.execution.control import ArcChoice, Command, Stride, Unit
from cellctl.execution.machine import Machine, Mode
from cellctl.execution.records.record import RunFolder
from cellctl.execution.service.lease import Lease
from cellctl.execution.service.links import ClientLink
from cellctl.execution.service.protocol import Request
from cellctl.model.event import Event

Result = Mapping[str, object]
Answer = Callable[[ClientLink, Request], Result]

LONGEST_OVERLAP = 0.1
"""m: the most that an arc may be struck before the place where it was cut."""
LONGEST_STRIDE = 10.0
"""m."""
ENABLING = 0.2
"""s: how long a sign of enabling counts in mode T1."""


class Operating:
    """The command of one arm as its clients have made it. `record` is that of a run in progress, None while none is;
    an arm that `homes` is on its way to its reference.
    """

    def __init__(self, driver: Driver, lease: Lease, clock: Clock) -> None:
        self._driver, self._lease, self._clock = driver, lease, clock
        self.machine = Machine()
        self.command = Command()
        self.record: RunFolder | None = None
        self.arc_cut = False
        self.homes = False
        self._enabled_until = 0.0
        self.requests: dict[str, Answer] = {
            "hold": self._hold,
            "stop": self._stop,
            "resume": self._resume,
            "override": self._override,
            "stride": self._stride,
            "back": self._back,
            "clear": self._clear,
            "reset": self._reset,
            "power": self._power,
            "estop": self._estop,
            "mode": self._mode,
            "enable": self._enable,
        }

    def begin(self, record: RunFolder) -> None:
        """A run begins: override and stride stay, everything else is forgotten."""
        self.machine.take("start")
        self.command = Command(override=self.command.override, stride=self.command.stride)
        self.record, self.arc_cut = record, False

    def heard(self, event: Event) -> None:
        """What the run told; a seam that was cut is remembered."""
        if event.kind == "state":
            self.arc_cut = bool(event.data["arc_cut"])

    def end(self, why: str) -> None:
        """Stop, whatever was asked for."""
        self.command = replace(self.command, demand="stop", why=why)

    @property
    def unattended(self) -> bool:
        """Whether nobody alive has the lease."""
        return bool(self._lease.loss(self._clock.now()))

    def protect(self) -> None:
        """Hold, and then stop, where nobody alive has the lease; hold where mode T1 is not enabled."""
        now = self._clock.now()
        lost = self._lease.loss(now)
        if lost:
            demand: Literal["hold", "stop"] = "stop" if self.machine.state == "held" else "hold"
            self.command = replace(self.command, demand=demand, protective=True, why=f"because {lost}")
        elif self.machine.mode == "t1" and now > self._enabled_until and self.command.demand == "run":
            why = "because nobody enables motion in mode t1"
            self.command = replace(self.command, demand="hold", protective=True, why=why)

    def check(self, client: ClientLink, request: Request) -> None:
        """Raise UsageError (X420) unless this client has the lease and says its epoch."""
        epoch = request.arguments.get("epoch")
        self._lease.check(client=client.number, epoch=epoch, now=self._clock.now())

    def refuse_while_running(self) -> None:
        """Raise UsageError (X423) while a run is in progress, or the arm finds its reference."""
        if self.homes:
            raise UsageError(Finding("X423", "the arm finds its reference", suggestion="stop it or wait for its end"))
        if self.record is not None:
            raise UsageError(Finding("X423", "a run is in progress", suggestion="stop it or wait for its end"))

    def note(self, what: str, who: str, **data: object) -> None:
        """Put what somebody asked for into the journal of a run in progress."""
        if self.record is not None:
            self.record.note("operator", what=what, who=who, **data)

    def _hold(self, client: ClientLink, request: Request) -> Result:
        del request
        self.note("hold", client.name)
        if self.command.demand == "run" or self.command.protective:
            why = f"on request of '{client.name}'"
            self.command = replace(self.command, demand="hold", protective=False, why=why)
        return {}

    def _stop(self, client: ClientLink, request: Request) -> Result:
        del request
        self.note("stop", client.name)
        self.command = replace(self.command, demand="stop", why=f"on request of '{client.name}'")
        return {}

    def _resume(self, client: ClientLink, request: Request) -> Result:
        self.check(client, request)
        arc = request.choice("arc", get_args(ArcChoice), default="weld")
        overlap = request.number("overlap") if arc == "restart" else 0.0
        if not 0.0 <= overlap <= LONGEST_OVERLAP:
            raise UsageError(Finding("X422", f"an overlap is at most {LONGEST_OVERLAP * 1e3:g} mm"))
        self._demand_held("resume")
        if self.arc_cut and arc == "weld":
            message = "the arc was cut in the middle of this seam, and is never struck again by itself"
            hint = "resume with arc 'dry' to finish the move, with arc 'restart' and an 'overlap' to weld on, or stop"
            raise UsageError(Finding("X424", message, suggestion=hint))
        self.note("resume", client.name, arc=arc, overlap=overlap)
        self.command = replace(
            self.command,
            demand="run",
            protective=False,
            arc=cast(ArcChoice, arc),
            overlap=overlap,
            go=self.command.go + 1,
            why="on request",
        )
        return {}

    def _stride(self, client: ClientLink, request: Request) -> Result:
        """From now on go one stride at a time, or, with unit 'off', no longer."""
        self.check(client, request)
        unit = request.choice("unit", ("off", *get_args(Unit)))
        if unit == "distance":
            self._refuse_own_planner("a stride by a distance", "go by step or segment")
        stride = None if unit == "off" else Stride(cast(Unit, unit), _distance(request, unit))
        self.note("stride", client.name, unit=unit)
        self.command = replace(self.command, stride=stride)
        return {}

    def _back(self, client: ClientLink, request: Request) -> Result:
        """Go back along the certified path by one stride, and hold there."""
        self.check(client, request)
        unit = request.choice("unit", get_args(Unit))
        self._refuse_own_planner("a way back", "stop, and run the task again from its start")
        stride = Stride(cast(Unit, unit), _distance(request, unit))
        self._demand_held("go back")
        self.note("back", client.name, unit=unit)
        command = self.command
        self.command = replace(
            command, demand="run", protective=False, back=stride, backs=command.backs + 1, why="on request"
        )
        return {}

    def _demand_held(self, what: str) -> None:
        if self.record is None or self.command.demand == "stop" or self.machine.state not in ("holding", "held"):
            raise UsageError(Finding("X423", f"there is no held run to {what}"))

    def _override(self, client: ClientLink, request: Request) -> Result:
        self.check(client, request)
        value = request.number("value")
        if not 0.0 < value <= 1.0:
            raise UsageError(Finding("X422", f"an override lies above 0 and is at most 1, not {value:g}"))
        if self.record is not None:
            self._refuse_own_planner("another speed", "hold or stop, and run again with another override")
        self.note("override", client.name, value=value)
        self.command = replace(self.command, override=value)
        return {}

    def _refuse_own_planner(self, what: str, hint: str) -> None:
        """Raise UsageError (X492) for what an arm that was told its whole motion cannot do any more."""
        arm = self._driver.identify()
        if arm.plans:
            text = (
                f"the controller behind '{arm.name}' was told its motions as they were certified: {what} is another one"
            )
            raise UsageError(Finding("X492", text, suggestion=hint))

    def _clear(self, client: ClientLink, request: Request) -> Result:
        self.check(client, request)
        self.refuse_while_running()
        if self.machine.may("clear"):
            self.machine.take("clear")
            self.machine.take("still")
        self._driver.clear()
        return {}

    def _reset(self, client: ClientLink, request: Request) -> Result:
        self.check(client, request)
        self.refuse_while_running()
        if self.machine.state != "idle":
            self.machine.take("reset")
            self.machine.take("still")
        return {}

    def _power(self, client: ClientLink, request: Request) -> Result:
        """Switch the power; `off` also takes back a software emergency stop."""
        self.check(client, request)
        state = cast(Literal["off", "on"], request.choice("state", ("off", "on")))
        if self.homes:
            self.refuse_while_running()
        self.machine.switch(state)
        try:
            self._driver.power(state)
        except CellctlError:
            self.machine.power = "off"
            raise
        return {}

    def _estop(self, client: ClientLink, request: Request) -> Result:
        """Software emergency stop, category 0: the power goes at once, and the stop is latched."""
        del request
        self.note("estop", client.name)
        self.machine.take("estop")
        if self.record is None:
            self.machine.take("still")
        self._driver.power("off")
        return {}

    def _mode(self, client: ClientLink, request: Request) -> Result:
        self.check(client, request)
        before, mode = self.machine.power, cast(Mode, request.choice("mode", get_args(Mode)))
        if mode == "t1":
            self._refuse_own_planner("reduced speed", "run at a low override in mode auto")
        self.machine.choose(mode)
        if self.machine.power != before:
            self._driver.power("off")
        return {}

    def _enable(self, client: ClientLink, request: Request) -> Result:
        """A sign of the one who enables motion in mode T1; it counts for ENABLING s."""
        self.check(client, request)
        self._enabled_until = self._clock.now() + ENABLING
        return {}


def _distance(request: Request, unit: str) -> float:
    """The argument `distance` (m) of a stride, where its unit is one; raises UsageError (X422)."""
    if unit != "distance":
        return 0.0
    distance = request.number("distance")
    if not 0.0 < distance <= LONGEST_STRIDE:
        raise UsageError(Finding("X422", f"a distance lies above 0 and is at most {LONGEST_STRIDE:g} m"))
    return distance
