"""Values of process devices on a Modbus RTU line, read and written by the name of their channel. It knows no process.

A read is tried again within its time. A write is sent once and read back: the answer to a coil is the same as its
request, so behind an adapter that echoes it proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellctl.drivers.modbus.frames import Answer, Frames, function_of
from cellctl.drivers.port import OpenPort, Port, PortLost
from cellctl.drivers.stopped_at_exit import StoppedAtExit
from cellctl.errors import EnvironmentMissing, Faulted, Finding, UsageError
from cellctl.model.process_channels import ModbusLine, ProcessChannel, ProcessDevice, Table

_TRIES = 3
_BITS_PER_BYTE = 11
_SILENCE = 3.5
_LONGEST_NOISE = 0.05
_OBJECTIONS = {1: "it does not know the function", 2: "it has no such address", 3: "the value is wrong", 4: "it failed"}


@dataclass(slots=True)
class LinkCounters:
    """What happened on a line since it was opened."""

    requests: int = 0
    retries: int = 0
    timeouts: int = 0


class ModbusIo(StoppedAtExit):
    """The devices of a line behind the port that `open_port` opens, and opens again when a fault is cleared.

    Raises EnvironmentMissing when the port (E550, E551), pymodbus (E570) or a device (E571) is not there.
    """

    def __init__(self, open_port: OpenPort, line: ModbusLine, devices: tuple[ProcessDevice, ...]) -> None:
        self.counters = LinkCounters()
        self._open_port, self._line = open_port, line
        self._devices = {device.name: device for device in devices}
        self._frames = Frames()
        self._images: dict[tuple[int, Table, int], int] = {}
        self._fault: Faulted | None = None
        self._late = 0.0
        self._connect()

    def read(self, device: str, *names: str, tries: int = _TRIES) -> dict[str, float]:
        """The values of channels (all of the device unless named), in the unit of each.

        Entries that stand together are asked for together, up to `tries` times. Raises Faulted X480 or X481, UsageError
        X483.
        """
        channels = self._channels(device, names)
        entries = self._read_entries(self._devices[device].unit, channels, tries)
        return {channel.name: channel.value(entries[channel.table, channel.address]) for channel in channels}

    def write(self, device: str, values: Mapping[str, float]) -> None:
        """Set outputs, one after the other in the order given; raises Faulted X480 to X482, UsageError X483."""
        if self._fault is not None:
            raise self._fault
        for channel in self._channels(device, tuple(values)):
            self._set(self._devices[device].unit, channel, values[channel.name])

    def tell(self, device: str, name: str, value: float) -> None:
        """Set one output and do not look whether it is; for who reads it anyway. Raises as `write` does."""
        if self._fault is not None:
            raise self._fault
        (channel,) = self._channels(device, (name,))
        self._send(self._devices[device].unit, channel, self._entry(self._devices[device].unit, channel, value))

    @property
    def lost(self) -> bool:
        """Whether the port is gone, until the fault is cleared."""
        return self._fault is not None

    @property
    def now(self) -> float:
        """The time of the port, s."""
        return self._port.now()

    def stop(self) -> None:
        """Set every output that has a value for that; raises Faulted when one cannot be set, after trying all."""
        failed: Faulted | None = None
        for device in self._devices.values():
            for channel in device.channels:
                if channel.at_stop is None:
                    continue
                try:
                    self._set(device.unit, channel, channel.at_stop)
                except Faulted as fault:
                    failed = failed or fault
        if failed is not None:
            raise failed

    def clear(self) -> None:
        """Open the port again and look whether the devices are there; writes nothing, and the line is lost where they
        are not.
        """
        self._port.close()
        self._fault = Faulted(_lost(self._port.name, "its devices were not there when it was opened again"))
        self._connect()
        self._fault = None

    def close(self) -> None:
        """Close the port; outputs stay as they are."""
        self._port.close()

    # Entries -------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._port: Port = self._open_port()
        self._images.clear()
        for device in self._devices.values():
            try:
                self._take_images(device)
            except Faulted as fault:
                self._port.close()
                raise EnvironmentMissing(_absent(self._port.name, device, fault.findings[0].message)) from None

    def _take_images(self, device: ProcessDevice) -> None:
        """What the outputs are set to, so that bits which share an entry do not disturb each other."""
        outputs = [channel for channel in device.channels if channel.writable]
        self._read_entries(device.unit, outputs)
        if not outputs:
            self._read_entries(device.unit, list(device.channels[:1]))

    def _channels(self, device: str, names: tuple[str, ...]) -> list[ProcessChannel]:
        if device not in self._devices:
            raise UsageError(_unknown("device", device, list(self._devices)))
        known = {channel.name: channel for channel in self._devices[device].channels}
        for name in names:
            if name not in known:
                raise UsageError(_unknown(f"channel of {device}", name, list(known)))
        return [known[name] for name in names or known]

    def _read_entries(
        self, unit: int, channels: list[ProcessChannel], tries: int = _TRIES
    ) -> dict[tuple[Table, int], int]:
        keys: set[tuple[Table, int]] = {(channel.table, channel.address) for channel in channels}
        wanted, entries = sorted(keys), dict[tuple[Table, int], int]()
        while wanted:
            table, address = wanted[0]
            count = 1
            while (table, address + count) in wanted:
                count += 1
            answer = self._insist(unit, table, address, count, tries)
            entries.update({(table, address + k): entry for k, entry in enumerate(answer.entries)})
            wanted = wanted[count:]
        self._images |= {(unit, *key): entry for key, entry in entries.items()}
        return entries

    def _set(self, unit: int, channel: ProcessChannel, value: float) -> None:
        entry = self._entry(unit, channel, value)
        self._send(unit, channel, entry)
        if self._insist(unit, channel.table, channel.address, 1).entries != (entry,):
            raise Faulted(_not_set(unit, channel.name))
        self._images[unit, channel.table, channel.address] = entry

    def _entry(self, unit: int, channel: ProcessChannel, value: float) -> int:
        """What stands in the table with a channel set; raises UsageError X483."""
        if not channel.writable:
            raise UsageError(Finding("X483", f"'{channel.name}' is an input and cannot be set"))
        try:
            return channel.entry(value, self._images[unit, channel.table, channel.address])
        except (OverflowError, ValueError):
            raise UsageError(Finding("X483", f"{value:g} {channel.unit} has no room in '{channel.name}'")) from None

    def _send(self, unit: int, channel: ProcessChannel, entry: int) -> None:
        """Write an entry once; raises Faulted X480 or X481. No answer is no fault: it may have been taken."""
        request = self._frames.write(unit, channel.table, channel.address, (entry,))
        answer = self._ask(request, unit, function_of(channel.table, writing=True), 0)
        if answer is not None and answer.objection:
            raise Faulted(_objects(unit, channel.name, answer.objection))

    # Line ----------------------------------------------------------------------------------------------------------

    def _insist(self, unit: int, table: Table, address: int, count: int, tries: int = _TRIES) -> Answer:
        """Read, up to `tries` times; raises Faulted X480 or X481."""
        request = self._frames.read(unit, table, address, count)
        for attempt in range(tries):
            self.counters.retries += attempt > 0
            answer = self._ask(request, unit, function_of(table), count)
            if answer is not None and answer.objection:
                raise Faulted(_objects(unit, f"{table} {address}", answer.objection))
            if answer is not None:
                return answer
        raise Faulted(_silent(self._port.name, unit))

    def _ask(self, request: bytes, unit: int, function: int, count: int) -> Answer | None:
        """Send a request on a silent line and wait for its own answer, not beyond its time."""
        try:
            self._wait_for_silence()
            self._port.write(request)
            self.counters.requests += 1
            size = len(request) + 5 + 2 * count
            deadline = self._port.now() + self._line.answer_time + size * self._byte_time
            data = b""
            while True:
                fresh = self._port.read(deadline)
                data = (data + fresh).removeprefix(request) if function < 5 else data + fresh
                answer = self._frames.answer(data, unit, function, count)
                if answer is not None:
                    return answer
                if self._port.now() >= deadline:
                    self.counters.timeouts += 1
                    self._late = self._line.answer_time
                    return None
        except PortLost as lost:
            self._fault = Faulted(_lost(self._port.name, str(lost)))
            raise self._fault from None

    @property
    def _byte_time(self) -> float:
        return _BITS_PER_BYTE / self._line.baud

    def _wait_for_silence(self) -> None:
        """Throw away what comes until the line is silent for as long as ends a frame.

        After an answer that did not come that takes longer: nothing would tell a late one from that to the next
        request.
        """
        late, self._late = self._late, 0.0
        until = self._port.now() + _LONGEST_NOISE + late
        while self._port.read(self._port.now() + _SILENCE * self._byte_time + late) and self._port.now() < until:
            pass


def _unknown(what: str, name: str, known: list[str]) -> Finding:
    return Finding("X483", f"no {what} is called '{name}'", suggestion=f"known: {', '.join(known)}")


def _absent(port: str, device: ProcessDevice, why: str) -> Finding:
    message = f"the {device.name} (unit {device.unit}) at {port} cannot be used: {why}"
    return Finding("E571", message, suggestion="look at power, cable, unit number and baud rate")


def _silent(port: str, unit: int) -> Finding:
    return Finding(
        "X480", f"unit {unit} at {port} does not answer", suggestion="look at power and cable", data={"unit": unit}
    )


def _lost(port: str, why: str) -> Finding:
    return Finding("X480", f"the process line at {port} was lost: {why}", suggestion="look at the cable, then clear")


def _objects(unit: int, what: str, number: int) -> Finding:
    words = _OBJECTIONS.get(number, "no words for it here")
    return Finding("X481", f"unit {unit} objects to '{what}': exception {number}, {words}", data={"unit": unit})


def _not_set(unit: int, name: str) -> Finding:
    return Finding("X482", f"unit {unit} did not take '{name}'", suggestion="look at the line", data={"unit": unit})
