"""`cellctl emulate` as a process, and the consent that a real arm asks for."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cellctl.files import load_cell
from cellctl.model.wiring import STEP

SERVO_ARMS = (
    "'kuka_kr16_2' is not wired to servos - arms of the library that are: interbotix_vx300s, open_manipulator_x, so101;"
)


def test_the_port_is_told_at_once_and_ctrl_c_ends_it(emulated, checkout: Path, tmp_path: Path) -> None:
    script = checkout / "sim/faults/noisy_line.yaml"
    process, said = emulated("dynamixel", "--faults", str(script), "--link", str(tmp_path / "arm"))
    assert said == {"protocol": "dynamixel", "arm": "open_manipulator_x", "port": str(tmp_path / "arm")}
    assert (tmp_path / "arm").is_char_device()
    process.send_signal(signal.SIGINT)
    assert process.wait(20.0) == 0
    assert "faults on the line: none" in process.stdout.read()
    assert not (tmp_path / "arm").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--arm", "kuka_kr16_2"], SERVO_ARMS),
        (["--cell", "sim/tray_cell/cell.yaml"], SERVO_ARMS),
        (["--at", "1 2 deg"], "--at: "),
        (["--faults", "nothing.yaml"], "nothing.yaml: there is no such file"),
        (["--cell", "sim/paper_cell/cell.yaml"], "'so101' is wired for feetech, not for dynamixel"),
        (["--cell", "sim/paper_cell/cell.yaml", "--arm", "open_manipulator_x"], "the cell 'paper_cell' has the joints"),
    ],
)
def test_what_cannot_be_emulated_is_a_usage_error(say, words: list[str], said: str) -> None:
    answer = say("emulate", "dynamixel", *words)
    assert answer.code == 2
    assert said in answer.err


def test_servos_move_the_arm_of_a_cell(emulated, tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    link = tmp_path / "arm"
    _, said = emulated("feetech", "--cell", "sim/paper_cell/cell.yaml", "--link", str(link))
    assert said["arm"] == "so101"
    home = load_cell("lib:sim/paper_cell/cell.yaml").mechanisms[0].configurations["home"]
    assert read_feetech(str(link)) == pytest.approx(home, abs=2 * STEP)


def test_a_real_arm_moves_only_with_consent(say) -> None:
    answer = say("run", "tasks/desk/over_the_blocks.yaml", "--driver", "dynamixel:/dev/ttyNONE")
    assert (answer.code, answer.err) == (
        2,
        "nobody agreed that the arm at dynamixel:/dev/ttyNONE may move - add --yes when it may move [U645]\n",
    )


def test_the_file_of_a_line_is_read_before_anything_is_planned(say, tmp_path: Path) -> None:
    answer = say("run", "tasks/weld/tray_corner.yaml", "--io-file", "sim/process_line/io.yaml")
    assert (answer.code, "[U657]" in answer.err) == (2, True)
    missing = ("--io", "modbus:/dev/ttyNONE", "--io-file", str(tmp_path / "nope.yaml"), "--yes")
    answer = say("run", "tasks/weld/tray_corner.yaml", *missing)
    assert answer.code == 2
    assert answer.err.startswith(f"{tmp_path / 'nope.yaml'}: there is no such file")


def test_process_devices_are_as_real_as_an_arm(say) -> None:
    answer = say("run", "tasks/weld/tray_corner.yaml", "--io", "modbus:/dev/ttyNONE")
    assert (answer.code, answer.err) == (
        2,
        "nobody agreed that the process devices at modbus:/dev/ttyNONE may move - add --yes when they may move "
        "[U645]\n",
    )
    answer = say("run", "tasks/weld/tray_corner.yaml", "--io", "profinet:/dev/ttyNONE")
    assert (answer.code, "[U640]" in answer.err) == (2, True)


def test_a_driver_without_its_port_is_a_usage_error(say) -> None:
    answer = say("run", "tasks/desk/over_the_blocks.yaml", "--driver", "dynamixel", "--yes")
    assert answer.code == 2
    assert "[U644]" in answer.err


def test_a_name_that_something_has_is_refused_and_left(say, tmp_path: Path) -> None:
    (tmp_path / "kept.yaml").write_text("precious")
    for name in ("kept.yaml", ".", "nowhere/arm"):
        answer = say("emulate", "modbus", "--link", str(tmp_path / name))
        assert (answer.code, "[U680]" in answer.err) == (2, True), answer.err
    assert (tmp_path / "kept.yaml").read_text() == "precious"


def read_feetech(port: str) -> list[float]:
    from cellctl.drivers import open_driver
    from cellctl.drivers.driver import ArmSetup
    from cellctl.files import load_robot

    robot = load_robot("so101")
    joints = tuple(joint.name for joint in robot.axes)
    with open_driver(f"feetech:{port}", ArmSetup("so101", joints, [0.0] * 5, limits=robot.axis_limits)) as arm:
        return arm.read().joints.tolist()


def read_waypoint_arm(port: str, protocol: str) -> list[float]:
    from cellctl.drivers.driver import ArmSetup
    from cellctl.drivers.grbl.arm import GrblArm
    from cellctl.drivers.mycobot.arm import MycobotWaypointArm
    from cellctl.drivers.serial_port import SerialPort
    from cellctl.files import load_robot
    from cellctl.model.gcode_wiring import homed_robot

    robot = load_robot("generic_gcode_6axis")
    setup = ArmSetup(robot.name, tuple(j.name for j in robot.axes), [0.0] * 6, limits=robot.axis_limits)
    opened = lambda: SerialPort(port, baud=115_200)  # noqa: E731
    arm = GrblArm(opened, homed_robot(robot), setup) if protocol == "grbl" else MycobotWaypointArm(opened, setup)
    with arm:
        return arm.read().joints.tolist()


@pytest.mark.parametrize(
    ("protocol", "at", "arm"),
    [
        ("feetech", "10 -20 30 5 0 deg", "so101"),
        ("grbl", "10 -20 30 5 0 15 deg", "generic_gcode_6axis"),
        ("mycobot", "10 -20 30 5 0 15 deg", "generic_gcode_6axis"),
    ],
)
def test_each_protocol_is_there_for_its_driver(emulated, protocol: str, at: str, arm: str) -> None:
    process, said = emulated(protocol, "--at", at)
    assert (said["protocol"], said["arm"]) == (protocol, arm)
    read = read_feetech(said["port"]) if protocol == "feetech" else read_waypoint_arm(said["port"], protocol)
    wanted = [float(word) * 3.141592653589793 / 180.0 for word in at.removesuffix(" deg").split()]
    assert read == pytest.approx(wanted, abs=0.001)
    process.send_signal(signal.SIGINT)
    assert process.wait(20.0) == 0


def test_process_devices_are_there_for_their_driver(emulated) -> None:
    pytest.importorskip("pymodbus", reason="pymodbus is missing: pip install 'cellctl[modbus]'")
    from cellctl.drivers.modbus.io import ModbusIo
    from cellctl.drivers.serial_port import SerialPort
    from cellctl.model.process_channels import DEVICES, ModbusLine

    _, said = emulated("modbus")
    with ModbusIo(lambda: SerialPort(said["port"], baud=115_200), ModbusLine(), tuple(DEVICES.values())) as io:
        io.write("weld_source", {"wire_feed": 0.1, "gas_on": 1, "arc_on": 1})
        assert io.read("weld_source", "gas_on", "arc_on") == {"gas_on": 1.0, "arc_on": 1.0}


def test_what_is_experimental_has_to_be_asked_for(say, emulated) -> None:
    answer = say("emulate", "ar4")
    assert answer.code == 2
    assert "a move that is cut off takes joints to the end of their range" in answer.err
    assert "[U658]" in answer.err
    _, said = emulated("ar4", "--experimental")
    assert (said["protocol"], said["arm"]) == ("ar4", "annin_ar4_mk3")


@pytest.mark.parametrize(("protocol", "arm", "axes"), [("grbl", "franka_panda_fer", 7), ("mycobot", "so101", 5)])
def test_an_arm_with_other_axes_is_refused(say, protocol: str, arm: str, axes: int) -> None:
    answer = say("emulate", protocol, "--arm", arm)
    assert answer.code == 2
    assert f"'{arm}' has {axes} axes" in answer.err
