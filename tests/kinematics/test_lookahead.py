"""What a GRBL controller makes of waypoints: the laws that every motion keeps, and the firmware's own planner.

The last test is an optional job: it compiles `planner.c` of `gnea/grbl` as it is. Put the sources of `grbl/grbl-sim`
into its folder `grbl/sim`, and name that `grbl` folder in the environment variable CELLCTL_GRBL_SOURCE.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.kinematics.lookahead import FirmwareLimits, Line, entry_speeds, followed, line_of

LIMITS = FirmwareLimits(np.array([50.0, 40.0, 30.0]), np.array([200.0, 150.0, 100.0]), 0.05, slowest=1.0 / 60.0)
SOURCE = os.environ.get("CELLCTL_GRBL_SOURCE", "")
HARNESS = """
#include "../grbl.h"
#include <stdio.h>
settings_t settings; system_t sys; int32_t sys_position[N_AXIS]; int32_t sys_probe_position[N_AXIS];
void st_update_plan_block_parameters(void) {}
uint8_t get_direction_pin_mask(uint8_t axis) { return 1 << axis; }
float convert_delta_vector_to_unit_vector(float *v) {
  float m = 0; for (int i = 0; i < N_AXIS; i++) m += v[i] * v[i];
  m = sqrt(m); for (int i = 0; i < N_AXIS; i++) v[i] /= m; return m;
}
float limit_value_by_axis_maximum(float *most, float *u) {
  float least = 1e38; for (int i = 0; i < N_AXIS; i++) if (u[i] != 0) least = fmin(least, fabs(most[i] / u[i]));
  return least;
}
int main(void) {
  float rate[3] = {3000, 2400, 1800}, acceleration[3] = {200, 150, 100}, t[3], f; int n = 0;
  for (int i = 0; i < 3; i++) {
    settings.steps_per_mm[i] = 250; settings.max_rate[i] = rate[i]; settings.acceleration[i] = acceleration[i] * 3600;
  }
  settings.junction_deviation = 0.05; sys.f_override = sys.r_override = 100;
  plan_reset();
  for (; scanf("%f %f %f %f", &t[0], &t[1], &t[2], &f) == 4; n++) {
    plan_line_data_t line; memset(&line, 0, sizeof line);
    line.feed_rate = f; line.condition = PL_COND_FLAG_INVERSE_TIME; plan_buffer_line(t, &line);
  }
  for (int i = 0; i < n; i++, plan_discard_current_block()) {
    plan_block_t *b = plan_get_current_block();
    printf("%.9g %.9g %.9g %.9g\\n", b->millimeters, b->acceleration / 3600, sqrt(b->entry_speed_sqr) / 60,
           plan_compute_profile_nominal_speed(b) / 60);
  }
}
"""

programs = st.integers(0, 10**6).map(lambda seed: program(np.random.default_rng(seed)))


def program(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Waypoints on whole steps (1/250), at most 15 lines, and their times."""
    count = int(chance.integers(2, 15))
    steps = chance.normal(size=(count, 3)) * chance.choice([0.3, 2.0, 20.0])
    if chance.random() < 0.3:
        steps = np.array([2.0, 1.0, 0.5]) + np.cumsum(chance.normal(size=(count, 3)) * 0.1, axis=0)
    steps = np.round(steps * 250.0) / 250.0 + np.eye(3)[0] * (np.abs(steps).max(axis=1, keepdims=True) < 0.004)
    return np.vstack([np.zeros(3), np.cumsum(steps, axis=0)]), chance.uniform(0.02, 0.5, count)


def lines_of(waypoints: np.ndarray, durations: np.ndarray) -> list[Line]:
    lines: list[Line] = []
    steps = np.diff(waypoints, axis=0)
    for k, step in enumerate(steps):
        lines.append(line_of(step, durations[k], LIMITS, steps[k - 1] if k else None, lines[-1].speed if k else 0.0))
    return lines


