"""DYNAMIXEL servos as an arm needs them: settings, errors, watchdogs, and in which order they are switched on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cellctl.drivers.dynamixel.sensing import Sensing, check_alert, cycle_bytes
from cellctl.drivers.port import Port
from cellctl.drivers.servos import findings
from cellctl.drivers.servos.bus import ServoBus
from cellctl.drivers.servos.servos import Sample, Servos, Writing
from cellctl.errors import Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.dynamixel import DynamixelCodec
from cellctl.model.wires.servo import Register, Reply
from cellctl.model.wiring import ServoAxis, Wiring

SETTINGS_SIZE = reg.SHUTDOWN.address + 1
_LOOKS, _BETWEEN = 3, 0.02
"""How often and how far apart, s, the pose is read before anything is switched on."""
_TWIST = 60
"""steps that two servos on one joint may differ by."""
_ANSWER_TIME, _RESTART_TIME = 0.05, 0.5


class DynamixelServos(Servos):
    """The servos of `wiring` behind a port."""

    goal: Register = reg.GOAL_POSITION
    torque: Register = reg.TORQUE_ENABLE

    def __init__(self, port: Port, wiring: Wiring, limits: Sequence[JointLimits]) -> None:
        super().__init__(ServoBus(port, DynamixelCodec(), baud=wiring.baud), wiring, limits)
        self._sensing = Sensing(self.bus, wiring, limits)

    @property
    def samples(self) -> Mapping[int, Sample]:
        """The last samples."""
        return self._sensing.samples

    @property
    def outputs(self) -> Mapping[int, Sample]:
        """The last samples of outputs, which are asked one a cycle, in their turn."""
        return self._sensing.outputs

    def settled(self) -> Mapping[int, Sample]:
        """Fresh samples of an arm that is not followed."""
        return self._sensing.settled()

    def cycle(self, goals: Mapping[int, int]) -> Finding | None:
        """Goals out, joints back, and one servo, each in its turn, asked how it is."""
        began = self.bus.port.now()
        trouble = self._sensing.cycle(self.bus.codec.write(self.goal, goals), goals)
        if self._sensing.complete >= began:
            self._sensing.check_health()
        return trouble

    @property
    def cycle_bytes(self) -> int:
        """Bytes on the wire in one cycle."""
        return cycle_bytes(self.wiring)

    def forgive(self) -> None:
        """Start servos anew that have latched an error, take watchdogs back that have stopped their servos.

        A servo that has latched an error has no torque, so nothing moves.
        """
        failed = [id for id in sorted(self.wiring.models) if self._has_latched(id)]
        for id in failed:
            self.bus.ask(wire.encode(wire.reboot(id)), (id,), size=0, deadline=self.bus.port.now() + _ANSWER_TIME)
        if failed:
            self.bus.port.wait_until(self.bus.port.now() + _RESTART_TIME)
        self.stand_alone()
        for id in sorted(self.wiring.models):
            self.demand_no_error(id, self.bus.read_register(id, reg.HARDWARE_ERROR))

    def let_go(self) -> None:
        """The one packet that takes the torque of every servo on the bus."""
        self.bus.tell(wire.encode(wire.write(wire.BROADCAST, reg.TORQUE_ENABLE.address, reg.TORQUE_ENABLE.pack(0))))

    def stand_alone(self) -> None:
        """Switch the watchdogs off; told twice and not read back: a servo that has not heard it stops, which it has
        done already.
        """
        for _ in range(2):
            self.bus.write_all(reg.BUS_WATCHDOG, dict.fromkeys(self.wiring.leaders, 0))

    def paused(self, gap: float) -> Finding:
        """The watchdogs have stopped the servos."""
        return findings.paused(gap)

    def demand_no_error(self, id: int, reply: Reply | None) -> None:
        """Raise Faulted X462 with the cause when a servo has latched one."""
        check_alert(self.bus, self.wiring, id, reply)

    def _has_latched(self, id: int) -> bool:
        reply = self.bus.read_register(id, reg.HARDWARE_ERROR)
        return reply is not None and wire.alert(reply) and reply.data != b"\0"

    def _settings(self, id: int) -> bytes | None:
        reply = self.bus.read(id, 0, SETTINGS_SIZE)
        return None if reply is None or wire.refusal(reply) else reply.data

    def _differences(self, id: int, table: bytes) -> Iterable[Finding]:
        wiring, model = self.wiring, self.wiring.models[id]
        gripper = id in {output.id for output in wiring.outputs}
        modes = (reg.POSITION_MODE, reg.CURRENT_POSITION_MODE) if gripper else (reg.POSITION_MODE,)
        expected: list[tuple[str, Register, tuple[int, ...]]] = [
            (f"model number ({model})", reg.MODEL, (reg.MODELS[model].number,)),
            ("operating mode", reg.OPERATING_MODE, modes),
        ]
        leader = next((axis.id for axis in wiring.axes if id in axis.shadows), None)
        if leader is not None:
            expected.append(("id that it follows", reg.SECONDARY_ID, (leader,)))
        elif id in {axis.id for axis in wiring.axes}:
            expected.append(("direction bit", reg.DRIVE_MODE, tuple(range(0, 16, 2))))
        for what, register, choices in expected:
            if (found := register.unpack(table)) not in choices:
                yield findings.differs(wiring, id, what, " or ".join(map(str, choices)), found)
        firmware = reg.FIRMWARE.unpack(table)
        if firmware < wiring.firmware:
            yield findings.differs(wiring, id, "firmware", f"{wiring.firmware} or later", firmware)

    def _limit_differences(self, axis: ServoAxis, limits: JointLimits, table: bytes) -> Iterable[Finding]:
        low, high = reg.MIN_POSITION.unpack(table), reg.MAX_POSITION.unpack(table)
        yield from self.range_differences(axis, limits, low, high)
        speed = reg.VELOCITY_LIMIT.unpack(table) * reg.SPEED_STEP
        if speed < limits.velocity - reg.SPEED_STEP:
            what = f"{limits.velocity:.2f} rad/s or more"
            yield findings.differs(self.wiring, axis.id, "velocity limit", what, f"{speed:.2f} rad/s")

    def _looks(self) -> Sequence[Mapping[int, int]]:
        looks = [self._look() for _ in range(_LOOKS)]
        for axis in self.wiring.axes:
            for id in axis.shadows:
                apart = looks[-1][id] - looks[-1][axis.id]
                if abs(apart) > _TWIST:
                    what = f"it stands {apart} steps from servo {axis.id} on the same joint"
                    raise Faulted(findings.refused(self.wiring, id, what))
        return looks

    def _look(self) -> Mapping[int, int]:
        bus, ids = self.bus, sorted(self.wiring.models)
        bus.port.wait_until(bus.port.now() + _BETWEEN)
        replies = bus.read_all(reg.PRESENT_POSITION.address, reg.PRESENT_POSITION.size, ids)
        missing = [id for id in ids if id not in replies]
        if missing:
            raise Faulted(findings.silent(self.wiring, missing, "when it is to be switched on", bus.port.name, None))
        for id, reply in replies.items():
            self.demand_no_error(id, reply)
        start = reg.PRESENT_POSITION.address
        return {id: reg.PRESENT_POSITION.unpack(reply.data, start) for id, reply in sorted(replies.items())}

    def _first_goal(self, id: int, position: int | None) -> int:
        start = reg.TORQUE_ENABLE.address
        reply = self.bus.read(id, start, reg.GOAL_POSITION.address + reg.GOAL_POSITION.size - start)
        if reply is None or wire.refusal(reply) or position is None:
            raise Faulted(findings.silent(self.wiring, [id], "when it is to be switched on", self.bus.port.name, None))
        holds = reg.TORQUE_ENABLE.unpack(reply.data, start) and reg.BUS_WATCHDOG.unpack(reply.data, start) >= 0
        return reg.GOAL_POSITION.unpack(reply.data, start) if holds else position

    def _switching_on(self, goals: Mapping[int, int], speeds: Mapping[int, float]) -> Iterable[Writing]:
        """A watchdog that has stopped its servo keeps its goals from being written; it is armed last."""
        yield reg.BUS_WATCHDOG, 0
        yield reg.GOAL_POSITION, goals
        yield reg.PROFILE_ACCELERATION, 0
        yield reg.PROFILE_VELOCITY, {id: round(speed / reg.SPEED_STEP) for id, speed in speeds.items()}
        yield reg.TORQUE_ENABLE, 1
        yield reg.BUS_WATCHDOG, max(1, round(self.wiring.watchdog / reg.WATCHDOG_STEP))
