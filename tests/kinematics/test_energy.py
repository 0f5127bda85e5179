"""Energy closes its balance: a pendulum, a lift, and an arm that rises between two rests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellctl.files import load_robot
from cellctl.kinematics.energy import motion_energy, potential_energy
from cellctl.kinematics.masses import STANDARD_GRAVITY
from cellctl.model.pose import Pose
from cellctl.model.robot import Inertia, Joint, JointLimits, Link, Robot

LIMITS = JointLimits(-10.0, 10.0, 10.0, 100.0, 1000.0, 1000.0)
NOTHING = Inertia(0.0, (0.0, 0.0, 0.0), (0.0,) * 6)


def one_axis(kind: str, axis: tuple[float, float, float], load: Inertia) -> Robot:
    joints = (Joint("axis", kind, "base", "arm", Pose.identity(), axis, LIMITS),)
    return Robot("one", "one axis", joints, (Link("base", NOTHING), Link("arm", load)), "base", "arm", 5.0)


def test_a_lift_takes_m_g_h() -> None:
    mass, height = 4.0, 0.8
    lift = one_axis(
        "prismatic", (0.0, 0.0, 1.0), Inertia(mass, (0.0, 0.1, 0.0), (0.01, 0.0, 0.0, 0.01, 0.0, 0.01), "source")
    )
    t = np.linspace(0.0, 2.0, 1000)
    share = t / t[-1]
    q = height * (10.0 * share**3 - 15.0 * share**4 + 6.0 * share**5)
    up = motion_energy(lift, None, Pose.identity(), t, q[:, None])
    assert up.net == pytest.approx(mass * STANDARD_GRAVITY * height, rel=0.02)
    assert not up.estimated
    down = motion_energy(lift, None, Pose.identity(), t, q[::-1, None])
    assert down.net == pytest.approx(-mass * STANDARD_GRAVITY * height, rel=0.02)
    assert up.given == pytest.approx(down.taken, rel=1e-6)


def test_a_free_pendulum_needs_no_motor() -> None:
    """Its motion comes from an integrator; the energy that swings to and fro is the measure."""
    mass, length = 2.0, 0.5
    arm = one_axis("revolute", (0.0, 1.0, 0.0), Inertia(mass, (0.0, 0.0, -length), (0.0,) * 6))
    t = np.linspace(0.0, 3.0, 1500)
    swing = solve_ivp(
        lambda _, y: (y[1], -STANDARD_GRAVITY / length * np.sin(y[0])),
        (0.0, 3.0),
        (1.2, 0.0),
        t_eval=t,
        rtol=1e-10,
        atol=1e-10,
    )
    used = motion_energy(arm, None, Pose.identity(), t, swing.y[0][:, None])
    swinging = mass * STANDARD_GRAVITY * length * (1.0 - np.cos(1.2))
    assert used.given < 0.02 * swinging
    assert used.taken < 0.02 * swinging
    held = motion_energy(arm, None, Pose.identity(), t, 1.2 * (t / 3.0)[:, None])
    assert held.net == pytest.approx(swinging, rel=0.02)


def test_an_arm_between_two_rests_stores_what_its_masses_gain() -> None:
    arm, pose = load_robot("kuka_kr16_2"), Pose.of((0.0, 0.0, 0.5), (0.0, 0.2, 0.4))
    start, end = np.array([0.0, -1.8, 1.9, 0.0, 1.2, 0.0]), np.array([1.0, -0.6, 0.8, 1.0, -0.6, 2.0])
    t = np.linspace(0.0, 2.5, 2000)
    share = t / t[-1]
    blend = (10.0 * share**3 - 15.0 * share**4 + 6.0 * share**5)[:, None]
    used = motion_energy(arm, None, pose, t, start + blend * (end - start))
    rise = potential_energy(arm, None, pose, end) - potential_energy(arm, None, pose, start)
    assert used.net == pytest.approx(rise, rel=0.02)
    assert used.taken > -rise > 0.0
    assert used.estimated
