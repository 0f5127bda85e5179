"""A program on its way to a GRBL controller: as many lines as fit, and what comes back judged. It decides nothing about
stopping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cellctl.drivers.grbl import findings
from cellctl.drivers.grbl.link import GrblLink
from cellctl.drivers.waypoint_arm import FollowedMotion, demand_awake
from cellctl.errors import Faulted
from cellctl.model.gcode_wiring import GcodeWiring
from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import Alarm, Banner, Ok, Refused, Reply, Status

_PREAMBLE = "G21G90G93"
_QUIET = 0.5
"""s without a status report after which the controller is given up."""
_PATH_TOLERANCE = np.radians(3.0)
_PATH_TIME = 0.3
"""s by which the controller may be ahead of or behind its own plan."""
_AT = np.radians(0.02)
_STUCK_REPORTS = 4
_ODD_REPORTS = 2
_OVERTIME = 5.0


class Stream:
    """One motion on its way. `statuses` sends and listens until the arm stands at the end; while it is `held` that may
    take as long as it likes.
    """

    def __init__(
        self, link: GrblLink, wiring: GcodeWiring, followed: FollowedMotion, lost: Callable[[str], Faulted]
    ) -> None:
        self._link, self._wiring, self._motion, self._lost = link, wiring, followed.motion, lost
        self._left = [*reversed((_PREAMBLE, *followed.commands))]
        self.held = False
        self._progress = 0.0
        self._judged_at = link.port.now()
        self._idle = self._odd = self._blocks = 0

    def statuses(self) -> Iterator[Status]:
        """Status reports as they come; raises Faulted X471 to X475."""
        port = self._link.port
        heard = asked = before = port.now()
        end = heard + 1.5 * self._motion.duration + _OVERTIME
        self._link.act(gcode.STATUS_REQUEST)
        while True:
            self._feed()
            now = port.now()
            end += (now - before) * self.held
            before = now
            if now - heard > _QUIET:
                raise self._lost(f"it has said nothing for {now - heard:.1f} s")
            if now > end:
                raise Faulted(findings.out_of_step("the motion takes much longer than its plan"))
            if now >= asked + self._wiring.status_period:
                self._link.act(gcode.STATUS_REQUEST)
                asked += self._wiring.status_period
            latest: Status | None = None
            for reply, line in self._link.hear(asked + self._wiring.status_period):
                self._judge(reply, line)
                if isinstance(reply, Status) and self._believed(reply):
                    latest = reply
            if latest is not None:
                heard = port.now()
                self._count_starved(latest)
                yield latest
                demand_awake(port.now() - heard)
                if self._done(latest):
                    return

    def _feed(self) -> None:
        while self._left and self._link.fits(self._left[-1]):
            self._link.send(self._left.pop())

    def _judge(self, reply: Reply, line: str) -> None:
        match reply:
            case Refused(number):
                raise Faulted(findings.refused(line, number))
            case Alarm(number):
                self._link.forget()
                raise Faulted(findings.alarmed(number))
            case Banner():
                self._link.forget()
                raise Faulted(findings.restarted())
            case Ok() if not line:
                raise Faulted(findings.out_of_step("an answer came that nobody had asked for"))
            case _:
                pass

    def _believed(self, status: Status) -> bool:
        """True for a place on the motion, no further than the arm can have come; raises when too many are not.

        Reports have no checksum, so a single one may be wrong.
        """
        if len(status.position) != len(self._wiring.axes):
            return False
        place, now = self._wiring.joint_values(np.array(status.position)), self._link.port.now()
        latest = self._progress + (now - self._judged_at) + _PATH_TIME
        times = np.linspace(max(self._progress - _PATH_TIME, 0.0), latest, 80)
        off = np.abs(self._motion.joints_at(times) - place).max(axis=1)
        best = int(np.argmin(off))
        if off[best] <= _PATH_TOLERANCE:
            self._progress, self._judged_at, self._odd = float(times[best]), now, 0
            return True
        self._odd += 1
        if self._odd >= _ODD_REPORTS:
            errors = np.abs(self._motion.joints_at(times[best])[0] - place)
            raise Faulted(findings.off_path(self._wiring.joints[int(np.argmax(errors))], float(off[best])))
        return False

    def _count_starved(self, status: Status) -> None:
        """Count a report of a planner that could look no line ahead; one that stands idle tells how many it holds."""
        if status.blocks_free is not None:
            self._blocks = max(self._blocks, status.blocks_free)
            starved = status.state == "Run" and self._left and status.blocks_free >= self._blocks - 1
            self._link.counters.starved += bool(starved)

    def _done(self, status: Status) -> bool:
        """True when the arm stands at the end; raises when it stands and will not go on."""
        if status.state != "Idle":
            self._idle = 0
            return False
        place = self._wiring.joint_values(np.array(status.position))
        at_end = bool(np.abs(place - self._motion.waypoints[-1]).max() <= _AT)
        if at_end and not self._left and not self._link.unanswered:
            return True
        self._idle += 1
        if self._idle < _STUCK_REPORTS:
            return False
        waiting = self._link.unanswered
        what = f"{waiting} lines are not answered" if waiting else "a line was lost on its way"
        raise Faulted(findings.out_of_step(f"the controller stands idle, and {what}"))
