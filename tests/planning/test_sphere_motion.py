"""Free motion of an arm of spheres: through narrow places, the same every time, with reasons where there is none."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cellctl.errors import LimitReached, PlanningFailed
from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Sphere
from cellctl.planning.free.sphere_motion import FreeMotion, free_motion
from cellctl.scene.spheres.edges import all_items, spheres_free_each
from cellctl.scene.spheres.model import SphereArm
from cellctl.scene.spheres.obstacles import obstacles_from
from cellctl.scene.spheres.tables import ArmTables, arm_tables

HERE = Path(__file__).parent


def _module(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def arms() -> ModuleType:
    return _module(HERE.parent / "scene" / "sphere_arms.py")


@pytest.fixture(scope="session")
def narrow() -> ModuleType:
    return _module(HERE / "narrow_scenes.py")


@pytest.fixture(scope="session")
def arm(arms: ModuleType) -> SphereArm:
    return arms.six_axis_arm(0.06)


@pytest.fixture(scope="session")
def tables(arm: SphereArm) -> ArmTables:
    return arm_tables(arm, mixed=True)


NOTHING = obstacles_from([(Sphere(0.01), Pose.of((9.0, 0.0, 0.0)))])
HOME = np.array([0.0, -0.9, 0.6, 0.0, 1.2, 0.0])


@pytest.mark.parametrize("name", ["cage", "box", "thin_shelf"])
def test_narrow_places_are_reached_and_every_sample_is_free(
    narrow: ModuleType, arm: SphereArm, tables: ArmTables, name: str
) -> None:
    problems = narrow.problems(arm, tables, name, 25)
    assert len(problems) >= 20
    for k, (scene, goal) in enumerate(problems):
        obstacles = obstacles_from(scene)
        motion = free_motion(arm, tables, obstacles, HOME, goal, seed=k, reach=1.5)
        assert np.array_equal(motion.way[0], HOME)
        assert np.array_equal(motion.way[-1], goal)
        assert motion.length <= motion.first_length + 1e-6
        share = np.linspace(0.0, 1.0, 500)[:, None]
        q = np.vstack([a + share * (b - a) for a, b in zip(motion.way[:-1], motion.way[1:], strict=True)])
        free = np.zeros(len(q), np.bool_)
        spheres_free_each(tables, obstacles, all_items(tables, obstacles, np.float32(0.0)), q.astype(np.float32), free)
        assert free.all()


def test_a_straight_way_is_taken_where_it_is_free(arm: SphereArm, tables: ArmTables) -> None:
    motion = free_motion(arm, tables, NOTHING, HOME, HOME + 0.3)
    assert motion.iterations == 0
    assert np.array_equal(motion.way, [HOME, HOME + 0.3])


def test_of_several_goals_one_that_is_free_is_reached(arm: SphereArm, tables: ArmTables, narrow: ModuleType) -> None:
    scene, goal = narrow.problems(arm, tables, "box", 3)[0]
    blocked = np.array([0.0, 1.4, 1.0, 0.0, 0.0, 0.0])
    motion = free_motion(arm, tables, obstacles_from(scene), HOME, [blocked, goal])
    assert motion.goal == 1
    assert np.array_equal(motion.way[-1], goal)


def _digest(motions: list[FreeMotion]) -> str:
    return hashlib.sha256(b"".join(motion.way.tobytes() for motion in motions)).hexdigest()


def _some_motions() -> str:
    arms, narrow = _module(HERE.parent / "scene" / "sphere_arms.py"), _module(HERE / "narrow_scenes.py")
    arm = arms.six_axis_arm(0.06)
    tables = arm_tables(arm, mixed=True)
    problems = [
        (k, one) for name in ("cage", "thin_shelf") for k, one in enumerate(narrow.problems(arm, tables, name, 6))
    ]
    return _digest(
        [free_motion(arm, tables, obstacles_from(scene), HOME, goal, seed=k) for k, (scene, goal) in problems]
    )


@pytest.mark.parametrize(
    "features",
    [
        "",
        pytest.param("+sse2,-avx,-avx2,-avx512f", marks=pytest.mark.slow),
        pytest.param("+avx2,-avx512f", marks=pytest.mark.slow),
    ],
)
def test_the_same_bytes_in_another_process_and_with_other_instructions(tmp_path: Path, features: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); import runpy; "
        f"print(runpy.run_path({str(Path(__file__))!r})['_some_motions']())"
    )
    import os

    environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
    if features:
        environment |= {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _some_motions()


def test_another_seed_gives_another_way(arm: SphereArm, tables: ArmTables, narrow: ModuleType) -> None:
    scene, goal = narrow.problems(arm, tables, "cage", 4)[3]
    ways = [free_motion(arm, tables, obstacles_from(scene), HOME, goal, seed=seed).way for seed in (0, 1)]
    assert ways[0].tobytes() != ways[1].tobytes()


def _codes(caught: pytest.ExceptionInfo[PlanningFailed]) -> list[str]:
    return [finding.code for finding in caught.value.findings]


def test_a_value_that_is_no_number_is_named(arm: SphereArm, tables: ArmTables) -> None:
    start = HOME.copy()
    start[2] = np.nan
    with pytest.raises(PlanningFailed, match="the start: joint_3 is nan, which is no joint value") as caught:
        free_motion(arm, tables, NOTHING, start, HOME)
    assert _codes(caught) == ["P250"]


def test_a_value_beyond_its_limit_is_named_with_the_limit(arm: SphereArm, tables: ArmTables) -> None:
    goals = np.stack([HOME, HOME])
    goals[1, 4] = 2.5
    with pytest.raises(PlanningFailed, match=r"goal 2: joint_5 at 2.5 is above its upper limit 2 ") as caught:
        free_motion(arm, tables, NOTHING, HOME, goals)
    assert _codes(caught) == ["P252"]


def test_limits_the_wrong_way_round_are_named(arm: SphereArm, tables: ArmTables) -> None:
    wrong = SphereArm(
        arm.chain, arm.frames, arm.centres, arm.radii, arm.bodies, arm.names, arm.pairs, arm.joints,
        arm.upper, arm.lower,
    )  # fmt: skip
    with pytest.raises(PlanningFailed, match=r"joint_1: the lower limit 3.1 is above the upper limit -3.1") as caught:
        free_motion(wrong, tables, NOTHING, HOME, HOME)
    assert _codes(caught) == ["P251"] * 6


def test_a_start_that_touches_names_the_two_bodies(arm: SphereArm, tables: ArmTables) -> None:
    wall = obstacles_from([(Box((0.5, 0.5, 0.5)), Pose.of((0.0, 0.0, 0.6)))])
    with pytest.raises(PlanningFailed, match=r"the start: link_2 and the block are -60.00 mm apart") as caught:
        free_motion(arm, tables, wall, np.zeros(6), HOME, names=("the block",))
    assert _codes(caught) == ["P253"]


def test_goals_that_all_touch_are_all_named(arm: SphereArm, tables: ArmTables) -> None:
    ceiling = obstacles_from([(Box((3.0, 3.0, 0.1)), Pose.of((0.0, 0.0, 0.95)))])
    with pytest.raises(PlanningFailed, match="goal 2: link_") as caught:
        free_motion(arm, tables, ceiling, HOME, [[0.0, 0.0, -1.5, 0.0, 0.0, 0.0]] * 2)
    assert _codes(caught) == ["P254", "P254"]


@pytest.mark.parametrize("goals", [np.zeros((0, 6)), np.zeros(5), np.zeros((1, 2, 6))])
def test_what_does_not_fit_the_arm_is_refused(arm: SphereArm, tables: ArmTables, goals: np.ndarray) -> None:
    with pytest.raises(PlanningFailed, match="the arm has 6 joints") as caught:
        free_motion(arm, tables, NOTHING, HOME, goals)
    assert _codes(caught) == ["P255"]


def test_no_way_ends_at_the_limit_of_iterations(arm: SphereArm, tables: ArmTables, narrow: ModuleType) -> None:
    problems = narrow.problems(arm, tables, "cage", 4)
    needed = [free_motion(arm, tables, obstacles_from(scene), HOME, goal).iterations for scene, goal in problems]
    scene, goal = problems[int(np.argmax(needed))]
    assert max(needed) > 3
    with pytest.raises(LimitReached, match="no free motion was found within 3 iterations") as caught:
        free_motion(arm, tables, obstacles_from(scene), HOME, goal, iterations=3)
    assert [finding.code for finding in caught.value.findings] == ["P256"]
