"""One round after another over the signals on a process line: write what differs, read everything, judge it.

It knows no arm and no run. Nothing is left on for a run that has stopped saying what it wants, and nothing is switched
on after a gap in which nobody served the line.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from cellctl.drivers.modbus.io import ModbusIo
from cellctl.errors import CellctlError, Faulted, Finding
from cellctl.model.process_wiring import ProcessOutput, ProcessWiring


@dataclass(frozen=True, slots=True)
class Wish:
    """The outputs that shall be on, as a run said at `time` (s). Without a run, None: off, or as they are where they
    keep.

    `offs` counts how often each has been switched off, so that an off between two ons is not passed over.
    """

    on: frozenset[str] = frozenset()
    time: float | None = None
    offs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Told:
    """What an output was told that it has not been read back to be, and since when, s."""

    value: float
    since: float


class ProcessScan:
    """The signals of `wiring` behind `io`: `inputs` are those that are on, `finding` is why the line was given up, and
    `settled` is the last wish that every output was read back to be.

    Opening it switches off what does not keep, and writes the presets. Raises Faulted X480 to X482.
    """

    def __init__(self, io: ModbusIo, wiring: ProcessWiring) -> None:
        self.io, self.wiring = io, wiring
        self.wish = self.settled = self._last = Wish()
        self.inputs: frozenset[str] = frozenset()
        self.finding: Finding | None = None
        self._held: dict[str, float] = {}
        self._told: dict[str, Told] = {}
        self._offs: dict[str, int] = {}
        self._served: dict[str, float] = {}
        self._turn = 0.0
        self._take_up()

    def say(self, on: frozenset[str] | None) -> Wish:
        """From now on these outputs shall be on; None where no run says so any more. May be called beside `round`."""
        before = self.wish
        gone = before.on - (on or frozenset())
        offs = {**before.offs, **{name: before.offs.get(name, 0) + 1 for name in gone}}
        self.wish = Wish(on or frozenset(), None if on is None else self.io.now, offs)
        return self.wish

    def round(self) -> None:
        """Serve every device once; after a finding only to have outputs off."""
        whole = [self._serve(device.name) for device in self.wiring.devices]
        if all(whole) and not self._told:
            self.settled = self._last

    def clear(self) -> None:
        """Open the line again, everything off; raises EnvironmentMissing or Faulted where the cause is still there."""
        self.io.clear()
        self._take_up()
        self.finding = None

    def close(self) -> None:
        """Switch off what does not keep, as far as the line can still be reached, and let go of it."""
        with suppress(CellctlError):
            self.io.stop()
        self.io.close()

    def _take_up(self) -> None:
        """Outputs off, presets written, everything read once."""
        self.io.stop()
        for preset in self.wiring.presets:
            self.io.write(preset.device, {preset.channel.name: preset.value})
        self.wish = self.settled = self._last = Wish()
        self._held.clear()
        self._told.clear()
        self._offs.clear()
        for device in self.wiring.devices:
            self._take(device.name, self._read(device.name, tries=3), self.wish)
            self._served[device.name] = self._turn = self.io.now

    def _read(self, device: str, *, tries: int) -> dict[str, float]:
        """The signals of a device."""
        signals = (one.signal for one in self.wiring.signals if one.device == device)
        return self.io.read(device, *signals, tries=tries)

    def _serve(self, device: str) -> bool:
        """Tell outputs and read one device; False where it did not answer, which it may miss for a while."""
        wish = self._last = self.wish
        try:
            self._write(wish)
            self._take(device, self._read(device, tries=2), wish)
        except Faulted as fault:
            missed = fault.findings[0].code == "X480" and not self.io.lost
            unserved = self.io.now - self._served[device]
            if self.finding is None and not (missed and unserved <= self.wiring.deadline):
                self.finding = fault.findings[0]
                self._told.clear()
                self._held.clear()  # what was told last and not answered may have been taken
            return False
        finally:
            self._turn = self.io.now
        self._served[device] = self._turn
        return True

    # Outputs -------------------------------------------------------------------------------------------------------

    def _write(self, wish: Wish) -> None:
        """Tell every output that is not known to be what it should."""
        if self.finding is None:
            self._demand_timely(wish)
        for output in self.wiring.outputs:
            value, told = self._wanted(output, wish), self._told.get(output.signal)
            if value is None or (told is None and self._held.get(output.signal) == value):
                continue
            if told is None or told.value != value:
                self._told[output.signal] = Told(value, self.io.now)
            elif self.finding is None and self.io.now - told.since > self.wiring.deadline:
                raise Faulted(_not_taken(output))
            self.io.tell(output.device, output.signal, value)

    def _demand_timely(self, wish: Wish) -> None:
        """Raise Faulted X495 where the line was not served, or a run that has something on no longer says so."""
        limit, unsaid = self.wiring.deadline, 0.0 if wish.time is None else self.io.now - wish.time
        gap = self.io.now - self._turn
        if gap > limit:
            raise Faulted(_late("nobody has served the process line", gap))
        if unsaid > limit and any(one.signal in wish.on and not one.keeps for one in self.wiring.outputs):
            raise Faulted(_late("the run has said nothing", unsaid))

    def _wanted(self, output: ProcessOutput, wish: Wish) -> float | None:
        """What an output should be, None where it may stay as it is."""
        if wish.time is None or self.finding is not None:
            return None if output.keeps else output.off
        passed_over = self._offs.get(output.signal, 0) != wish.offs.get(output.signal, 0)
        return output.on if output.signal in wish.on and not passed_over else output.off

    # What was read -------------------------------------------------------------------------------------------------

    def _take(self, device: str, values: Mapping[str, float], wish: Wish) -> None:
        """Believe what a device says; raises Faulted X496 where an output is no longer what it was."""
        for output in self.wiring.outputs:
            if output.device == device:
                self._take_output(output, values[output.signal], wish)
        own = [one for one in self.wiring.inputs if one.device == device]
        on = {one.signal for one in own if one.low <= values[one.signal] <= one.high}
        self.inputs = self.inputs - {one.signal for one in own} | on

    def _take_output(self, output: ProcessOutput, value: float, wish: Wish) -> None:
        signal = output.signal
        told, held = self._told.get(signal), self._held.get(signal, value)
        self._held[signal] = value
        if value == output.off:
            self._offs[signal] = wish.offs.get(signal, 0)
        if told is not None and told.value == value:
            del self._told[signal]
        elif told is None and held != value and self.finding is None:
            raise Faulted(_by_itself(output))


def _late(what: str, time: float) -> Finding:
    hint = "take load off the machine, or give the line a longer deadline"
    return Finding("X495", f"{what} for {time:.2f} s; the outputs are switched off", suggestion=hint)


def _not_taken(output: ProcessOutput) -> Finding:
    hint = "is the device in remote control?"
    return Finding("X482", f"the {output.device} did not take '{output.signal}'", suggestion=hint)


def _by_itself(output: ProcessOutput) -> Finding:
    text = f"the {output.device} has changed '{output.signal}' by itself"
    return Finding("X496", text, suggestion="look at the device: its watchdog, a restart, or somebody else on the line")
