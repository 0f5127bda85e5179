"""A sample of random runs on a lying line; `cellctl bench faults` runs as many as one likes."""

from __future__ import annotations

from cellctl.bench.serial.faults import servo_run


def test_whatever_goes_wrong_the_arm_stands_in_the_end(protocol) -> None:
    ended = [servo_run(protocol, seed) for seed in range(15)]
    assert {"done", "X460", "X461"} <= set(ended)
    assert set(ended) <= {"done", "X460", "X461", "X462", "X463", "X465", "X466", "X470"}
