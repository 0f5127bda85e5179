"""What a proof says about a plan: figures per segment and seam, and the hash of what it was proved for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Gap:
    """The smallest gap of a segment among pairs of one margin (m).

    `proved` is a certified lower bound over continuous time for every such pair, `observed` the smallest distance that
    the exact engine met, at path parameter `at`, between `first` and `second` (full solid names).
    """

    first: str
    second: str
    margin: float
    proved: float
    observed: float
    at: float


@dataclass(frozen=True, slots=True)
class LimitUse:
    """Largest use of one limit over a segment: value / limit, with the joint and the time (s) where it occurs."""

    quantity: Literal["position", "velocity", "acceleration", "jerk", "effort", "tcp_speed"]
    joint: str
    ratio: float
    at: float


@dataclass(frozen=True, slots=True)
class SeamRecord:
    """Conformance of one weld, read back from joint values: largest deviations, SI; `speed_share` is the share of
    length within 3 % of the commanded travel speed outside the excepted ends; angles as used range (rad); `position`
    names the weld positions that the seam passes (`PB`, `PB PG`); `weave` is the least and the largest amplitude (m) of
    any period of a weave, `cross_section` the least and the largest (m^2) over any millimetre of a bead, as far as it
    was measured; None where there is none.
    """

    seam: str
    wps: str
    length: float
    arc_time: float
    travel_speed: float
    speed_share: float
    lateral: float
    height: float
    work_angle: tuple[float, float]
    travel_angle: tuple[float, float]
    angle_error: float
    spin_rate: float
    joint_speed_use: float
    singularity: float
    heat_input: float
    position: str
    weave: tuple[float, float] | None = None
    cross_section: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """What was proved for one segment."""

    index: int
    kind: str
    step: int
    duration: float
    limits: tuple[LimitUse, ...]
    gaps: tuple[Gap, ...]
    seam: SeamRecord | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """The proof of one plan. `plan_sha256` is the digest of the plan's canonical content without the certificate."""

    plan_sha256: str
    engine: str
    engine_version: str
    checker_version: str
    sample_rate: float
    segments: tuple[SegmentRecord, ...]
