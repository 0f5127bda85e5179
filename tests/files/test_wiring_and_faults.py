"""Wiring files and fault scripts: what they become, and all that is wrong with a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellctl.errors import FileError
from cellctl.files import load_faults, load_gcode_wiring, load_robot, load_wiring
from cellctl.model.gcode_wiring import homed_robot
from cellctl.model.link_faults import Fault


def test_every_wiring_of_the_library_fits_its_robot(checkout: Path) -> None:
    wired = sorted(path.parent.name for path in checkout.glob("robots/*/wiring.yaml"))
    assert "open_manipulator_x" in wired
    for name in wired:
        assert load_wiring(name).joints == tuple(axis.name for axis in load_robot(name).axes)


def test_joints_and_raw_positions() -> None:
    arm = load_wiring("open_manipulator_x")
    for axis in arm.axes:
        assert axis.raw(0.0) == 2048
        assert axis.joint_value(axis.raw(0.5)) == pytest.approx(0.5, abs=1e-3)
    assert arm.called(12) == "joint2 (servo 12)"
    assert arm.called(15) == "gripper (servo 15)"
    assert load_wiring("interbotix_vx300s").called(5) == "elbow (servo 5)"


def test_all_that_is_wrong_with_a_wiring(tmp_path: Path) -> None:
    (tmp_path / "wiring.yaml").write_text(
        """\
protocol: dynamixel
baud: 1000000
period: 50 ms
lag: 10 ms
watchdog: 100 ms
on_power_removal: falls
servos:
  - {joint: a, id: 1, model: XM430-W350}
  - {joint: a, id: 1, model: XM431}
outputs:
  grip: {line: 1, id: 1, model: XM430-W350, off: 1, on: 2}
  blow: {line: 1, id: 4, model: XM430-W350, off: 1, on: 2}
"""
    )
    with pytest.raises(FileError) as caught:
        load_wiring(tmp_path / "wiring.yaml")
    text = str(caught.value)
    for said in (
        "servo 1 is named 3 times",
        "joint 'a' is named 2 times",
        "line 1 is named 2 times",
        "unknown dynamixel servo 'XM431' - did you mean 'XM430-W350'?",
        "'watchdog' must be at least 3 periods (150 ms)",
    ):
        assert said in text
    assert {finding.code for finding in caught.value.findings} == {"F193", "F130", "F123"}


def test_a_script_of_faults(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("seed: 3\nfaults:\n  - {kind: late, start: 1 s, end: 2 s, by: 50 ms, share: 0.5, times: 4}\n")
    assert load_faults(path).faults == (Fault("late", 1.0, 2.0, share=0.5, times=4, by=0.05),)
    path.write_text(
        "faults:\n  - {kind: lat}\n  - {kind: late}\n  - {kind: stall}\n  - {kind: lose, start: 2 s, end: 1 s}\n"
    )
    with pytest.raises(FileError) as caught:
        load_faults(path)
    assert "'lat' is not a choice for 'kind' - did you mean" in str(caught.value)
    assert "F113" in {finding.code for finding in caught.value.findings}
    path.write_text("faults:\n  - {kind: late}\n  - {kind: stall}\n  - {kind: lose, start: 2 s, end: 1 s}\n")
    with pytest.raises(FileError) as caught:
        load_faults(path)
    assert [finding.code for finding in caught.value.findings] == ["F111", "F111", "F123"]


def test_the_generic_arm_is_homed_to_its_upper_limits() -> None:
    """The file that is there to be copied says what an arm without a file is taken for."""
    robot, wiring = load_robot("generic_gcode_6axis"), load_gcode_wiring("generic_gcode_6axis")
    assert wiring == homed_robot(robot)
    upper = robot.limit_array("upper")
    assert wiring.machine_values(upper) == pytest.approx([0.0] * 6, abs=1e-9)
    assert wiring.joint_values(wiring.machine_values(upper - 0.3)) == pytest.approx(upper - 0.3)


def test_all_that_is_wrong_with_a_gcode_wiring(tmp_path: Path) -> None:
    (tmp_path / "gcode.yaml").write_text(
        """\
baud: 300
axes:
  - {joint: a, zero: -170 deg, sign: 2}
  - {joint: b, zero: -170}
"""
    )
    with pytest.raises(FileError) as caught:
        load_gcode_wiring(tmp_path / "gcode.yaml")
    assert [(f.code, f.place.line) for f in caught.value.findings] == [("F123", 1), ("F113", 3), ("F120", 4)]
    (tmp_path / "gcode.yaml").write_text("axes: [{joint: a, zero: 0 deg}, {joint: a, zero: 0 deg}]")
    with pytest.raises(FileError, match="joint 'a' is named 2 times"):
        load_gcode_wiring(tmp_path / "gcode.yaml")
