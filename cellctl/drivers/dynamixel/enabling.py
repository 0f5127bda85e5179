"""From an open port to an arm that holds: who is there, is it as the wiring says, then torque on, moving nothing.

Nothing is remembered from before: the first goal of a servo without torque is the position that it measures.
"""

from __future__ import annotations

from collections.abc import Sequence

from cellctl.drivers import servo_findings as findings
from cellctl.drivers.dynamixel.bus import DynamixelBus
from cellctl.errors import EnvironmentMissing, Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires import dynamixel as wire
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.dynamixel import Packet, Reply
from cellctl.model.wires.dynamixel_registers import Register
from cellctl.model.wiring import ServoAxis, Wiring

_SAMPLES, _BETWEEN = 3, 0.02
"""How often and how far apart, s, the pose is read before anything is switched on."""
_WRITES = 3
_NOISE = 4
"""steps that a joint at rest may seem to move between samples."""
_TWIST = 60
"""steps that two servos on one joint may differ by."""
_SPEED_ROOM = 1.1
SETTINGS_SIZE = reg.SHUTDOWN.address + 1


def check_arm(bus: DynamixelBus, wiring: Wiring, limits: Sequence[JointLimits]) -> None:
    """Ask every servo who it is and how it is set; raises EnvironmentMissing E553 or E554 with all differences."""
    ids = sorted(wiring.models)
    tables: dict[int, bytes] = {}
    for id in ids:
        reply = bus.read(id, 0, SETTINGS_SIZE)
        if reply is not None and not reply.refused:
            tables[id] = reply.data
    missing = [id for id in ids if id not in tables]
    if missing:
        raise EnvironmentMissing(findings.no_answer(bus.port.name, wiring, missing))
    wrong = [finding for id in ids for finding in _servo_differences(wiring, id, tables[id])]
    for axis, limit in zip(wiring.axes, limits, strict=True):
        wrong += _limit_differences(wiring, axis, limit, tables[axis.id])
    if wrong:
        raise EnvironmentMissing(wrong)


def _servo_differences(wiring: Wiring, id: int, table: bytes) -> list[Finding]:
    model, axis_ids = wiring.models[id], {axis.id for axis in wiring.axes}
    wrong: list[Finding] = []

    def expect(what: str, register: Register, *choices: int) -> None:
        found = register.unpack(table)
        if found not in choices:
            wrong.append(findings.differs(wiring, id, what, " or ".join(map(str, choices)), found))

    expect(f"model number ({model})", reg.MODEL, reg.MODELS[model].number)
    gripper = id in {output.id for output in wiring.outputs}
    modes = (reg.POSITION_MODE, reg.CURRENT_POSITION_MODE) if gripper else (reg.POSITION_MODE,)
    expect("operating mode", reg.OPERATING_MODE, *modes)
    leader = next((axis.id for axis in wiring.axes if id in axis.shadows), None)
    if leader is not None:
        expect("id that it follows", reg.SECONDARY_ID, leader)
    elif id in axis_ids:
        expect("direction bit", reg.DRIVE_MODE, *(mode for mode in range(256) if not mode & 1 and mode < 16))
    firmware = reg.FIRMWARE.unpack(table)
    if firmware < wiring.firmware:
        wrong.append(findings.differs(wiring, id, "firmware", f"{wiring.firmware} or later", firmware))
    return wrong


def _limit_differences(wiring: Wiring, axis: ServoAxis, limits: JointLimits, table: bytes) -> list[Finding]:
    """Limits of a servo that are narrower than those that were planned with."""
    wrong: list[Finding] = []
    ends = sorted((axis.raw(limits.lower), axis.raw(limits.upper)))
    low, high = reg.MIN_POSITION.unpack(table), reg.MAX_POSITION.unpack(table)
    if low > max(ends[0], 0) or high < min(ends[1], reg.STEPS - 1):
        what = f"{ends[0]} .. {ends[1]} or more"
        wrong.append(findings.differs(wiring, axis.id, "range of positions", what, f"{low} .. {high}"))
    speed = reg.VELOCITY_LIMIT.unpack(table) * reg.SPEED_STEP
    if speed < limits.velocity - reg.SPEED_STEP:
        what = f"{limits.velocity:.2f} rad/s or more"
        wrong.append(findings.differs(wiring, axis.id, "velocity limit", what, f"{speed:.2f} rad/s"))
    return wrong


def enable(bus: DynamixelBus, wiring: Wiring, limits: Sequence[JointLimits]) -> dict[int, int]:
    """Switch the torque on where the arm stands and arm the watchdogs; returns the goals by id.

    A servo that holds already keeps its goal: a goal set to the measured position would let the arm sink by what
    gravity holds it away from it. Raises Faulted X461, X462, X466, X467 or X468; nothing has moved then.
    """
    positions = _standing_still(bus, wiring)
    for axis, limit in zip(wiring.axes, limits, strict=True):
        value = axis.joint_value(positions[axis.id])
        if not limit.lower - reg.STEP <= value <= limit.upper + reg.STEP:
            raise Faulted(findings.outside(wiring, axis.id, axis.joint, value, limit.lower, limit.upper))
    leaders = wiring.leaders
    goals = {id: _first_goal(bus, wiring, id, positions[id]) for id in leaders}
    watchdog = max(1, round(wiring.watchdog / reg.WATCHDOG_STEP))
    _write(bus, wiring, reg.BUS_WATCHDOG, dict.fromkeys(leaders, 0))
    _write(bus, wiring, reg.GOAL_POSITION, goals)
    _write(bus, wiring, reg.PROFILE_ACCELERATION, dict.fromkeys(leaders, 0))
    _write(bus, wiring, reg.PROFILE_VELOCITY, _speed_caps(wiring, limits))
    _write(bus, wiring, reg.TORQUE_ENABLE, dict.fromkeys(leaders, 1))
    _write(bus, wiring, reg.BUS_WATCHDOG, dict.fromkeys(leaders, watchdog))
    return goals


