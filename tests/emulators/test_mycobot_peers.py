"""The emulated myCobot against the vendor's library, over a pseudoterminal in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.emulators.mycobot.arm import MycobotArm

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
]
ANGLES = [10.0, -20.0, 30.0, -40.0, 50.0, -60.0]


@pytest.fixture
def far_end() -> MycobotArm:
    full = np.full(6, 160.0)
    return MycobotArm(np.array(ANGLES), lower=-full, upper=full, top=full, acceleration=4.0 * full)


@pytest.fixture
def sdk(far_end: MycobotArm, served) -> Iterator[object]:
    library = pytest.importorskip("pymycobot", reason="pymycobot is missing: pip install 'cellctl[peers]'")
    with Terminal(Line(far_end, baud=115_200)) as terminal, served(terminal):
        arm = library.MyCobot280(terminal.port, 115_200)
        yield arm
        arm.close()


def test_the_vendors_library_sees_what_the_arm_does(sdk, far_end: MycobotArm) -> None:
    assert sdk.get_angles() == ANGLES
    assert sdk.is_power_on() == 0
    sdk.power_on()
    assert sdk.is_power_on() == 1
    assert sdk.is_moving() == 0
    sdk.send_angles([0.0, -10.0, 20.0, -30.0, 40.0, -50.0], 60)
    assert sdk.is_moving() == 1
    end = time.monotonic() + 5.0
    while sdk.is_moving() and time.monotonic() < end:
        time.sleep(0.02)
    assert sdk.get_angles() == [0.0, -10.0, 20.0, -30.0, 40.0, -50.0]
    sdk.send_angle(1, 90.0, 20)
    time.sleep(0.2)
    sdk.stop()
    time.sleep(0.5)
    stopped = sdk.get_angles()
    assert 0.0 < stopped[0] < 90.0
    assert sdk.get_angles() == stopped
    assert sdk.get_error_information() == 0
    far_end.error = 16
    assert sdk.get_error_information() == 16
    sdk.clear_error_information()
    assert sdk.get_error_information() == 0
    sdk.release_all_servos()
    assert sdk.is_power_on() == 0
