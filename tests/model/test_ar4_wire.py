"""Lines of the AR4's firmware: what was read in its source, and what must never go over the line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.emulators.ar4.controller import Ar4Controller
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
    assert ar4.reply_of("ER: panic, missing joint B") == ar4.Complaint("panic, missing joint B")
    assert ar4.reply_of("WN: Failed to return.") == ar4.Remark("Failed to return.")
    assert ar4.reply_of("ES") == ar4.Strange("ES")


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


def said(controller: Ar4Controller, line: str) -> list[str]:
    return [reply.data.decode().strip() for reply in controller.hear(f"{line}\n".encode(), 0.0)]


@pytest.fixture
def controller() -> Ar4Controller:
    """One that counts 0.5 deg everywhere, and knows who asks."""
    controller = Ar4Controller(np.full(6, 0.5))
    assert said(controller, ar4.ask_who()) == ["STA1B2.1.0C1Dmk3"]
    return controller


def test_the_emulated_firmware_has_the_defects_of_the_real_one(controller: Ar4Controller) -> None:
    """A move that was cut off goes to 0 from there on and is answered twice; a negative range is not checked."""
    assert said(controller, "MTA10.0B20.0D5.0") == ["ER: panic, missing joint C", "ES0"]
    controller.advance(10.0)
    assert controller.joints.tolist() == [10.0, 20.0, 0.0, 0.0, 0.0, 0.0]
    assert said(controller, "MTA400.0B0.0C0.0D0.0E0.0F0.0")[0].startswith("ER: panic, joint A value 400")
    assert said(controller, "MTA-400.0B0.0C0.0D0.0E0.0F0.0") == ["ES0"]
    assert said(controller, "XX") == [], "what it does not know it does not mention"
    controller.advance(30.0)
    assert controller.joints[0] == -400.0


def test_a_move_to_where_a_joint_is_leaves_its_goal_alone(controller: Ar4Controller) -> None:
    """So an arm is not stopped by a move to where it is."""
    said(controller, "MTA20B0.5C0.5D0.5E0.5F0.5")
    controller.advance(1.0)
    here = float(controller.joints[0])
    assert 2.0 < here < 18.0
    said(controller, f"MTA{here:.6f}B0.5C0.5D0.5E0.5F0.5")
    controller.advance(10.0)
    assert controller.joints[0] == 20.0


def test_every_joint_goes_by_its_own_ramp(controller: Ar4Controller) -> None:
    """A triangle of 30 deg/s^2 up to 60 deg/s; a joint with a short way does not wait for the others."""
    said(controller, "MTA30.5B1.7C0.5D0.5E0.5F0.5")
    controller.advance(0.5)
    assert controller.joints[:2] == pytest.approx([0.5 + 15.0 * 0.25, 0.5 + 1.2], abs=0.05)
    controller.advance(1.0)
    assert controller.joints[0] == pytest.approx(15.5, abs=0.05)
    assert controller.speeds[0] == pytest.approx(30.0, abs=0.5)
    controller.advance(2.2)
    assert controller.joints[0] == 30.5


def test_one_that_is_asked_before_it_was_told_who_asks_is_dead(controller: Ar4Controller) -> None:
    fresh = Ar4Controller(np.zeros(6))
    assert said(fresh, ar4.ASK_POSITION) == []
    assert b"Unrecoverable" in fresh.advance(1.5)[0].data
    assert said(fresh, ar4.ask_who()) == []
    wrong = Ar4Controller(np.zeros(6))
    assert said(wrong, ar4.ask_who("2.0.0")) == ["STA0B2.1.0C1Dmk3"]
    assert wrong.dead


def test_an_emergency_stop_is_latched_and_what_was_told_is_forgotten(controller: Ar4Controller) -> None:
    whole = "MTA20B0.5C0.5D0.5E0.5F0.5"
    assert said(controller, whole) == ["ES0"]
    controller.advance(0.5)
    controller.suffer([Fault("overload")])
    here = controller.joints.copy()
    assert said(controller, whole) == ["ES1"]
    assert said(controller, ar4.CLEAR_STOP) == ["ES1"], "not while the switch is pressed"
    controller.suffer([])
    assert said(controller, ar4.CLEAR_STOP) == ["ES0"]
    controller.advance(5.0)
    assert (controller.joints == here).all()


def test_after_a_restart_it_counts_from_where_it_stands(controller: Ar4Controller) -> None:
    controller.suffer([Fault("reboot")])
    controller.suffer([])
    assert said(controller, ar4.ask_who()) == ["STA1B2.1.0C1Dmk3"]
    assert controller.joints.tolist() == [0.0] * 6
    assert controller.shafts.tolist() == [0.5] * 6
