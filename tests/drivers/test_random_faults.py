"""A sample of random runs on a lying line; `random_faults.py` runs as many as one likes."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def load():
    path = Path(__file__).with_name("random_faults.py")
    spec = importlib.util.spec_from_file_location("random_faults", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_whatever_goes_wrong_the_arm_stands_in_the_end(bench) -> None:
    random_faults = load()
    ended = [random_faults.run_once(bench, seed) for seed in range(30)]
    assert {"done", "X460", "X461"} <= set(ended)


def test_a_late_reply_about_another_register_starts_no_servo_anew(bench) -> None:
    """Found by a random run: commands that were delivered late made a servo start anew when a fault was cleared."""
    assert load().run_once(bench, 1351) == "X465"
