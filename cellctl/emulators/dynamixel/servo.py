"""One emulated servo of the DYNAMIXEL X series: its control table, its rules, its motion. It sees no packet."""

from __future__ import annotations

from cellctl.emulators.servos.servo import EmulatedServo
from cellctl.model.wires import dynamixel_registers as reg
from cellctl.model.wires.dynamixel import ALERT, Error
from cellctl.model.wires.dynamixel_registers import ServoModel
from cellctl.model.wires.servo import Register, Reply

FIRMWARE = 46

_GOALS = (reg.GOAL_CURRENT, reg.GOAL_VELOCITY, reg.GOAL_POSITION)
_DEFAULTS = {
    reg.FIRMWARE: FIRMWARE,
    reg.BAUD: 3,
    reg.RETURN_DELAY: 0,
    reg.OPERATING_MODE: reg.POSITION_MODE,
    reg.SECONDARY_ID: 255,
    reg.TEMPERATURE_LIMIT: 80,
    reg.MAX_VOLTAGE: 160,
    reg.MIN_VOLTAGE: 95,
    reg.CURRENT_LIMIT: 1193,
    reg.VELOCITY_LIMIT: 300,
    reg.MAX_POSITION: 4095,
    reg.SHUTDOWN: 0x34,
    reg.STATUS_RETURN: 2,
    reg.PRESENT_VOLTAGE: 120,
    reg.PRESENT_TEMPERATURE: 32,
}
_KEPT_RANGES = {
    reg.TORQUE_ENABLE: (0, 1),
    reg.BUS_WATCHDOG: (0, 127),
    reg.STATUS_RETURN: (0, 2),
    reg.LED: (0, 1),
    reg.OPERATING_MODE: (0, 16),
    reg.ID: (0, 252),
}


class Servo(EmulatedServo):
    """A servo of the type `model`."""

    id_register: Register = reg.ID
    torque_register: Register = reg.TORQUE_ENABLE
    reboot_time = 0.3
    speed_filter = 0.02
    top_speed = 6.0 / reg.STEP
    top_acceleration = 200.0 / reg.STEP

    def __init__(self, id: int, model: ServoModel, position: float, *, sinks: int = 0) -> None:
        super().__init__(position, table_size=reg.TABLE_SIZE, sinks=sinks)
        self._fed_at = 0.0
        self.put(reg.ID, id)
        self.put(reg.MODEL, model.number)
        for register, value in _DEFAULTS.items():
            self.put(register, value)
        self.begin()

    def put_limits(self, low: int, high: int) -> None:
        """Set the range of positions that its goal may have, as wide as the register is."""
        self.put(reg.MIN_POSITION, low)
        self.put(reg.MAX_POSITION, high)

    # The wire ------------------------------------------------------------------------------------------------------

    def read(self, address: int, length: int) -> Reply:
        """Answer a read."""
        if not length or address + length > len(self.table):
            return self.reply(Error.DATA_RANGE)
        self._measure()
        return self.reply(Error.NONE, bytes(self.table[address : address + length]))

    def write(self, address: int, data: bytes) -> int:
        """Take a write, or say why not (see `Error`); nothing of a write that is refused is taken."""
        end = address + len(data)
        touched = [item for item in reg.REGISTERS if item.address < end and address < item.address + item.size]
        if not touched or end > len(self.table):
            return Error.ACCESS
        if touched[0].address < address or touched[-1].address + touched[-1].size > end:
            return Error.DATA_LENGTH
        values = {item: item.unpack(data, address) for item in touched}
        for item, value in values.items():
            if error := self._objection(item, value):
                return error
        for item, value in values.items():
            self._take(item, value)
        return Error.NONE

    def reply(self, error: int, data: bytes = b"") -> Reply:
        """A reply of this servo, with the alert bit where it belongs."""
        return Reply(self.id, error | (ALERT if self.get(reg.HARDWARE_ERROR) else 0), data)

    def feed(self) -> None:
        """A packet was on the bus."""
        self._fed_at = self.now

    def fail(self, bit: int) -> None:
        """A hardware error; torque goes off where `shutdown` says so."""
        self.put(reg.HARDWARE_ERROR, self.get(reg.HARDWARE_ERROR) | 1 << bit)
        if self.get(reg.SHUTDOWN) >> bit & 1:
            self.put(reg.TORQUE_ENABLE, 0)

    # Motion --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Volatile registers as after switching on, the goal where it stands."""
        self._fed_at = self.now
        volatile = [item for item in reg.REGISTERS if not item.permanent and item.writable]
        for item in (*volatile, reg.HARDWARE_ERROR):
            self.put(item, _DEFAULTS.get(item, 0))
        self.put(reg.GOAL_POSITION, round(self.position))

    def watch(self) -> None:
        """Stop for good when the bus was silent for longer than the watchdog has patience."""
        patience = self.get(reg.BUS_WATCHDOG) * reg.WATCHDOG_STEP
        if self.torque and patience > 0.0 and self.now - self._fed_at > patience:
            self.put(reg.BUS_WATCHDOG, reg.EXPIRED)
            self.put(reg.GOAL_POSITION, round(self.position + self._stopping_distance()))

    def target(self) -> tuple[float, float]:
        """Goal and profile velocity."""
        return self.get(reg.GOAL_POSITION), self.get(reg.PROFILE_VELOCITY) * reg.SPEED_STEP / reg.STEP

    def _stopping_distance(self) -> float:
        return self.velocity * abs(self.velocity) / (2.0 * self.top_acceleration)

    def _measure(self) -> None:
        """Put what is measured into the table."""
        self.put(reg.PRESENT_POSITION, round(self.position) + self.turns * reg.STEPS)
        self.put(reg.PRESENT_VELOCITY, round(self.speed * reg.STEP / reg.SPEED_STEP))
        self.put(reg.MOVING, int(abs(self.velocity) > 1.0))
        self.put(reg.REALTIME_TICK, int(self.now * 1e3) % 32768)
        effort = (self.get(reg.GOAL_POSITION) - self.position) if self.torque else 0.0
        limit = self.get(reg.CURRENT_LIMIT)
        self.put(reg.PRESENT_CURRENT, round(max(-limit, min(limit, effort))))

    # Rules ---------------------------------------------------------------------------------------------------------

    def _objection(self, item: reg.Register, value: int) -> int:
        if not item.writable or (item.permanent and self.get(reg.TORQUE_ENABLE)):
            return Error.ACCESS
        low, high = _KEPT_RANGES.get(item, (value, value))
        if not low <= value <= high or (item in _GOALS and self.get(reg.BUS_WATCHDOG) == reg.EXPIRED):
            return Error.DATA_RANGE
        if item == reg.GOAL_POSITION and not self.get(reg.MIN_POSITION) <= value <= self.get(reg.MAX_POSITION):
            return Error.DATA_LIMIT
        if item == reg.PROFILE_VELOCITY and value > 32767:
            return Error.DATA_LIMIT
        return Error.NONE

    def _take(self, item: Register, value: int) -> None:
        if item == reg.TORQUE_ENABLE and value and self.get(reg.HARDWARE_ERROR) & self.get(reg.SHUTDOWN):
            return
        self.put(item, value)
