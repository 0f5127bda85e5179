"""A gripper that is a servo: where its output has come to rest is told on input lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cellctl.files import load_wiring
from cellctl.model.link_faults import Fault

LINE = 1 << 2
CLOSED, OPEN = 1 << 2, 1 << 3


def test_it_tells_where_it_has_come_to_rest(dynamixel) -> None:
    b = dynamixel()
    states = b.follow(1.0)
    assert states[-1].inputs == OPEN
    states = b.follow(1.2, outputs=LINE, since=1.0)
    inputs = [state.inputs for state in states]
    assert inputs[-1] == CLOSED
    assert inputs[0] == 0, "what was true of the goal before is not told of the new one"
    assert inputs.index(CLOSED) > 5, "not before it has moved and stands"
    assert b.follow(1.2, since=2.2)[-1].inputs == OPEN


def test_one_that_is_stuck_never_says_that_it_has_closed(dynamixel) -> None:
    b = dynamixel(Fault("stuck", start=1.0, servo=15))
    b.follow(1.2)
    assert {state.inputs for state in b.follow(1.5, outputs=LINE, since=1.2)} <= {0}


@pytest.mark.parametrize(
    ("goal", "position", "moves", "told"),
    [
        (1800, 1800, False, CLOSED),
        (1800, 2300, False, CLOSED),
        (1800, 2300, True, 0),
        (1800, 2480, False, 0),
        (2500, 2490, False, OPEN),
        (2500, 2490, True, 0),
        (2500, 2000, False, 0),
    ],
    ids=["closed", "on a part", "on its way", "has not moved", "open", "opens", "does not open"],
)
def test_what_a_place_of_the_servo_means(goal: int, position: int, moves: bool, told: int) -> None:
    (output,) = load_wiring("open_manipulator_x").outputs
    assert output.inputs(goal=goal, position=position, moves=moves) == told
    silent = replace(output, reached_on=None, reached_off=None)
    assert silent.inputs(goal=goal, position=position, moves=moves) == 0
