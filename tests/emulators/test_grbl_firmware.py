"""The emulated GRBL controller and the lines of its driver against the official firmware: an optional job.

Name an executable of `grbl/grbl-sim`, as its own page says it is made from the sources of `gnea/grbl`, in the
environment variable CELLCTL_GRBL_SIMULATOR. It is experimental and keeps no time, so it is asked for words alone.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
import tty
from collections.abc import Iterator

import numpy as np
import pytest

from cellctl.emulators.grbl.machine import GrblMachine
from cellctl.emulators.grbl.settings import MachineSettings
from cellctl.model.wires import gcode
from cellctl.model.wires.gcode import Banner, LineDecoder, Message, Ok, Refused, Reply, Setting, Status

SIMULATOR = os.environ.get("CELLCTL_GRBL_SIMULATOR", "")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not SIMULATOR, reason="CELLCTL_GRBL_SIMULATOR names no simulator of the official firmware"),
]
PATIENCE = 60.0
OURS = [gcode.straight_move(target, duration=0.2) for target in ([1.0, -0.5, 0.25], [0.25, 0.125, -1.5], [0.0] * 3)]
"""Moves as the driver says them."""
BATTERY = (
    "G21G90G93",
    *OURS,
    "G1X4",
    "G1X",
    "G5X1",
    "G1X1Y1",
    "F",
    "G94",
    "G1X1F600",
    "G0X0",
    "G0G1X3",
    "G90G91",
    "G1X1X2",
    "M8",
    "M9",
    "M3M5",
    "M17",
    "G4P0.01",
    "$foo",
    "$J=G91X0.1F100",
    "$J=X1",
    "G1X0.5 (a remark) F300",
    "g1 x0",
    "N5G0X0",
    "Q3",
    "G1X1F-3",
    "%",
    "X" * 90,
)
"""Lines, right and wrong, each told while nothing moves any more."""


class Firmware:
    """The simulator at a pseudoterminal."""

    def __init__(self, folder: str) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        command = [SIMULATOR, "-n", "-s", os.devnull, "-b", os.devnull]
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._decoder, self._heard = LineDecoder(), list[Reply]()

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    def until(self, *kinds: type) -> Reply:
        """The next reply of one of some kinds. It goes on when it hears something, so it is asked for its status."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            while self._heard:
                if isinstance(reply := self._heard.pop(0), kinds):
                    return reply
            if select.select([self.master], [], [], 0.2)[0]:
                self._heard += map(gcode.reply_of, self._decoder.feed(os.read(self.master, 4096)))
            else:
                self.say(gcode.STATUS_REQUEST)
        raise AssertionError(f"no {kinds} came")

    def rest(self) -> Status:
        """Its status once it stands."""
        while True:
            self.say(gcode.STATUS_REQUEST)
            status = self.until(Status)
            if status.state == "Idle":
                return status

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory) -> Iterator[Firmware]:
    folder = str(tmp_path_factory.mktemp("grbl"))
    first = Firmware(folder)
    first.until(Banner)  # it has written its defaults to what it takes for its EEPROM
    first.close()
    firmware = Firmware(folder)
    firmware.until(Banner)
    yield firmware
    firmware.close()


def emulated() -> GrblMachine:
    """A machine of three axes that neither homes nor watches over its travel, as the firmware is by default."""
    settings = MachineSettings(
        rate=np.full(3, 500.0), acceleration=np.full(3, 10.0), travel=np.full(3, 200.0), soft_limits=False, homing=False
    )
    return GrblMachine(settings, np.zeros(3))


def told(machine: GrblMachine, line: str, now: float) -> Reply:
    """What the emulated machine answers, once it stands again."""
    said = list(machine.hear(f"{line}\n".encode("ascii"), now))
    while not any(reply.data.startswith((b"ok", b"error")) for reply in said):
        now += 0.01
        said += machine.advance(now)
    return next(
        reply
        for text in b"".join(one.data for one in said).decode("ascii").split("\r\n")
        if isinstance(reply := gcode.reply_of(text), Ok | Refused)
    )


def test_every_line_is_answered_as_the_firmware_answers_it(firmware: Firmware) -> None:
    machine, theirs, ours = emulated(), [], []
    for number, line in enumerate(BATTERY):
        firmware.say(f"{line}\n".encode("ascii"))
        theirs.append((line, firmware.until(Ok, Refused)))
        place = firmware.rest().position
        ours.append((line, told(machine, line, 100.0 * number)))
        machine.advance(100.0 * number + 90.0)
        assert machine.motion.position == pytest.approx(place, abs=0.005), line
    assert ours == theirs


def test_it_tells_its_sizes_and_its_settings(firmware: Firmware) -> None:
    firmware.say(b"$I\n")
    options = firmware.until(Message)
    while options.kind != "OPT":
        options = firmware.until(Message)
    assert options.text.endswith(",15,128")
    firmware.until(Ok)
    firmware.say(b"$$\n")
    found = {}
    while not isinstance(reply := firmware.until(Setting, Ok), Ok):
        found[reply.number] = reply.value
    assert {11, 20, 22, *(base + k for base in (110, 120, 130) for k in range(3))} <= set(found)


def test_a_reset_gives_its_banner(firmware: Firmware) -> None:
    firmware.say(gcode.SOFT_RESET)
    assert firmware.until(Banner)
    assert firmware.rest().state == "Idle"
