"""Emulated servos that move the arm of a cell in PyBullet, in simulated time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("pybullet")

from cellctl.bench.serial.simulated import ServoBench, servo_bench
from cellctl.emulators.servos.body import Body
from cellctl.files import load_cell
from cellctl.kinematics.chain import chain_of
from cellctl.kinematics.forward import frames
from cellctl.model.cell import Mechanism
from cellctl.model.link_faults import Fault
from cellctl.model.wiring import STEP
from cellctl.scene.bullet.dynamics import ArmDynamics


@pytest.fixture(scope="module")
def arm() -> Mechanism:
    return load_cell("lib:sim/desk_cell/cell.yaml").mechanisms[0]


@pytest.fixture
def bench(arm: Mechanism) -> Iterator:
    plants = []

    def make(*faults: Fault) -> ServoBench:
        home = arm.configurations["home"]
        bench = servo_bench("dynamixel", *faults, at=home)
        plants.append(ArmDynamics(arm.robot, arm.tool, arm.pose_world_base, time_step=0.001))
        bench.bus.body = Body(plants[-1], bench.wiring, home)
        return bench

    yield make
    for plant in plants:
        plant.close()


def height(arm: Mechanism, joints: np.ndarray) -> float:
    """How high the flange is over the base, m."""
    return float(frames(chain_of(arm.robot), joints)[-1][2, 3])


def test_an_arm_with_masses_follows_as_one_without(bench, arm: Mechanism) -> None:
    b, light = bench(), servo_bench("dynamixel", at=arm.configurations["home"])
    assert np.abs(b.pose() - arm.configurations["home"]).max() < 2 * STEP
    for heavy, other in zip(b.follow(3.0), light.follow(3.0), strict=True):
        assert np.abs(heavy.joints - other.joints).max() < 5 * STEP
    b.arm.stop()
    assert b.stands()


def test_it_rests_until_it_is_switched_on_and_falls_when_the_power_goes(bench, arm: Mechanism) -> None:
    """DYNAMIXEL arms have no brakes: without power they fall, about the axes that gravity turns."""
    b = bench()
    before = b.pose()
    b.wait(1.0)
    assert np.abs(b.pose() - before).max() < 2 * STEP
    b.follow(0.5)
    b.arm.stop()
    held = b.pose()
    b.wait(1.0)
    assert np.abs(b.pose() - held).max() < 2 * STEP
    b.arm.power("off")
    b.wait(0.5)
    assert height(arm, b.pose()) < height(arm, held) - 0.02
    assert abs(b.pose()[0] - held[0]) < 0.02, "the first axis is upright"


def test_a_servo_that_is_stuck_holds_its_joint_and_the_others_go_on(bench) -> None:
    b = bench(Fault("stuck", start=0.5, servo=13))
    b.follow(0.5 - b.line.age)
    stuck = b.pose()
    b.follow(0.2, since=0.5)
    moved = np.abs(b.pose() - stuck)
    assert moved[2] < 3 * STEP
    assert moved[[0, 1, 3]].min() > 10 * STEP