def _standing_still(bus: DynamixelBus, wiring: Wiring) -> dict[int, int]:
    """Positions by id, read several times; raises Faulted when a servo is silent, in error or moves."""
    ids, seen = sorted(wiring.models), dict[int, list[int]]()
    for _ in range(_SAMPLES):
        bus.port.wait_until(bus.port.now() + _BETWEEN)
        replies = bus.read_all(reg.PRESENT_POSITION.address, reg.PRESENT_POSITION.size, ids)
        missing = [id for id in ids if id not in replies]
        if missing:
            raise Faulted(findings.silent(wiring, missing, "when it is to be switched on", bus.port.name, None))
        for id, reply in replies.items():
            check_alert(bus, wiring, id, alert=reply.alert)
            seen.setdefault(id, []).append(int.from_bytes(reply.data, "little", signed=True))
    for id, values in seen.items():
        if max(values) - min(values) > _NOISE:
            raise Faulted(findings.refused(wiring, id, "it moves"))
    for axis in wiring.axes:
        for id in axis.shadows:
            if abs(seen[id][-1] - seen[axis.id][-1]) > _TWIST:
                what = f"it stands {seen[id][-1] - seen[axis.id][-1]} steps from servo {axis.id} on the same joint"
                raise Faulted(findings.refused(wiring, id, what))
    return {id: values[-1] for id, values in seen.items()}


def check_alert(bus: DynamixelBus, wiring: Wiring, id: int, *, alert: bool) -> None:
    """Raise Faulted X462 with the cause when a servo says that there is one."""
    if alert:
        reply = bus.read(id, reg.HARDWARE_ERROR.address, reg.HARDWARE_ERROR.size)
        raise Faulted(findings.hardware(wiring, id, reply.data[0] if reply and reply.data else 0))


def _first_goal(bus: DynamixelBus, wiring: Wiring, id: int, position: int) -> int:
    """The goal that a servo holds, or where it stands when it holds none."""
    start = reg.TORQUE_ENABLE.address
    reply = bus.read(id, start, reg.GOAL_POSITION.address + reg.GOAL_POSITION.size - start)
    if reply is None or reply.refused:
        raise Faulted(findings.silent(wiring, [id], "when it is to be switched on", bus.port.name, None))
    holds = reg.TORQUE_ENABLE.unpack(reply.data, start) and reg.BUS_WATCHDOG.unpack(reply.data, start) >= 0
    return reg.GOAL_POSITION.unpack(reply.data, start) if holds else position


def _speed_caps(wiring: Wiring, limits: Sequence[JointLimits]) -> dict[int, int]:
    """What the servos themselves shall not exceed; grippers may do as they can."""
    caps = dict.fromkeys(wiring.leaders, 0)
    for axis, limit in zip(wiring.axes, limits, strict=True):
        caps[axis.id] = max(1, round(_SPEED_ROOM * limit.velocity / reg.SPEED_STEP))
    return caps


def _write(bus: DynamixelBus, wiring: Wiring, register: Register, values: dict[int, int]) -> None:
    """Write one register of the leading servos and read it back from all; raises Faulted X468 when one does not hold
    it.
    """
    expected = values | {id: values[axis.id] for axis in wiring.axes for id in axis.shadows}
    replies: dict[int, Reply] = {}
    for _ in range(_WRITES):
        bus.write_all(register, values)
        replies = bus.read_all(register.address, register.size, expected)
        if all(_held(register, replies.get(id)) == value for id, value in expected.items()):
            return
    id = next(id for id, value in expected.items() if _held(register, replies.get(id)) != value)
    check_alert(bus, wiring, id, alert=id in replies and replies[id].alert)
    held = _held(register, replies.get(id))
    found = "not answered" if held is None else held
    raise Faulted(findings.refused(wiring, id, f"{register.name} should be {expected[id]} and is {found}"))


def _held(register: Register, reply: Reply | None) -> int | None:
    """What a servo holds in a register, None when it did not say."""
    if reply is None or len(reply.data) != register.size:
        return None
    return register.unpack(reply.data, register.address)


def disable(bus: DynamixelBus, wiring: Wiring) -> None:
    """Take the torque away."""
    _write(bus, wiring, reg.TORQUE_ENABLE, dict.fromkeys(wiring.leaders, 0))


def everything_off() -> Packet:
    """The one packet that takes the torque of every servo on the bus."""
    return wire.write(wire.BROADCAST, reg.TORQUE_ENABLE.address, reg.TORQUE_ENABLE.pack(0))


def disarm(bus: DynamixelBus, wiring: Wiring) -> None:
    """Switch the watchdogs off, for an arm that stands under torque and is no longer spoken to.

    Told twice and not read back: a servo that has not heard it stops, which it has done already.
    """
    for _ in range(2):
        bus.write_all(reg.BUS_WATCHDOG, dict.fromkeys(wiring.leaders, 0))


def restart_failed(bus: DynamixelBus, wiring: Wiring) -> list[int]:
    """Start servos anew that have latched a hardware error; returns their ids. They have no torque, so nothing
    moves.
    """
    failed = []
    for id in sorted(wiring.models):
        reply = bus.read(id, reg.HARDWARE_ERROR.address, reg.HARDWARE_ERROR.size)
        if reply is not None and reply.alert and reply.data != b"\0":
            bus.reboot(id)
            failed.append(id)
    return failed
