"""Kernels are kept on disk, never stale, and work where nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

INNER = """from cellctl.kinematics.compiled import REAL, compiled


@compiled(REAL, REAL)
def inner(x):
    return x + {}
"""
OUTER = """from cellctl.kinematics.compiled import REAL, compiled
from inner_kernel import inner


@compiled(REAL, REAL)
def outer(x):
    return 2.0 * inner(x)


print(outer(1.0), sum(outer.stats.cache_hits.values()))
"""


def _run(folder: Path, cache: str) -> list[str]:
    path = os.pathsep.join([str(folder), *(entry for entry in sys.path if entry)])
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": path}
    result = subprocess.run(
        [sys.executable, str(folder / "outer_kernel.py")], env=environment, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_a_kernel_follows_a_change_in_a_kernel_that_it_calls(tmp_path: Path) -> None:
    (tmp_path / "outer_kernel.py").write_text(OUTER)
    cache = str(tmp_path / "cache")
    (tmp_path / "inner_kernel.py").write_text(INNER.format("1.0"))
    assert _run(tmp_path, cache) == ["4.0", "0"]
    assert _run(tmp_path, cache) == ["4.0", "1"]
    (tmp_path / "inner_kernel.py").write_text(INNER.format("10.0"))
    assert _run(tmp_path, cache) == ["22.0", "0"]


def test_a_cache_folder_that_cannot_be_made_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "outer_kernel.py").write_text(OUTER)
    (tmp_path / "inner_kernel.py").write_text(INNER.format("1.0"))
    (tmp_path / "file").write_text("")
    assert _run(tmp_path, str(tmp_path / "file" / "below"))[0] == "4.0"


@pytest.mark.parametrize("failure", ["no folder", "disk full"])
def test_without_any_cache_a_kernel_is_compiled(failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cellctl.kinematics import compiled

    def refuse(*_: object) -> None:
        raise OSError("No space left on device")

    if failure == "no folder":
        monkeypatch.setattr(compiled._KernelCache._impl_class, "_locator_classes", [])
    else:
        monkeypatch.setattr(compiled._KernelCache, "save_overload", refuse)

    @compiled.compiled(compiled.REAL, compiled.reads(1))
    def largest(values):  # type: ignore[no-untyped-def]
        return values.max()

    values = np.array([1.0, 3.0, 2.0])
    values.setflags(write=False)
    assert largest(values) == 3.0
    assert len(largest.signatures) == 1


def test_a_late_kernel_is_compiled_for_its_declared_types_alone() -> None:
    from cellctl.kinematics.compiled import REAL, compiled, reads

    @compiled(REAL, reads(1), late=True)
    def late(values):  # type: ignore[no-untyped-def]
        return values.sum()

    assert late.signatures == []
    with pytest.raises(TypeError, match="No matching definition"):
        late(np.ones((3, 2))[:, 0])
    assert late(np.ones(3)) == 3.0
    assert len(late.signatures) == 1


def test_what_calls_a_late_kernel_compiles_it_once_and_is_then_loaded_without_it(tmp_path: Path) -> None:
    (tmp_path / "inner_kernel.py").write_text(INNER.format("1.0").replace("REAL)\n", "REAL, late=True)\n"))
    (tmp_path / "outer_kernel.py").write_text(OUTER + "print(len(inner.signatures))\n")
    cache = str(tmp_path / "cache")
    assert _run(tmp_path, cache) == ["4.0", "0", "1"]
    assert _run(tmp_path, cache) == ["4.0", "1", "0"]
