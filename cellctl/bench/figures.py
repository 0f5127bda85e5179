"""What a suite of measurements returns: figures with every repeat, whose they are, and the goal beside. No clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

OURS = "cellctl"
Statistic = Literal["best", "median", "p95", "max"]


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a figure should be: `statistic` of it `at most` or `at least` `bound`, in the unit of the figure."""

    bound: float
    statistic: Statistic = "best"
    sense: Literal["at most", "at least"] = "at most"

    def __str__(self) -> str:
        return f"{'<=' if self.sense == 'at most' else '>='} {self.bound:g} ({self.statistic})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: all its `values`, in `unit`; they are repeats, or one value per case.

    `of` says whose it is: cellctl, or a peer with its version. `ratio` is the median of this figure over that of the
    figure `against`, measured in the same run. `processor` are the same repeats in seconds of processor time.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    of: str = OURS
    better: Literal["lower", "higher"] = "lower"
    goal: Goal | None = None
    against: str = ""
    ratio: float | None = None
    processor: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"the figure '{self.name}' has no value")

    @property
    def median(self) -> float:
        """The middle value."""
        return float(np.median(self.values))

    @property
    def p95(self) -> float:
        """The value that 95 % of the values do not exceed."""
        return float(np.percentile(self.values, 95.0))

    @property
    def max(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def best(self) -> float:
        """The best value: of repeats the fastest, which is the least disturbed one."""
        return min(self.values) if self.better == "lower" else max(self.values)

    @property
    def held(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        value = getattr(self, self.goal.statistic)
        return bool(value <= self.goal.bound if self.goal.sense == "at most" else value >= self.goal.bound)

    def data(self) -> dict[str, object]:
        """The figure as JSON values."""
        goal = self.goal
        return {
            "name": self.name,
            "unit": self.unit,
            "of": self.of,
            "median": self.median,
            "p95": self.p95,
            "max": self.max,
            "fastest": self.best,
            "better": self.better,
            "values": list(self.values),
            "processor": list(self.processor),
            "against": self.against,
            "ratio": self.ratio,
            "goal": None if goal is None else {"text": str(goal), "bound": goal.bound, "statistic": goal.statistic},
            "held": self.held,
        }


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """The figures of one suite, what has to be said about them, and the peers that are not installed."""

    suite: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def figure(self, name: str) -> Figure:
        """The figure of this name; raises KeyError."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)

    def data(self) -> dict[str, object]:
        """The suite as JSON values."""
        figures = [figure.data() for figure in self.figures]
        return {"suite": self.suite, "figures": figures, "notes": list(self.notes), "absent": list(self.absent)}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of `ours` over the median of `theirs`: below 1, ours is the smaller."""
    return float(np.median(ours) / np.median(theirs))
