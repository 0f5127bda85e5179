"""A simulated screwdriver: run, program and speed in, `tight`, `failed`, torque and angle out, faults on demand, the
log. It moves nothing.

A screw resists a little while it is run down; once its head sits the torque rises in proportion to the angle, so that
the angle from snug to shut-off is the nominal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from cellctl.emulators.simulated_arm.weld_source import Log, bit_of
from cellctl.model.tightening import TighteningProgram

ScrewFault = Literal["none", "weak", "strip", "free", "cross", "fault"]
"""`weak`: shuts off too early; `strip`: the thread gives way; `free`: it turns and never bites; `cross`: it jams on the
way in; `fault`: the driver reports one.
"""
RESISTANCE = 0.1
"""Torque of the run-down, as a share of snug."""
_ELSEWHERE = 0.02


@dataclass(frozen=True, slots=True)
class ScrewdriverSettings:
    """Lines and behaviour: output `run`, inputs `tight` and `failed`; analogue outputs `program` (from 1) and `speed`
    (rad/s), analogue inputs `torque` (Nm) and `angle` (rad). `fault` happens to the screw number `faulty` (from 1), to
    all where that is 0.
    """

    run: int | None = None
    tight: int | None = None
    failed: int | None = None
    program: int | None = None
    speed: int | None = None
    torque: int | None = None
    angle: int | None = None
    programs: tuple[TighteningProgram, ...] = ()
    fault: ScrewFault = "none"
    faulty: int = 0


class Screwdriver:
    """One screwdriver; `tick` it once a period of the controller. A screw that was left half driven is gone on with
    where the arm has not moved since.
    """

    def __init__(self, settings: ScrewdriverSettings, log: Log) -> None:
        self._settings, self._log = settings, log
        self._time = self._angle = self._torque = 0.0
        self._screws = 0
        self._state: Literal["off", "runs", "tight", "failed"] = "off"
        self._at: Sequence[float] | None = None

    def tick(self, time: float, outputs: int, joints: Sequence[float], analog: Sequence[float] = ()) -> int:
        """The inputs at `time` s for the controller's `outputs`, both as bits."""
        settings = self._settings
        dt, self._time = time - self._time, time
        if settings.run is None or not settings.programs:
            return 0
        if not outputs >> settings.run & 1:
            self._switch_off(joints)
        else:
            program = settings.programs[min(self._chosen(analog), len(settings.programs)) - 1]
            if self._state == "off":
                self._begin(program, joints)
            if self._state == "runs":
                self._turn(program, _value(analog, settings.speed, program.speed) * dt, joints)
        return bit_of(settings.tight, on=self._state == "tight") | bit_of(settings.failed, on=self._state == "failed")

    @property
    def values(self) -> dict[int, float]:
        """The analogue inputs by channel: torque and angle as they are, or as they were when the screw was done."""
        both = ((self._settings.torque, self._torque), (self._settings.angle, self._angle))
        return {channel: value for channel, value in both if channel is not None}

    def _chosen(self, analog: Sequence[float]) -> int:
        return max(1, round(_value(analog, self._settings.program, 1.0)))

    def _begin(self, program: TighteningProgram, joints: Sequence[float]) -> None:
        self._state = "runs"
        if self._at is None or np.abs(np.subtract(joints, self._at)).max() > _ELSEWHERE:
            self._screws += 1
            self._angle = self._torque = 0.0
        self._say("screw_started", program, joints)

    def _turn(self, program: TighteningProgram, by: float, joints: Sequence[float]) -> None:
        """Turn on by an angle (rad); shut off at the torque of the program, or where the screw's fault says so."""
        fault = self._fault
        self._at = joints
        self._angle += by
        self._torque = _torque(program, self._angle, fault)
        shut_off = 0.9 * program.torque.minimum if fault == "weak" else program.torque.nominal
        if fault == "fault" and self._angle > 0.5 * program.turns:
            self._state = "failed"
            self._say("screw_failed", program, joints)
        elif self._torque >= shut_off:
            self._state = "tight"
            self._say("screw_tight", program, joints)

    def _switch_off(self, joints: Sequence[float]) -> None:
        if self._state == "off":
            return
        if self._state == "runs":
            self._log(self._time, "screw_stopped", joints, torque=self._torque, angle=self._angle)
        else:
            self._at = None
        self._state = "off"

    @property
    def _fault(self) -> ScrewFault:
        return self._settings.fault if self._settings.faulty in (0, self._screws) else "none"

    def _say(self, event: str, program: TighteningProgram, joints: Sequence[float]) -> None:
        number = self._settings.programs.index(program) + 1
        self._log(self._time, event, joints, torque=self._torque, angle=self._angle, program=number)


def parsed_screw_fault(text: str) -> tuple[ScrewFault, int]:
    """A fault and the number of its screw from `strip` or `strip:2`; raises ValueError."""
    name, _, number = text.partition(":")
    for fault in get_args(ScrewFault):
        if fault == name:
            return fault, int(number or 0)
    raise ValueError(f"a screw's fault is one of {', '.join(get_args(ScrewFault))}, with :K for the K-th screw alone")


def _torque(program: TighteningProgram, angle: float, fault: ScrewFault) -> float:
    """The torque (Nm) of a screw that was turned by `angle` (rad)."""
    resistance = RESISTANCE * program.snug
    slope = (program.torque.nominal - program.snug) / program.angle.nominal
    sits = 0.4 * program.turns if fault == "cross" else program.turns
    torque = resistance + slope * max(angle - sits, 0.0)
    if fault == "free":
        return resistance
    return min(torque, 0.5 * (program.snug + program.torque.minimum)) if fault == "strip" else torque


def _value(analog: Sequence[float], channel: int | None, otherwise: float) -> float:
    return analog[channel] if channel is not None and channel < len(analog) else otherwise
