"""What emulated process devices do with their entries as time passes. They see no frame."""

from __future__ import annotations

from typing import Protocol

from cellctl.model.process_channels import DEVICES, WATCHDOG, ProcessDevice, Table


class Device:
    """The four tables of one device. `read` and `write` are what the line does; behaviours work by channel names."""

    def __init__(self, description: ProcessDevice) -> None:
        self.description = description
        self._entries: dict[tuple[Table, int], int] = {
            (channel.table, channel.address): 0 for channel in description.channels
        }
        self._watched = any(channel.name == WATCHDOG for channel in description.channels)
        self._unheard, self._let_go = 0.0, False

    def get(self, name: str) -> float:
        """The value of a channel."""
        channel = self.description.channel(name)
        return channel.value(self._entries[channel.table, channel.address])

    def put(self, name: str, value: float) -> None:
        """Set a channel, whatever its table is."""
        channel = self.description.channel(name)
        key: tuple[Table, int] = (channel.table, channel.address)
        self._entries[key] = channel.entry(value, self._entries[key])

    def read(self, table: Table, address: int, count: int) -> list[int] | None:
        """Entries from `address`, None where there are none."""
        keys: list[tuple[Table, int]] = [(table, address + k) for k in range(count)]
        return [self._entries[key] for key in keys] if all(key in self._entries for key in keys) else None

    def write(self, table: Table, address: int, entries: list[int]) -> bool:
        """Take entries; False where there is no room for them."""
        if self.read(table, address, len(entries)) is None:
            return False
        self._entries.update({(table, address + k): entry for k, entry in enumerate(entries)})
        if self._watched:
            watchdog = self.description.channel(WATCHDOG)
            self._let_go &= (table, address) != (watchdog.table, watchdog.address)
        return True

    def start_anew(self) -> None:
        """Have every entry at 0, as after switching on."""
        self._entries = dict.fromkeys(self._entries, 0)
        self._unheard, self._let_go = 0.0, False

    def heard(self) -> None:
        """Somebody has spoken to it."""
        self._unheard = 0.0

    def watch(self, dt: float) -> None:
        """Let go of the outputs where nobody has spoken to it for too long, and hold them so."""
        self._unheard += dt
        if self._watched and 0.0 < self.get(WATCHDOG) < self._unheard:
            self._let_go = True
        for channel in self.description.channels if self._let_go else ():
            if channel.at_stop is not None:
                self.put(channel.name, channel.at_stop)


class Behaviour(Protocol):
    """What a device does by itself."""

    def tick(self, device: Device, dt: float) -> None:
        """Let `dt` s pass."""
        ...


class Gripper:
    """Two fingers that close on nothing, or on a part `part` of the way (0 open, 1 closed)."""

    def __init__(self, part: float | None = None) -> None:
        self.part = part
        self._position = 0.0
        self._activating = 0.0

    def tick(self, device: Device, dt: float) -> None:
        """Activate first, which takes half a second; then go where told."""
        self._activating = self._activating + dt if device.get("activate") else 0.0
        device.put("ready", 0 if not device.get("activate") else 3 if self._activating >= 0.5 else 1)
        if device.get("ready") != 3 or not device.get("go"):
            return
        goal = device.get("position")
        reach = min(goal, self.part) if self.part is not None else goal
        speed = (0.3 + 1.7 * device.get("speed")) * dt
        self._position += max(-speed, min(speed, reach - self._position))
        arrived = abs(self._position - reach) < 1e-9
        device.put("object", 0 if not arrived else 2 if reach < goal else 3)
        device.put("measured_position", self._position)
        device.put("motor_current", 0.0 if arrived and reach == goal else 0.3)


class WeldSource:
    """An arc that stands 150 ms after it is asked for, if gas flows and wire is fed; `breaks` puts it out for good."""

    def __init__(self) -> None:
        self.breaks = False
        self._on = 0.0

    def tick(self, device: Device, dt: float) -> None:
        """Light the arc, or let it go out."""
        gas = device.get("gas_on") or device.get("gas_with_arc")
        asked = device.get("arc_on") and gas and device.get("wire_feed") > 0.0 and not self.breaks
        self._on = self._on + dt if asked else 0.0
        stands = self._on >= 0.15 - 1e-9
        device.put("arc_ok", stands)
        device.put("fault", bool(device.get("arc_on")) and self.breaks)
        device.put("measured_current", 900.0 * device.get("wire_feed") if stands else 0.0)
        device.put("measured_voltage", device.get("voltage") if stands else 0.0)


class Screwdriver:
    """A screw that turns freely for `free` rad, then tightens by `stiffness` Nm/rad; `strips` is the torque at which
    its thread gives way, if it does.
    """

    def __init__(self, *, free: float = 12.0, stiffness: float = 4.0, strips: float | None = None) -> None:
        self.free, self.stiffness, self.strips = free, stiffness, strips
        self._angle = 0.0

    def tick(self, device: Device, dt: float) -> None:
        """Turn until tight, stripped or beyond the limit of the angle."""
        if not device.get("run"):
            self._angle = 0.0
            for name in ("tight", "failed", "torque", "angle"):
                device.put(name, 0.0)
            return
        if device.get("tight") or device.get("failed"):
            return
        self._angle += 10.0 * dt
        torque = max(self._angle - self.free, 0.0) * self.stiffness
        if self.strips is not None and torque > self.strips:
            torque = 0.2 * self.strips
        device.put("torque", min(torque, 300.0))
        device.put("angle", min(self._angle, 500.0))
        device.put("tight", torque >= device.get("torque_limit"))
        device.put("failed", self._angle > device.get("angle_limit") and not device.get("tight"))


def device_called(name: str) -> tuple[Device, Behaviour]:
    """An emulated device of `DEVICES` and what it does; raises KeyError."""
    behaviours: dict[str, Behaviour] = {
        "gripper": Gripper(),
        "weld_source": WeldSource(),
        "screwdriver": Screwdriver(),
    }
    return Device(DEVICES[name]), behaviours[name]
