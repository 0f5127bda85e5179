"""What clients ask of an arm that plans by itself: what it will make of a plan, and that it finds its reference. Its
runs are the executor's.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from typing import get_args

from cellctl.drivers.driver import Driver
from cellctl.drivers.waypoint_arm import Reference, WaypointArm
from cellctl.errors import CellctlError, Finding, UsageError
from cellctl.execution.service.links import ClientLink
from cellctl.execution.service.operating import Answer, Operating, Result
from cellctl.execution.service.protocol import Request
from cellctl.execution.waypoints import followed_plan
from cellctl.files import read_plan, write_plan


class OwnPlanner:
    """The requests `follow`, `reference` and `referenced`. Homing goes on with `go_on`, and clients are heard in
    between.
    """

    def __init__(self, driver: Driver, operating: Operating) -> None:
        self._driver, self._operating = driver, operating
        self._homing: Generator[None, None, None] | None = None
        self._failure: CellctlError | None = None
        self.requests: dict[str, Answer] = {
            "follow": self._follow,
            "reference": self._reference,
            "referenced": self._referenced,
        }

    def go_on(self, *, unless: bool) -> None:
        """Let homing go on for a moment, `unless` there is reason to end it: that, a stop, or nobody with the lease."""
        if self._homing is None:
            return
        operating = self._operating
        stopped = operating.command.demand == "stop" or operating.machine.power == "estop"
        if unless or stopped or operating.unattended:
            text = "finding the reference was stopped, and nobody knows where the arm is"
            self._end(UsageError(Finding("X494", text, suggestion="begin it again")))
            return
        try:
            next(self._homing)
        except StopIteration:
            self._end(None)
        except CellctlError as error:
            self._end(error)

    def _end(self, failure: CellctlError | None) -> None:
        homing, self._homing, self._failure = self._homing, None, failure
        self._operating.homes = False
        with suppress(CellctlError):
            if homing is not None:
                homing.close()

    def _follow(self, client: ClientLink, request: Request) -> Result:
        """Write the plan that the controller makes of the plan file `plan` to the file `to`; moves nothing."""
        self._operating.check(client, request)
        self._operating.refuse_while_running()
        arm = self._demand_own_planner()
        arm.demand_reference()
        plan = followed_plan(read_plan(request.path("plan")), arm, speed=self._operating.command.override)
        write_plan(plan, request.path("to"))
        return {"cycle_time": plan.cycle_time}

    def _reference(self, client: ClientLink, request: Request) -> Result:
        """Begin to find the reference (`how` is `home`, the arm moves) or take the position as it is (`assume`)."""
        self._operating.check(client, request)
        self._operating.refuse_while_running()
        arm = self._demand_own_planner()
        self._operating.machine.demand("start")
        self._operating.command = replace(self._operating.command, demand="run", why="on request")
        self._failure = None
        if request.choice("how", get_args(Reference)) == "assume":
            arm.assume_position()
        else:
            self._homing, self._operating.homes = arm.homing(), True
        return {}

    def _referenced(self, client: ClientLink, request: Request) -> Result:
        """Whether the arm is still on its way to its reference, and whether it knows where it is."""
        del client, request
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        homes = self._operating.homes
        return {"homes": homes, "referenced": not homes and self._demand_own_planner().referenced}

    def _demand_own_planner(self) -> WaypointArm:
        if not isinstance(self._driver, WaypointArm):
            text = f"the driver '{self._driver.identify().name}' takes setpoints and plans nothing by itself"
            raise UsageError(Finding("X494", text))
        return self._driver
