"""An emulated GRBL controller: lines and real-time bytes in, answers, status and alarms out. It knows neither line nor
port.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from cellctl.emulators.grbl.interpreter import Dwell, Interpreter, Move, Objection, Order
from cellctl.emulators.grbl.motion import MotionQueue
from cellctl.emulators.grbl.settings import MachineSettings, settings_of
from cellctl.emulators.link.line import Said
from cellctl.model.gcode_wiring import homed_robot
from cellctl.model.link_faults import Fault
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wires import gcode

_HOMING_TIME = 0.5
_LONGEST_LINE = 80
_LOCKED, _NOT_IDLE, _TOO_LONG, _NO_NUMBER, _NO_STATEMENT, _HOMING_OFF, _JOG_TRAVEL = 9, 8, 11, 2, 3, 5, 15
_COMMANDS = "$GCX#HSIRN"
"""What may follow a `$`, beside a number."""
_CODES = {
    gcode.STATUS_REQUEST[0],
    gcode.FEED_HOLD[0],
    gcode.RESUME[0],
    gcode.SOFT_RESET[0],
    gcode.SAFETY_DOOR[0],
    gcode.JOG_CANCEL[0],
}


class GrblMachine:
    """A `Controller` with a planner, standing at `position` (n,), controller units. It never loses a step, so homing
    finds it where it is.

    `outputs` are the switches that are on, `overflows` counts bytes that found no room.
    """

    def __init__(self, settings: MachineSettings, position: FloatArray) -> None:
        self.settings = settings
        self.outputs: set[int] = set()
        self.overflows = 0
        self.homed = False
        self.motion = MotionQueue(position, settings.limits, size=settings.blocks)
        self._parser = Interpreter(np.array(position, dtype=np.float64))
        self._received = bytearray()
        self._orders: deque[Order] = deque()
        self._waiting_ok = 0
        self._held_outputs: set[int] | None = None
        self._jogs = self._cancels = self._checks = self._dwells = False
        self._alarm = settings.homing
        self._busy_until = self._now = 0.0
        self._homes = self._asleep = False
        self._silent = False
        self._said: list[str] = []

    @property
    def busy(self) -> bool:
        """True while something moves or waits, so that time must not be skipped."""
        return self.motion.moves or bool(self._orders) or self._homes or bool(self._received)

    @property
    def state(self) -> str:
        """As a status report says it."""
        if self._homes:
            return "Home"
        if self._alarm:
            return "Alarm"
        if self._checks:
            return "Check"
        if self._held_outputs is not None:
            return "Door:2" if self.motion.speed else "Door:0"
        if self.motion.holding:
            return "Hold:1" if self.motion.speed else "Hold:0"
        if self.motion.moves or self._orders:
            return "Jog" if self._jogs else "Run"
        return "Idle"

    # Line ----------------------------------------------------------------------------------------------------------

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Take bytes: what acts at once does, the rest waits for its turn."""
        self._advance(now)
        if self._silent:
            return []
        for byte in data:
            if byte in _CODES:
                self._act(byte)
            elif byte < 0x80 and len(self._received) < self.settings.receive_buffer - 1:
                self._received.append(byte)
            elif byte < 0x80:
                self.overflows += 1
        self._work()
        return self._spoken()

    def advance(self, now: float) -> list[Said]:
        """Move on to `now`, s."""
        self._advance(now)
        self._work()
        return self._spoken()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """`silent` says nothing, `reboot` starts anew, `overload` is a limit switch that is hit."""
        kinds = {fault.kind for fault in faults}
        self._silent = "silent" in kinds
        if "reboot" in kinds and not self._asleep:
            self._restart(alarm=None)
        if "overload" in kinds and not self._alarm:
            self._lock(1)
        self._asleep = "reboot" in kinds

    def _spoken(self) -> list[Said]:
        said, self._said = self._said, []
        return [Said(0.0, text.encode("ascii") + b"\r\n") for text in said]

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)
        self.motion.advance(now)
        if self._cancels and not self.motion.speed:
            self.motion.clear()
            self._orders.clear()
            self._parser.position = self.motion.position.copy()
            self._jogs = self._cancels = False
        if self._homes and self._now >= self._busy_until:
            self._homes = self._alarm = False
            self.homed = True
            self._said.append("ok")

    # What acts at once ---------------------------------------------------------------------------------------------

    def _act(self, byte: int) -> None:
        match bytes([byte]):
            case gcode.STATUS_REQUEST:
                self._said.append(self._report())
            case gcode.SOFT_RESET:
                self._restart(alarm=3 if self.motion.speed else None)
            case gcode.FEED_HOLD if self.state in ("Idle", "Run", "Jog"):
                self.motion.holding, self._cancels = True, self._jogs
            case gcode.JOG_CANCEL if self._jogs:
                self.motion.holding = self._cancels = True
            case gcode.SAFETY_DOOR if not self._alarm:
                self.motion.holding = True
                self._held_outputs, self.outputs = set(self.outputs), set()
            case gcode.RESUME if not self.motion.speed:
                self.motion.holding = False
                self.outputs = self._held_outputs if self._held_outputs is not None else self.outputs
                self._held_outputs = None

    def _restart(self, *, alarm: int | None) -> None:
        """Forget everything but the settings; a machine that moved no longer knows where it is."""
        moved = bool(self.motion.speed)
        if alarm is not None:
            self._said.append(f"ALARM:{alarm}")
        self.motion.clear()
        self._orders.clear()
        self._received.clear()
        self.outputs.clear()
        self._held_outputs, self._waiting_ok = None, 0
        self._jogs = self._cancels = self._checks = self._homes = self._dwells = False
        self._alarm = self._alarm or alarm is not None or moved
        self.homed = self.homed and not moved
        self._parser = Interpreter(self.motion.position.copy())
        self._said.append("Grbl 1.1h ['$' for help]")
        if self._alarm:
            self._said.append("[MSG:'$H'|'$X' to unlock]")

    def _lock(self, alarm: int) -> None:
        """Stop at once and lock."""
        self.homed = self.homed and alarm in gcode.POSITION_KEPT
        self.motion.clear()
        self._orders.clear()
        self.outputs.clear()
        self._alarm = True
        self._said += [f"ALARM:{alarm}", "[MSG:Reset to continue]"]
        self._parser.position = self.motion.position.copy()

    # Lines ---------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Take orders and lines as long as there is room."""
        while not self._homes:
            if self._orders and not self._carry_out():
                break
            if self._orders:
                continue
            if self._waiting_ok:
                self._waiting_ok = 0
                self._said.append("ok")
            end = self._received.find(b"\n")
            if end < 0 or (self.motion.holding and not self._received.startswith(b"$")):
                break
            line = self._received[:end].decode("ascii").strip()
            del self._received[: end + 1]
            self._take(line)
        if not self.motion.moves:
            self._jogs = False

    def _carry_out(self) -> bool:
        """Begin the next order; False while it has to wait."""
        order = self._orders[0]
        if isinstance(order, Move):
            if not self.motion.free:
                return False
            self.motion.add(order.target, order.duration)
        elif self.motion.moves:
            return False
        elif isinstance(order, Dwell):
            if not self._dwells:
                self._busy_until, self._dwells = self._now + order.seconds, True
            if self._now < self._busy_until:
                return False
            self._dwells = False
        else:
            self._switch(order.word)
        self._orders.popleft()
        return True

    def _switch(self, word: int) -> None:
        if word in (3, 4, 7, 8):
            self.outputs.add(word)
        else:
            self.outputs -= {3, 4} if word == 5 else {7, 8}

    def _take(self, line: str) -> None:
        """Answer a line now, or when what it asks for is in the planner."""
        try:
            if len(line) >= _LONGEST_LINE:
                raise Objection(_TOO_LONG)
            if line.startswith("$"):
                self._command(line)
                return
            if self._alarm or self._jogs:
                raise Objection(_LOCKED)
            orders = self._parser.orders(line)
            if self._beyond(orders):
                self._lock(2)
                return
        except Objection as objection:
            self._said.append(f"error:{objection.number}")
            return
        if not self._checks:
            self._orders.extend(orders)
        self._waiting_ok = 1

    def _beyond(self, orders: Sequence[Order]) -> bool:
        return any(self.settings.leaves_travel(order.target) for order in orders if isinstance(order, Move))

    def _command(self, line: str) -> None:
        idle = self.state in ("Idle", "Alarm", "Check")
        if line.startswith("$J="):
            self._jog(line[3:])
        elif not idle:
            raise Objection(_NOT_IDLE)
        elif line == "$H":
            if not self.settings.homing:
                raise Objection(_HOMING_OFF)
            self._homes, self._busy_until = True, self._now + _HOMING_TIME
        elif line in ("$", "$$", "$I", "$X", "$C"):
            self._plain_command(line)
        else:
            raise Objection(_NO_STATEMENT if line[1] in _COMMANDS or line[1].isdigit() else _NO_NUMBER)

    def _plain_command(self, line: str) -> None:
        if line == "$$":
            self._said += self.settings.listed()
        elif line == "$I":
            self._said += self.settings.built()
        elif line == "$X" and self._alarm:
            self._alarm = False
            self._said.append("[MSG:Caution: Unlocked]")
        elif line == "$C":
            if self._alarm:
                raise Objection(_NOT_IDLE)
            if self._checks:
                self._said += ["[MSG:Disabled]", "ok"]
                self._restart(alarm=None)
                return
            self._checks = True
            self._said.append("[MSG:Enabled]")
        self._said.append("ok")

    def _jog(self, line: str) -> None:
        if self.state not in ("Idle", "Jog"):
            raise Objection(_LOCKED if self._alarm else _NOT_IDLE)
        move = self._parser.jog(line)
        if self._beyond([move]):
            raise Objection(_JOG_TRAVEL)
        self._parser.position = move.target
        self._jogs = True
        self._orders.append(move)
        self._waiting_ok = 1

    def _report(self) -> str:
        position = ",".join(f"{value:.3f}" for value in self.motion.position)
        free = f"{self.motion.free},{self.settings.receive_buffer - 1 - len(self._received)}"
        return f"<{self.state}|MPos:{position}|Bf:{free}|FS:{60.0 * self.motion.speed:.0f},0>"


def machine_of(robot: Robot, joints: Sequence[float]) -> GrblMachine:
    """The controller of `robot`, set to its limits, standing at joint values (dof,), rad."""
    return GrblMachine(settings_of(robot), homed_robot(robot).machine_values(np.asarray(joints, dtype=np.float64)))
