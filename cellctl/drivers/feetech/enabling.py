"""From an open port to an arm that holds: who is there, is it as the wiring says, then torque on, moving nothing.

Nothing is remembered from before: the first goal of a servo without torque is the position that it measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cellctl.drivers import servo_findings as findings
from cellctl.drivers.feetech.bus import FeetechBus
from cellctl.drivers.feetech.findings import reported
from cellctl.drivers.feetech.sensing import START, Sample, Sensing
from cellctl.errors import EnvironmentMissing, Faulted, Finding
from cellctl.model.robot import JointLimits
from cellctl.model.wires import feetech_registers as reg
from cellctl.model.wires.feetech import Packet
from cellctl.model.wires.feetech_registers import Register
from cellctl.model.wiring import ServoAxis, Wiring

_SAMPLES = 3
_LOOKS = 5
_WRITES = 3
_NOISE = 4
"""steps that a joint at rest may seem to move between samples."""
_SPEED_ROOM = 1.1
_SETTINGS_SIZE = START


def check_arm(bus: FeetechBus, wiring: Wiring, limits: Sequence[JointLimits]) -> None:
    """Ask every servo who it is and how it is set; raises EnvironmentMissing E553 or E554 with all differences."""
    ids = sorted(wiring.models)
    tables = {id: table for id in ids if (table := _settings(bus, id)) is not None}
    missing = [id for id in ids if id not in tables]
    if missing:
        raise EnvironmentMissing(findings.no_answer(bus.port.name, wiring, missing))
    wrong = [finding for id in ids for finding in _servo_differences(wiring, id, tables[id])]
    for axis, limit in zip(wiring.axes, limits, strict=True):
        wrong += _range_differences(wiring, axis, limit, tables[axis.id])
    if wrong:
        raise EnvironmentMissing(wrong)


def _settings(bus: FeetechBus, id: int) -> bytes | None:
    """The settings of a servo as two readings in a row agree on them, since the checksum alone may let others pass."""
    before: bytes | None = None
    for _ in range(_LOOKS):
        reply = bus.read(id, 0, _SETTINGS_SIZE)
        if reply is None or reply.parameters == before:
            break
        before = reply.parameters
    return before


def _servo_differences(wiring: Wiring, id: int, table: bytes) -> list[Finding]:
    wrong: list[Finding] = []
    model = wiring.models[id]
    found = reg.MODEL.unpack(table)
    if found != reg.MODELS[model]:
        wrong.append(findings.differs(wiring, id, f"model number ({model})", reg.MODELS[model], found))
    if reg.MODE.unpack(table) != reg.POSITION_MODE:
        wrong.append(findings.differs(wiring, id, "mode", reg.POSITION_MODE, reg.MODE.unpack(table)))
    if reg.PHASE.unpack(table) & reg.MULTI_TURN_PHASE:
        wrong.append(findings.differs(wiring, id, "multi-turn bit of phase", 0, 1))
    firmware = reg.FIRMWARE_MAJOR.unpack(table)
    if firmware < wiring.firmware:
        wrong.append(findings.differs(wiring, id, "firmware", f"{wiring.firmware} or later", firmware))
    return wrong


def _range_differences(wiring: Wiring, axis: ServoAxis, limits: JointLimits, table: bytes) -> list[Finding]:
    """A range of a servo that is narrower than the one that was planned with; both 0 means none at all."""
    ends = sorted((axis.raw(limits.lower), axis.raw(limits.upper)))
    low, high = reg.MIN_POSITION.unpack(table), reg.MAX_POSITION.unpack(table)
    if (low, high) == (0, 0) or (low <= max(ends[0], 0) and high >= min(ends[1], reg.STEPS - 1)):
        return []
    what = f"{ends[0]} .. {ends[1]} or more"
    return [findings.differs(wiring, axis.id, "range of positions", what, f"{low} .. {high}")]


def enable(bus: FeetechBus, sensing: Sensing, wiring: Wiring, limits: Sequence[JointLimits]) -> dict[int, int]:
    """Switch the torque on where the arm stands; returns the goals by id.

    A servo that holds already keeps its goal: a goal set to the measured position would let the arm sink by what
    gravity holds it away from it. Raises Faulted X461, X462, X466, X467 or X468; nothing has moved then.
    """
    samples = _standing_still(sensing, wiring)
    goals = {id: sample.goal if sample.torque else sample.position for id, sample in samples.items()}
    for axis, limit in zip(wiring.axes, limits, strict=True):
        value = axis.joint_value(samples[axis.id].position)
        if not limit.lower - reg.STEP <= value <= limit.upper + reg.STEP:
            raise Faulted(findings.outside(wiring, axis.id, axis.joint, value, limit.lower, limit.upper))
    for output in wiring.outputs:
        goals[output.id] = _first_goal(bus, wiring, output.id)
    _write(bus, wiring, reg.GOAL_POSITION, goals)
    _write(bus, wiring, reg.ACCELERATION, dict.fromkeys(goals, 0))
    _write(bus, wiring, reg.GOAL_VELOCITY, _speed_caps(wiring, limits))
    _write(bus, wiring, reg.TORQUE_ENABLE, dict.fromkeys(goals, 1))
    return goals


def disable(bus: FeetechBus, wiring: Wiring) -> None:
    """Take the torque away."""
    _write(bus, wiring, reg.TORQUE_ENABLE, dict.fromkeys(sorted(wiring.models), 0))


def forgive(bus: FeetechBus, wiring: Wiring) -> None:
    """Switch off the torque of servos that report an error and have let go already; raises Faulted X462 when the error
    stays.
    """
    failed = [id for id, bits in _errors(bus, wiring).items() if bits]
    if failed:
        bus.write_all(reg.TORQUE_ENABLE, dict.fromkeys(failed, 0))
    for id, bits in _errors(bus, wiring).items():
        if bits:
            raise Faulted(reported(wiring, id, bits))


def _errors(bus: FeetechBus, wiring: Wiring) -> dict[int, int]:
    ids = sorted(wiring.models)
    replies = bus.read_all(reg.STATUS.address, reg.STATUS.size, ids)
    missing = [id for id in ids if id not in replies]
    if missing:
        raise Faulted(findings.silent(wiring, missing, "when the fault is cleared", bus.port.name, None))
    return {id: reply.code for id, reply in replies.items()}


def _standing_still(sensing: Sensing, wiring: Wiring) -> dict[int, Sample]:
    """Samples by id, taken several times; raises Faulted when a servo is silent, in error or moves."""
    looks = [sensing.settled() for _ in range(_SAMPLES)]
    for id, last in looks[-1].items():
        if last.errors and all(look[id].errors for look in looks):
            raise Faulted(reported(wiring, id, last.errors))
        positions = [look[id].position for look in looks]
        if max(positions) - min(positions) > _NOISE:
            raise Faulted(findings.refused(wiring, id, "it moves"))
    return looks[-1]


def _first_goal(bus: FeetechBus, wiring: Wiring, id: int) -> int:
    """The goal that a gripper holds, or where it stands when it holds none."""
    reply = bus.read(id, START, reg.TABLE_SIZE - START)
    if reply is None:
        raise Faulted(findings.silent(wiring, [id], "when it is to be switched on", bus.port.name, None))
    register = reg.GOAL_POSITION if reg.TORQUE_ENABLE.unpack(reply.parameters, START) else reg.PRESENT_POSITION
    return register.unpack(reply.parameters, START)


def _speed_caps(wiring: Wiring, limits: Sequence[JointLimits]) -> dict[int, int]:
    """What the servos themselves shall not exceed, steps/s; grippers may do as they can."""
    caps = {output.id: 0 for output in wiring.outputs}
    for axis, limit in zip(wiring.axes, limits, strict=True):
        caps[axis.id] = max(1, round(_SPEED_ROOM * limit.velocity / reg.STEP))
    return caps


def _write(bus: FeetechBus, wiring: Wiring, register: Register, values: Mapping[int, int]) -> None:
    """Write one register and read it back from all; raises Faulted X462 or X468 when one does not hold it."""
    replies, held, wrong = dict[int, Packet](), dict[int, int](), list(values)
    for _ in range(_WRITES):
        bus.write_all(register, values)
        replies = bus.read_all(register.address, register.size, values)
        held = {id: register.unpack(reply.parameters, register.address) for id, reply in replies.items()}
        wrong = [id for id, value in values.items() if held.get(id) != value]
        if not wrong:
            return
    id = wrong[0]
    if id in replies and replies[id].code:
        raise Faulted(reported(wiring, id, replies[id].code))
    found = held.get(id, "not answered")
    raise Faulted(findings.refused(wiring, id, f"{register.name} should be {values[id]} and is {found}"))
