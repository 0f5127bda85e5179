"""The emulated Marlin controller against `printcore` of Printrun, over a pseudoterminal in real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest

from cellctl.emulators.grbl.marlin import MarlinMachine
from cellctl.emulators.link.line import Line
from cellctl.emulators.link.terminal import Terminal
from cellctl.kinematics.lookahead import FirmwareLimits
from cellctl.model.link_faults import Fault, FaultScript

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
MISSING = "printrun is missing; it asks for wxPython, which it does not need here: pip install --no-deps printrun"
PROGRAM = [f"G1 X{k} Y{-k} F3000" for k in range(1, 31)]


def wait_for(done: Callable[[], bool], *, patience: float = 10.0) -> bool:
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@dataclass
class Printing:
    """`printcore` at one end of a line, an emulated controller at the other, and what it said."""

    core: object
    far_end: MarlinMachine
    said: list[str]


@pytest.fixture
def printing(served) -> Iterator[Callable[..., Printing]]:
    """Connects printcore over a line with the given faults."""
    printcore = pytest.importorskip("printrun.printcore", reason=MISSING)
    with ExitStack() as stack:

        def connected(*faults: Fault) -> Printing:
            limits = FirmwareLimits(np.full(3, 300.0), np.full(3, 2000.0), 0.05, slowest=0.1)
            far_end = MarlinMachine(np.zeros(3), limits)
            line = Line(far_end, baud=115_200, script=FaultScript(faults, 7))
            terminal = stack.enter_context(Terminal(line))
            stack.enter_context(served(terminal))
            core, said = printcore.printcore(terminal.port, 115_200), list[str]()
            stack.callback(core.disconnect)
            core.recvcb = said.append
            assert wait_for(lambda: core.online)
            return Printing(core, far_end, said)

        yield connected


@pytest.mark.parametrize("faults", [(), (Fault("flip_bit", way="commands", share=0.15),)])
def test_printcore_brings_a_program_over(printing, faults: tuple[Fault, ...]) -> None:
    gcoder = pytest.importorskip("printrun.gcoder", reason=MISSING)
    p = printing(*faults)
    assert p.core.startprint(gcoder.LightGCode(PROGRAM))
    assert wait_for(lambda: not p.core.printing and not p.far_end.motion.moves)
    assert [text for text in p.far_end.heard if text.startswith("G1")] == PROGRAM
    assert (p.far_end.resends > 0) == bool(faults)
    assert any(line.startswith("Error:checksum mismatch") for line in p.said) == bool(faults)
    assert p.far_end.motion.position.tolist() == [30.0, -30.0, 0.0]


def test_printcore_reads_where_it_is_and_what_it_does_not_know(printing) -> None:
    p = printing()
    for line in ("G1 X2 Y-1 F3000", "M400", "M114", "G999"):
        p.core.send_now(line)
    assert wait_for(lambda: any("G999" in line for line in p.said))
    assert any(line.startswith("X:2.00 Y:-1.00 Z:0.00") for line in p.said)
    assert any(line.startswith('echo:Unknown command: "G999"') for line in p.said)
