"""The emulated Marlin controller against `printcore` of Printrun, over a pseudoterminal in real time."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from cellctl.emulators.grbl.marlin import MarlinMachine
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.kinematics.lookahead import FirmwareLimits
from cellctl.model.link_faults import Fault, FaultScript

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
PROGRAM = [f"G1 X{k} Y{-k} F3000" for k in range(1, 31)]


def wait_for(done: Callable[[], bool], *, patience: float = 10.0) -> bool:
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("faults", [(), (Fault("flip_bit", way="commands", share=0.15),)])
def test_printcore_brings_a_program_over(served, faults: tuple[Fault, ...]) -> None:
    reason = "printrun is missing; it asks for wxPython, which it does not need here: pip install --no-deps printrun"
    printcore = pytest.importorskip("printrun.printcore", reason=reason)
    gcoder = pytest.importorskip("printrun.gcoder", reason=reason)
    far_end = MarlinMachine(np.zeros(3), FirmwareLimits(np.full(3, 300.0), np.full(3, 2000.0), 0.05, slowest=0.1))
    line = Line(far_end, baud=115_200, script=FaultScript(faults, 7))
    with Terminal(line) as terminal, served(terminal):
        core = printcore.printcore(terminal.port, 115_200)
        try:
            assert wait_for(lambda: core.online)
            assert core.startprint(gcoder.LightGCode(PROGRAM))
            assert wait_for(lambda: not core.printing and not far_end.motion.moves)
        finally:
            core.disconnect()
    moves = [text for text in far_end.heard if text.startswith("G1")]
    assert moves == PROGRAM
    assert (far_end.resends > 0) == bool(faults)
    assert far_end.motion.position.tolist() == [30.0, -30.0, 0.0]
