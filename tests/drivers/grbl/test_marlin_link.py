"""Numbered lines to an emulated Marlin controller, in simulated time."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from cellctl.drivers.grbl.marlin import MarlinLink
from cellctl.emulators.grbl.marlin import MarlinMachine
from cellctl.emulators.link.line import Line
from cellctl.errors import Faulted
from cellctl.kinematics.lookahead import FirmwareLimits
from cellctl.model.link_faults import Fault, FaultScript

PROGRAM = [f"G1 X{k} Y{-k} F3000" for k in range(1, 41)]


def machine() -> MarlinMachine:
    return MarlinMachine(np.zeros(3), FirmwareLimits(np.full(3, 100.0), np.full(3, 400.0), 0.02, slowest=0.1))


def link_to(far_end: MarlinMachine, port_on, *faults: Fault) -> MarlinLink:
    return MarlinLink(port_on(Line(far_end, baud=115_200, script=FaultScript(faults, 3))))


def test_a_program_comes_over_in_order(port_on) -> None:
    far_end = machine()
    link = link_to(far_end, port_on)
    link.begin()
    link.send(PROGRAM)
    assert far_end.heard[1:] == PROGRAM
    link.ask("M400")
    assert link.position() == (40.0, -40.0, 0.0)
    assert link.counters.resends == 0


@pytest.mark.parametrize("kind", ["flip_bit", "drop_byte", "swap_bytes"])
def test_a_line_that_was_damaged_is_sent_again_and_taken_once(port_on, kind: str) -> None:
    far_end = machine()
    link = link_to(far_end, port_on, Fault(kind, way="commands", share=0.1, start=0.1))
    link.begin()
    with suppress(Faulted):
        link.send(PROGRAM)
    assert far_end.heard[1:] == PROGRAM[: len(far_end.heard) - 1]
    assert far_end.resends > 0
    assert link.counters.resends > 0


def test_a_silent_controller_is_given_up(port_on) -> None:
    far_end = machine()
    link = link_to(far_end, port_on, Fault("silent", start=0.2))
    link.begin()
    with pytest.raises(Faulted, match="no answer to line") as caught:
        link.send(PROGRAM * 5)
    assert caught.value.findings[0].code == "X474"
    assert link.port.now() < 5.0


def test_a_line_without_its_number_in_order_is_asked_for_again() -> None:
    far_end = machine()
    said = b"".join(said.data for said in far_end.hear(b"N0 M110 N0*125\nN2 G1 X20*80\n", 0.0))
    assert said == b"ok\nError:Line Number is not Last Line Number+1, Last Line: 0\nResend: 1\nok\n"