@given(programs)
def test_a_motion_keeps_the_limits_and_passes_every_waypoint(given_program) -> None:
    waypoints, durations = given_program
    motion = followed(waypoints, durations, LIMITS)
    times = np.linspace(0.0, motion.duration, 2000)
    assert (np.abs(motion.velocities_at(times)).max(axis=0) <= LIMITS.velocity + 1e-9).all()
    assert np.abs(motion.joints_at(motion.times_of_waypoints()) - waypoints).max() < 1e-6
    assert np.abs(motion.velocities_at(np.array([0.0, motion.duration]))).max() < 1e-6
    assert (np.diff(motion.times_of_waypoints()) >= durations.clip(max=0.5) * 0.999 - 1e-9).all()
    moved = np.abs(np.diff(motion.joints_at(times), axis=0)).sum(axis=0)
    assert (moved <= np.abs(np.diff(waypoints, axis=0)).sum(axis=0) + 1e-9).all()


@given(programs)
def test_no_line_speeds_up_or_slows_down_faster_than_it_may(given_program) -> None:
    lines = lines_of(*given_program)
    speeds = entry_speeds(lines)
    assert (speeds[0], speeds[-1]) == (0.0, 0.0)
    for line, one, other in zip(lines, speeds, speeds[1:], strict=False):
        assert abs(other * other - one * one) <= 2.0 * line.acceleration * line.length * (1.0 + 1e-9)
        assert one <= line.entry + 1e-12


def test_a_single_line_is_a_trapezoid() -> None:
    motion = followed(np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]]), np.array([0.5]), LIMITS)
    assert motion.duration == pytest.approx(0.5 + 20.0 / 200.0)
    assert motion.velocities_at(0.3)[0] == pytest.approx([20.0, 0.0, 0.0])
    assert motion.joints_at(0.05)[0, 0] == pytest.approx(0.5 * 200.0 * 0.05**2)


def test_a_reversal_is_a_stop_and_a_straight_line_is_none() -> None:
    lines = lines_of(np.array([[0.0, 0, 0], [5, 0, 0], [10, 0, 0], [5, 0, 0]]), np.full(3, 0.2))
    assert entry_speeds(lines)[1:3] == [25.0, 0.0]


def test_two_waypoints_that_are_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="the same"):
        followed(np.zeros((2, 3)), np.array([1.0]), LIMITS)


@pytest.mark.skipif(not SOURCE, reason="CELLCTL_GRBL_SOURCE names no folder with the sources of GRBL")
def test_speeds_are_those_of_the_firmwares_own_planner(tmp_path: Path) -> None:
    simulator, binary = Path(SOURCE) / "sim", tmp_path / "planner"
    (tmp_path / "harness.c").write_text(HARNESS.replace('"../grbl.h"', f'"{Path(SOURCE) / "grbl.h"}"'), "utf-8")
    command = [
        "gcc",
        "-w",
        "-fcommon",
        "-O2",
        "-DF_CPU=16000000",
        "-DPLAT_LINUX",
        "-include",
        "config.h",
        "-I",
        str(simulator),
    ]
    sources = [str(tmp_path / "harness.c"), str(Path(SOURCE) / "planner.c"), "-o", str(binary), "-lm"]
    subprocess.run(command + sources, check=True)
    for seed in range(200):
        waypoints, durations = program(np.random.default_rng(seed))
        words = [
            f"{x:.6f} {y:.6f} {z:.6f} {60.0 / d:.6f}" for (x, y, z), d in zip(waypoints[1:], durations, strict=True)
        ]
        done = subprocess.run([binary], input="\n".join(words), capture_output=True, text=True, check=True)
        theirs = np.array([[float(word) for word in line.split()] for line in done.stdout.splitlines()])
        lines = lines_of(waypoints, durations)
        speeds = entry_speeds(lines)
        ours = np.array([[x.length, x.acceleration, speeds[k], x.speed] for k, x in enumerate(lines)])
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-3), seed
