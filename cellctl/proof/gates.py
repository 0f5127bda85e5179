"""The gates of a sound path along a seam, and how what breaks one is said. Computes no path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellctl.errors import Finding
from cellctl.model.pose import FloatArray


@dataclass(frozen=True, slots=True)
class Gates:
    """Largest deviations of a planned weld or bead, SI: from the seam across (b) and along the normal (n: `height` of a
    weld, `stand_off` of a bead), of its start and end along it, from commanded angles, of the speed over all but
    `speed_share` of the length; spin rate; share of joint speed with the arc on; turn of a joint over `step` of the
    seam; smallest normalised singular value; of a weave from the line that it is to follow, with its middle and its
    amplitude held period by period. The first and last `ends` of the seam are excepted from the speed gate.
    """

    lateral: float = 0.3e-3
    height: float = 0.5e-3
    stand_off: float = 0.3e-3
    along: float = 1e-3
    angle: float = np.radians(1.0)
    speed: float = 0.03
    speed_share: float = 0.95
    ends: float = 5e-3
    spin_rate: float = np.radians(45.0)
    joint_speed: float = 0.70
    step: float = 0.5e-3
    joint_step: float = np.radians(5.0)
    singularity: float = 0.02
    window_slack: float = 1e-6
    spin_slack: float = np.radians(1.0)
    weave_middle: float = 0.1e-3
    weave_amplitude: float = 0.05


PLANNED = Gates()
EXECUTED = Gates(
    lateral=0.5e-3,
    height=1.0e-3,
    speed=0.05,
    angle=np.radians(2.0),
    window_slack=np.radians(0.5),
    spin_slack=np.radians(2.0),
)


class SeamFindings:
    """Collects findings of one seam, each with the intervals of arc length where it holds.

    `s` (n,) are the arc lengths (m) that the values of `deviation` and `window` belong to.
    """

    def __init__(self, where: str, length: float, s: FloatArray) -> None:
        self.findings: list[Finding] = []
        self._where = where
        self._length = length
        self._s = s

    def say(self, code: str, text: str) -> None:
        """Add a finding about the seam as a whole."""
        self.findings.append(Finding(code, f"{self._where}: {text}"))

    def whole(self, code: str, text: str, value: float, limit: float) -> None:
        """Add a finding where a figure of the whole seam is over its limit."""
        if value > limit:
            self.say(code, f"{text}: {value:.3g}, at most {limit:.3g} is allowed")

    def deviation(self, code: str, text: str, values: FloatArray, limit: float) -> None:
        """Add a finding where values (n,) m are further from 0 than their limit."""
        bad = np.abs(values) > limit
        if bad.any():
            worst = float(np.abs(values).max()) * 1e3
            self.say(code, f"{text} by up to {worst:.3f} mm ({limit * 1e3:g} allowed) at {self._stretches(bad)}")

    def window(self, code: str, text: str, values: FloatArray, lower: float, upper: float) -> None:
        """Add a finding where values (n,) rad, or m/s of a speed, leave their window."""
        bad = (values < lower) | (values > upper)
        if not bad.any():
            return
        unit, scale = ("mm/s", 1e3) if "speed" in text else ("deg", 180.0 / np.pi)
        worst = float(values[np.argmax(np.maximum(lower - values, values - upper))])
        window = f"{lower * scale:.4g} to {upper * scale:.4g} {unit}"
        self.say(code, f"{text} is {worst * scale:.2f} {unit}, the window is {window}, at {self._stretches(bad)}")

    def _stretches(self, bad: NDArray[np.bool_]) -> str:
        """`12.0-14.5 mm, 80.0-81.0 mm of the seam`: at most three stretches, then how many more."""
        order = np.argsort(self._s, kind="stable")
        marked = np.concatenate([[False], bad[order], [False]])
        starts, ends = np.flatnonzero(~marked[:-1] & marked[1:]), np.flatnonzero(marked[:-1] & ~marked[1:]) - 1
        s = self._s[order] * 1e3
        texts = [f"{s[a]:.1f}-{s[b]:.1f} mm" for a, b in zip(starts, ends, strict=True)]
        more = f" and {len(texts) - 3} more stretches" if len(texts) > 3 else ""
        return f"{', '.join(texts[:3])} of {self._length * 1e3:.1f} mm{more}"
