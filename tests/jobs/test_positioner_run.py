"""A weld on a positioner run on the simulated arm: one controller drives all joints, the record says how it went."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cellctl.files import load_task
from cellctl.jobs.measuring import measured_welds
from cellctl.jobs.proving import certify, plan
from cellctl.jobs.running import run
from cellctl.model.plan import CertifiedPlan
from cellctl.scene.bullet.dynamics import ArmDynamics

JOINTS = [f"r1.joint_a{k}" for k in range(1, 7)] + ["table.joint_1", "table.joint_2"]


@pytest.fixture
def certified(tmp_path: Path, checkout: Path) -> CertifiedPlan:
    """The job of the library with a pipe so thin that it is soon welded."""
    project = shutil.copytree(checkout / "sim" / "positioner_cell", tmp_path / "project")
    ring = (project / "ring.yaml").read_text().replace("radius: 80 mm", "radius: 20 mm")
    (project / "ring.yaml").write_text(ring)
    (project / "cellctl.yaml").write_text("project: {name: thin}\n")
    (project / "task.yaml").write_text(
        "cell: cell.yaml\nstart: home\nsteps:\n  - weld: {seam: ring.around, wps: mig131_al_t4_pa, backing: [chuck]}\n"
    )
    return certify(plan(load_task(project / "task.yaml")))


def test_joints_of_the_positioner_are_those_after_the_arm() -> None:
    arm, table = load_task("lib:tasks/weld/ring_on_positioner.yaml").cell.mechanisms
    q = np.concatenate([arm.configurations["home"], [0.4, -0.9]])
    with ArmDynamics(arm.robot, arm.tool, arm.pose_world_base, [table]) as plant:
        plant.set_joints(q)
        for _ in range(200):
            plant.step(q + 0.0, np.zeros(8))
        held, rates, torques = plant.read()
    np.testing.assert_allclose(held, q, atol=2e-3)
    assert np.abs(rates).max() < 1e-2
    # the tilt carries the weight of the table beside its axis, the turn about the plumb line of it little
    assert abs(torques[6]) > 10.0 * abs(torques[7])


def test_the_weld_is_run_and_measured_in_the_frame_of_the_part(certified: CertifiedPlan, tmp_path: Path) -> None:
    run(certified, driver="sim", folder=tmp_path / "run").finish()
    (weld,) = measured_welds(tmp_path / "run")
    assert weld.findings == ()
    assert weld.record.position == "PA"
    assert weld.record.lateral < 0.2e-3
    assert weld.record.travel_speed == pytest.approx(0.010, rel=0.02)
    header = (tmp_path / "run" / "trace.csv").read_text().splitlines()[0]
    assert all(joint in header for joint in JOINTS)
