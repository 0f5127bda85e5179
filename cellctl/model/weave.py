"""A weave: how a torch swings across its seam while it travels along it. Knows no seam and no robot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

WeaveShape = Literal["sine"]


@dataclass(frozen=True, slots=True)
class Weave:
    """A swing across the seam (AWS A3.0: weave), `amplitude` m to either side of it, half the width.

    How often is either a `frequency` (Hz) or a `wavelength` (m of seam); the other one is 0. Raises ValueError for
    both, for neither, and for no amplitude.
    """

    amplitude: float
    frequency: float = 0.0
    wavelength: float = 0.0
    shape: WeaveShape = "sine"

    def __post_init__(self) -> None:
        if not self.amplitude > 0.0:
            raise ValueError(f"a weave needs an amplitude over 0, got {self.amplitude}")
        if (self.frequency > 0.0) == (self.wavelength > 0.0):
            raise ValueError("a weave needs either a frequency or a wavelength over 0")

    def at_speed(self, travel_speed: float) -> Weave:
        """The same weave by its wavelength, for a torch that travels at `travel_speed` (m/s)."""
        return self if self.wavelength else replace(self, frequency=0.0, wavelength=travel_speed / self.frequency)

    def frequency_at(self, travel_speed: float) -> float:
        """How often it swings (Hz) where the torch travels at `travel_speed` (m/s)."""
        return self.frequency or travel_speed / self.wavelength
