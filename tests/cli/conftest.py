"""A certified plan made by hand, and a way to call the command line and see everything that comes out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path

import numpy as np
import pytest

from cellctl.cli.main import call
from cellctl.model.certificate import Certificate, Gap, SeamRecord, SegmentRecord
from cellctl.model.plan import Block, CertifiedPlan, FixedSegment, Plan, ProcessEvent, SeamSection
from cellctl.model.spline import interpolated
from cellctl.model.wps import Range


@dataclass(frozen=True, slots=True)
class Said:
    """What one command line did; blanks at the ends of lines are left out."""

    code: int
    out: str
    err: str


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):
    def call_it(*words: str) -> Said:
        code = call(words)
        out, err = ("".join(f"{line.rstrip()}\n" for line in text.splitlines()) for text in capsys.readouterr())
        return Said(code, out, err)

    return call_it


@pytest.fixture
def emulated(checkout: Path) -> Iterator:
    """Start `cellctl emulate` as a process; the process, and what it says of its port."""
    processes = []

    def start(*words: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        command = [sys.executable, "-m", "cellctl", "emulate", *words]
        process = subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def certified() -> CertifiedPlan:
    """A free move and a weld of 100 mm at 8 mm/s, with the figures that a proof would have found."""
    transit = FixedSegment(0, "transit", "r1", "torch", _spline(1.0), _law(2.0, end=1.0))
    section = SeamSection(
        seam="tray.left",
        wps="mig131_al_t3",
        length=0.100,
        travel_speed=0.008,
        ctwd=0.016,
        work_window=Range(-5 * pi / 180, 0.0, 5 * pi / 180),
        travel_window=Range(5 * pi / 180, 10 * pi / 180, 15 * pi / 180),
        stations=np.array([0.0, 0.1]),
        points=np.array([[1.0, 0.0, 0.5], [1.1, 0.0, 0.5]]),
        tangents=np.array([[1.0, 0.0, 0.0]] * 2),
        normals=np.array([[0.0, 0.0, 1.0]] * 2),
        work_angles=np.zeros(2),
        travel_angles=np.full(2, 10 * pi / 180),
        spins=np.zeros(2),
        events=(ProcessEvent(0.0, "arc_start"), ProcessEvent(0.1, "arc_end")),
    )
    weld = FixedSegment(1, "process", "r1", "torch", _spline(0.1), _law(13.0, end=0.1), process=section)
    plan = Plan("tray_corner", (Block((transit, weld)),), {"r1": np.zeros(6)}, 0, (), {"cellctl": "0.1.0"})
    seam = SeamRecord(
        seam="tray.left",
        wps="mig131_al_t3",
        length=0.100,
        arc_time=12.5,
        travel_speed=0.008,
        speed_share=1.0,
        lateral=0.00002,
        height=0.00003,
        work_angle=(-1 * pi / 180, 2 * pi / 180),
        travel_angle=(9 * pi / 180, 12.5 * pi / 180),
        angle_error=0.001,
        spin_rate=0.1,
        joint_speed_use=0.2,
        singularity=0.1,
        heat_input=0.4,
        position="PB",
    )
    free = Gap("r1.torch.neck", "clamp_2.arm", 0.010, 0.0118, 0.0121, 0.4)
    near = Gap("r1.torch.nozzle", "tray.base", 0.001, 0.0031, 0.0034, 0.05)
    records = (
        SegmentRecord(0, "transit", 0, 2.0, (), (free,)),
        SegmentRecord(1, "process", 1, 13.0, (), (replace(free, observed=0.02, proved=0.019), near), seam),
    )
    certificate = Certificate("ab" * 32, "bullet", "3.2.7", "1", 1000.0, records)
    return CertifiedPlan(replace(plan, certificate=certificate), certificate)


def _spline(end: float):
    return interpolated(np.linspace(0.0, end, 5), np.linspace([0.0] * 6, [0.5] * 6, 5))


def _law(duration: float, *, end: float):
    return interpolated(np.linspace(0.0, duration, 5), np.linspace([0.0], [end], 5))
