"""Lines of the AR4's firmware: what was read in its source, and what must never go over the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.emulators.ar4.controller import ar4_of
from cellctl.files import load_robot
from cellctl.model.link_faults import Fault
from cellctl.model.wires import ar4

LOWER, UPPER = [-170.0, -42.0, -89.0, -180.0, -105.0, -180.0], [170.0, 90.0, 52.0, 180.0, 105.0, 180.0]
ANGLES = [10.0, -20.0, 30.0, -40.0, 50.0, -60.0]


def test_golden_lines() -> None:
    assert ar4.ask_who() == "STA2.1.0Bmk3"
    assert ar4.reply_of("STA1B2.1.0C1Dmk3") == ar4.Started("2.1.0", "mk3", agrees=True)
    assert ar4.reply_of("STA0B2.0.0C1Dmk3") == ar4.Started("2.0.0", "mk3", agrees=False)
    line = "MTA10.000000B-20.000000C30.000000D-40.000000E50.000000F-60.000000"
    assert ar4.move(ANGLES, lower=LOWER, upper=UPPER) == line
    assert ar4.reply_of("JP" + line[2:]) == ar4.Positions(tuple(ANGLES))
    assert ar4.reply_of("ES0") == ar4.MoveTaken(stopped=False)
    assert ar4.reply_of("ES1") == ar4.MoveTaken(stopped=True)
    assert ar4.reply_of("ER: a joint is missing") == ar4.Complaint("a joint is missing")


@pytest.mark.parametrize(
    "joints", [ANGLES[:5], [*ANGLES, 0.0], [float("nan"), *ANGLES[1:]], [-380.5, *ANGLES[1:]], [0, 91, 0, 0, 0, 0]]
)
def test_a_move_that_the_firmware_would_get_wrong_is_never_made(joints: list[float]) -> None:
    """It lets negative values past its range, and takes a joint that is missing for 0 deg."""
    with pytest.raises(ValueError, match=r"joint values|limits"):
        ar4.move(joints, lower=LOWER, upper=UPPER)


@given(st.text(max_size=120))
def test_any_line_is_read_without_an_error(text: str) -> None:
    ar4.reply_of(text)


@given(st.integers(0, 70))
def test_a_reply_that_was_cut_off_is_no_place(length: int) -> None:
    whole = "JPA10.000000B-20.000000C30.000000D-40.000000E50.000000F-60.000000"
    reply = ar4.reply_of(whole[:length])
    assert isinstance(reply, ar4.Positions) is (length >= len(whole))


def said(controller, line: str) -> list[str]:
    return [reply.data.decode().strip() for reply in controller.hear(f"{line}\n".encode(), 0.0)]


def test_the_emulated_firmware_has_the_defects_of_the_real_one() -> None:
    """A move that was cut off goes to 0 deg and leaves one reply too many; a negative range is not checked."""
    controller = ar4_of(load_robot("annin_ar4_mk3"), [0.5] * 6)
    assert said(controller, ar4.ask_who()) == ["STA1B2.1.0C1Dmk3"]
    assert said(controller, "MTA10.0B20.0") == ["ER: a joint is missing", "ES0"]
    controller.advance(10.0)
    assert controller.joints.tolist() == [10.0, 20.0, 0.0, 0.0, 0.0, 0.0]
    assert said(controller, "MTA400.0B0.0C0.0D0.0E0.0F0.0") == ["ER: target out of range"]
    assert said(controller, "MTA-400.0B0.0C0.0D0.0E0.0F0.0") == ["ES0"]
    controller.advance(30.0)
    assert controller.joints[0] == -400.0


def test_the_emulated_arm_goes_where_a_whole_move_says_and_stands_after_a_stop() -> None:
    controller = ar4_of(load_robot("annin_ar4_mk3"), [0.0] * 6)
    assert said(controller, ar4.move(ANGLES, lower=LOWER, upper=UPPER)) == ["ES0"]
    controller.advance(10.0)
    (line,) = said(controller, ar4.ASK_POSITION)
    assert ar4.reply_of(line) == ar4.Positions(tuple(ANGLES))
    said(controller, ar4.move([0.0] * 6, lower=LOWER, upper=UPPER))
    controller.advance(10.1)
    controller.suffer([Fault("overload")])
    here = controller.joints.copy()
    controller.advance(12.0)
    assert (controller.joints == here).all()
    assert said(controller, ar4.CLEAR_STOP) == ["ES1"], "not while the switch is pressed"
    controller.suffer([])
    assert said(controller, ar4.move(ANGLES, lower=LOWER, upper=UPPER)) == ["ES1"]
    assert said(controller, ar4.CLEAR_STOP) == ["ES0"]
