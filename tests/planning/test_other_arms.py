"""Arms of four, five, six and seven axes draw a line on a plate: planned and proved, or refused with the reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellctl.errors import CellctlError, PlanningFailed
from cellctl.files import load_task
from cellctl.jobs import certify, plan
from cellctl.kinematics import arm_inverse
from cellctl.kinematics.solvers import decomposed, offset_wrist
from cellctl.model.plan import SeamSection
from cellctl.model.pose import Pose
from cellctl.model.task import MoveJ, Task, Weld
from cellctl.model.wps import Range
from cellctl.units import deg

pytest.importorskip("pybullet")

Bench = Callable[..., Task]
ARMS = {
    "open_manipulator_x": ("0 -30 40 60 deg", "200 0 60 mm"),
    "so101": ("0 -30 40 60 0 deg", "200 0 60 mm"),
    "ur5e": ("0 -90 90 -90 -90 0 deg", "450 0 200 mm"),
    "franka_panda_fer": ("0 -45 0 -135 0 90 45 deg", "450 0 200 mm"),
}
UPRIGHT = {"work_angle": Range(-0.1 * deg, 0.0, 0.1 * deg), "travel_angle": Range(-0.1 * deg, 0.0, 0.1 * deg)}

PUSHING = Range(9.0 * deg, 10.0 * deg, 11.0 * deg)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The task of the bench with an arm of the library, and more lines for its weld step."""

    def make(arm: str, **weld: object) -> Task:
        shutil.copytree(Path(__file__).with_name("bench"), tmp_path, dirs_exist_ok=True)
        (tmp_path / "cellctl.yaml").write_text("project: {name: bench}\n")
        home, plate = ARMS[arm]
        cell = tmp_path / "cell.yaml"
        text = cell.read_text().replace("open_manipulator_x", arm).replace("0 -30 40 60 deg", home)
        cell.write_text(text.replace("200 0 60 mm", plate))
        task = load_task(str(tmp_path / "task.yaml"))
        steps = tuple(replace(step, **weld) if isinstance(step, Weld) else step for step in task.steps)
        return replace(task, steps=steps)

    return make


def drawn(task: Task) -> SeamSection:
    """What the certified plan of `task` does on its one seam."""
    certified = certify(plan(task))
    (section,) = (segment.process for segment in certified.plan.segments if segment.process is not None)
    return section


@pytest.mark.parametrize("arm", [*ARMS])
def test_a_line_is_planned_and_certified(bench: Bench, arm: str) -> None:
    section = drawn(bench(arm))
    assert section.length == pytest.approx(0.08)
    for angles, window in (
        (section.work_angles, section.work_window),
        (section.travel_angles, section.travel_window),
    ):
        assert np.all((angles >= window.minimum - 1e-9) & (angles <= window.maximum + 1e-9))


def test_an_arm_of_four_axes_turns_its_pen_as_it_must(bench: Bench) -> None:
    """Its wrist follows the base axis: the spin along a straight line is the bearing of the point."""
    section = drawn(bench("open_manipulator_x"))
    bearing = np.arctan2(section.points[:, 1], section.points[:, 0] - 0.012)
    turned = section.spins - section.spins[0]
    np.testing.assert_allclose(turned, bearing[0] - bearing, atol=1e-3)
    assert np.ptp(section.spins) > 20.0 * deg


@pytest.mark.parametrize("form", ["two axes meeting", "search"])
def test_a_search_does_where_there_is_no_closed_form(bench: Bench, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(decomposed, "decomposed_arm", lambda chain: None)
    if form == "search":
        monkeypatch.setattr(offset_wrist, "offset_arrays", lambda chain: None)
    task = bench("so101")
    robot = task.cell.mechanisms[0].robot
    assert arm_inverse.arm_inverse(robot).form == form
    assert drawn(task).length == pytest.approx(0.08)


def test_without_eaik_no_decomposition_is_given(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(decomposed, "import_module", absent)
    assert arm_inverse.arm_inverse(bench("so101").cell.mechanisms[0].robot).form == "two axes meeting"


@pytest.mark.parametrize(
    ("arm", "weld", "codes", "words"),
    [
        ("so101", {**UPRIGHT, "travel_angle": PUSHING}, ["P221"], "widen 'travel_angle'"),
        ("open_manipulator_x", {"spin": Range(-1.0 * deg, 0.0, 1.0 * deg)}, ["P220"], "write 'spin: free'"),
        (
            "open_manipulator_x",
            {**UPRIGHT, "travel_angle": PUSHING},
            ["P221", "P221"],
            "widen 'work_angle'",
        ),
    ],
)
def test_what_an_arm_cannot_choose_is_never_let_go(
    bench: Bench, arm: str, weld: dict[str, object], codes: list[str], words: str
) -> None:
    with pytest.raises(PlanningFailed) as refused:
        plan(bench(arm, **weld))
    assert [finding.code for finding in refused.value.findings] == codes
    assert f"an arm of {4 if arm == 'open_manipulator_x' else 5} axes cannot choose" in str(refused.value)
    assert words in refused.value.findings[0].suggestion


def test_an_arm_of_five_axes_chooses_the_lean_of_a_bent_pen_but_not_its_spin(bench: Bench) -> None:
    mechanism = bench("so101").cell.mechanisms[0]
    assert mechanism.tool is not None
    assert mechanism.tool.torch is not None
    bent = replace(mechanism.tool.torch, contact_tip=Pose.of((0.02, 0.0, 0.04), (0.0, 40.0 * deg, 0.0)))
    inverse = arm_inverse.arm_inverse(mechanism.robot, bent.tcp(0.01))
    assert inverse.freed == ("spin",)
    assert arm_inverse.arm_inverse(mechanism.robot, mechanism.tool.torch.tcp(0.01)).freed == ("lean",)


def test_a_window_that_holds_what_comes_out_is_no_reason_to_refuse(bench: Bench) -> None:
    section = drawn(bench("open_manipulator_x", spin=Range(-120.0 * deg, -90.0 * deg, -60.0 * deg)))
    assert np.all(np.abs(np.angle(np.exp(1j * (section.spins + 90.0 * deg)))) <= 30.0 * deg + 1e-6)


def test_a_positioner_is_no_arm_to_weld_with(bench: Bench) -> None:
    from cellctl.files import load_robot

    task = bench("open_manipulator_x")
    positioner = load_robot("lib:robots/yaskawa_motopos_d500")
    mechanism = replace(task.cell.mechanisms[0], robot=positioner, configurations={"home": (0.0, 0.0)})
    cell = replace(task.cell, mechanisms=(mechanism,), parts=task.cell.parts)
    with pytest.raises(CellctlError) as refused:
        plan(replace(task, cell=cell, steps=task.steps[1:]))
    assert refused.value.findings[0].code in ("P206", "P222")


def test_moves_ask_for_no_inverse(bench: Bench) -> None:
    task = bench("open_manipulator_x")
    cell = replace(
        task.cell,
        mechanisms=(
            replace(
                task.cell.mechanisms[0], configurations={"home": (0.0, -0.5, 0.7, 1.0), "side": (1.0, 0.0, 0.0, 0.5)}
            ),
        ),
    )
    from cellctl.planning.plan_task import plan_steps

    blocks, _ = plan_steps(replace(task, cell=cell, steps=(MoveJ("side"),)), 0)
    assert [segment.kind for segment in blocks[0].segments] == ["transit"]
