"""An emulated myCobot controller: frames in, answers out; one point-to-point motion at a time. It knows neither line
nor port.

How the real firmware shapes a motion is not published. Here all joints start and arrive together, with the same
constant acceleration and deceleration.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellctl.emulators.link.line import Said
from cellctl.model.link_faults import Fault
from cellctl.model.pose import FloatArray
from cellctl.model.robot import Robot
from cellctl.model.wires import mycobot as wire
from cellctl.model.wires.mycobot import Command, Decoder, Frame

_TIME_STEP = 0.002
_THINKING = 0.012
"""s that the firmware takes to answer."""
_DONE = b"\x01"


class MycobotArm:
    """A `Controller` of six joints at `angles` (6,), deg, within `lower` and `upper` (6,), deg.

    `top` (6,) is what 100 percent is, deg/s, `acceleration` (6,) deg/s^2.
    """

    busy = False

    def __init__(
        self, angles: FloatArray, *, lower: FloatArray, upper: FloatArray, top: FloatArray, acceleration: FloatArray
    ) -> None:
        self.angles = np.array(angles, dtype=np.float64)
        self.powered = False
        self.error = 0
        self.stuck = False
        self._lower, self._upper, self._top, self._acceleration = lower, upper, top, acceleration
        self._decoder = Decoder()
        self._start = self._goal = self.angles.copy()
        self._way, self._speed = 1.0, 0.0
        self._share = 1.0
        self._paused = self._silent = False
        self._now = 0.0

    @property
    def moving(self) -> bool:
        """True while a goal is not reached."""
        return self._speed > 0.0 or (self._way < 1.0 and not self._paused)

    def hear(self, data: bytes, now: float) -> list[Said]:
        """Obey the frames that are whole with `data`."""
        del now
        frames = self._decoder.feed(data)
        if self._silent:
            return []
        return [Said(_THINKING, wire.encode(Frame(frame.command, self._obey(frame)))) for frame in frames]

    def advance(self, now: float) -> Sequence[Said]:
        """Move on to `now`, s."""
        while self._now + _TIME_STEP <= now:
            self._now += _TIME_STEP
            self._move(_TIME_STEP)
        return ()

    def suffer(self, faults: Sequence[Fault]) -> None:
        """`silent`, `stuck`, `overload` (collision protection) and `reboot` or `brown_out` (power is gone)."""
        kinds = {fault.kind for fault in faults}
        self._silent = bool(kinds & {"silent", "brown_out"})
        self.stuck = "stuck" in kinds
        if "overload" in kinds and not self.error:
            self.error = 16
            self._halt()
        if kinds & {"reboot", "brown_out"}:
            self.powered = False
            self._halt()

    def _obey(self, frame: Frame) -> bytes:
        """What a frame makes the arm do, and the data of its answer."""
        match frame.command:
            case Command.GET_ANGLES:
                return wire.pack_angles(tuple(self.angles))
            case Command.IS_POWERED:
                return bytes([self.powered])
            case Command.IS_MOVING:
                return bytes([self.moving])
            case Command.ERROR:
                return bytes([self.error])
            case Command.CLEAR_ERROR:
                self.error = 0
            case Command.POWER_ON | Command.FOCUS:
                self.powered = True
            case Command.POWER_OFF | Command.RELEASE:
                self.powered = False
                self._halt()
            case Command.PAUSE:
                self._paused = True
            case Command.RESUME:
                self._paused = False
            case Command.STOP:
                self._stop()
            case Command.SEND_ANGLES if len(frame.data) == 13:
                self._go(np.array(wire.unpack_angles(frame.data[:12])), frame.data[12])
            case Command.SEND_ANGLE if len(frame.data) == 4 and 1 <= frame.data[0] <= 6:
                goal = self._goal.copy()
                goal[frame.data[0] - 1] = wire.unpack_angles(frame.data[1:3])[0]
                self._go(goal, frame.data[3])
        return _DONE

    def _go(self, goal: FloatArray, percent: int) -> None:
        outside = (goal < self._lower) | (goal > self._upper)
        if outside.any():
            self.error = int(np.argmax(outside)) + 1
            return
        if not self.powered or self.error or not 1 <= percent <= 100:
            return
        self._halt()
        self._goal, self._way, self._share = goal, 0.0, percent / 100.0
        if not np.abs(goal - self._start).max() > 0.0:
            self._way = 1.0

    def _halt(self) -> None:
        """Stand at once."""
        self._start = self._goal = self.angles.copy()
        self._way, self._speed, self._paused = 1.0, 0.0, False

    def _stop(self) -> None:
        """Slow down on the way, and forget the goal."""
        if self._way < 1.0 and self._speed > 0.0:
            rate = self._rates()[1]
            end = min(self._way + self._speed * self._speed / (2.0 * rate), 1.0)
            self._goal = self._start + end * (self._goal - self._start)
            self._way, self._speed = (self._way / end, self._speed / end) if end else (1.0, 0.0)
        else:
            self._halt()

    def _rates(self) -> tuple[float, float]:
        """Top speed and acceleration, in ways a second."""
        step = np.abs(self._goal - self._start)
        moving = step > 1e-9
        speed = float((self._share * self._top[moving] / step[moving]).min())
        return speed, float((self._acceleration[moving] / step[moving]).min())

    def _move(self, dt: float) -> None:
        if self.stuck or not self.powered or not (self._way < 1.0 or self._speed):
            return
        top, rate = self._rates()
        brake = float(np.sqrt(max(2.0 * rate * (1.0 - self._way), 0.0)))
        wanted = 0.0 if self._paused else min(top, brake)
        self._speed = max(min(wanted, self._speed + rate * dt), self._speed - rate * dt, 0.0)
        if not self._paused:
            self._speed = max(self._speed, min(rate * dt, top))
        self._way += self._speed * dt
        if self._way >= 1.0:
            self._way, self._speed = 1.0, 0.0
        self.angles = self._start + self._way * (self._goal - self._start)


def mycobot_of(robot: Robot, joints: Sequence[float]) -> MycobotArm:
    """An arm with the limits of `robot`, standing at joint values (dof,), rad."""
    lower, upper, top, acceleration = (
        np.degrees(robot.limit_array(name)) for name in ("lower", "upper", "velocity", "acceleration")
    )
    return MycobotArm(np.degrees(joints), lower=lower, upper=upper, top=top, acceleration=acceleration)
