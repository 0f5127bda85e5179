"""On what the figures were measured: processor, versions, load, and a fixed piece of arithmetic to scale them by."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from math import sqrt
from pathlib import Path

from cellctl import __version__
from cellctl.bench.clock import times
from cellctl.bench.figures import Figure
from cellctl.kinematics.compiled import COUNT, REAL, compiled

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "pybullet", "coal", "eaik", "ompl", "toppra")
STEPS = 2_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about the machine; `load` is the number of running processes over the last minute, None where unknown."""

    processor: str
    cores: int
    system: str
    python: str
    packages: dict[str, str]
    load: float | None

    def data(self) -> dict[str, object]:
        """The facts as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        load = "" if self.load is None else f", load {self.load:.1f}"
        return f"{self.processor}, {self.cores} cores{load}; {self.system}; Python {self.python}; {versions}"


def this_machine() -> Machine:
    """The facts about this machine and what is installed on it."""
    packages = {"cellctl": __version__}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Machine(_processor(), os.cpu_count() or 1, platform.platform(), platform.python_version(), packages, load)


def _processor() -> str:
    """The processor's name as the system has it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def calibration(repeats: int) -> Figure:
    """Seconds of the calibration kernel: figures of two machines are compared in multiples of it."""
    taken = times(lambda: _arithmetic(STEPS), repeats)
    return Figure("calibration kernel", "s", taken.elapsed, processor=taken.processor)


@compiled(REAL, COUNT)
def _arithmetic(steps: int) -> float:
    """A chain of dependent products, sums, divisions and roots in float64, which no compiler can shorten."""
    x, y = 0.4, 0.7
    for _ in range(steps):
        x = 3.7 * x * (1.0 - x)
        y = sqrt(y * y + x) / (1.0 + y)
    return x + y
