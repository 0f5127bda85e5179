"""A seam is planned to the same bytes in another process, whatever vector instructions its kernels are compiled for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellctl.bench.seam import CELL, seam_problem, wavy_curve
from cellctl.files import load_cell
from cellctl.planning.seams.way import seam_ways

HERE = Path(__file__)
BODIES = 4
STATIONS = 48
LENGTH = 0.12


def seam_digest() -> str:
    """Hash over the ladder's and the refined joint values of a short seam among bodies."""
    mechanism = load_cell(CELL).mechanisms[0]
    home = np.array(mechanism.configurations["home"])
    way = next(seam_ways(seam_problem(mechanism, wavy_curve(STATIONS, LENGTH), home, BODIES), home))
    assert len(way.torches.q) == STATIONS
    return hashlib.sha256(way.torches.q.tobytes() + way.torches.z.tobytes()).hexdigest()


@pytest.mark.parametrize(
    "features",
    [
        "",
        pytest.param("+sse2,-avx,-avx2,-avx512f", marks=pytest.mark.slow),
        pytest.param("+avx2,-avx512f", marks=pytest.mark.slow),
    ],
)
def test_a_seam_has_the_same_bytes_in_another_process_and_with_other_instructions(
    tmp_path: Path, features: str
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent.parent)}
    if features:
        environment |= {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    code = f"import runpy; print(runpy.run_path({str(HERE)!r})['seam_digest']())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == seam_digest()
