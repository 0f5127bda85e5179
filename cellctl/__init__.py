"""cellctl: plan, prove and run welding and assembly in small robot cells.

Everything public is here and is loaded on first use: `import cellctl` loads neither PyBullet, numba nor
roboticstoolbox.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cellctl.errors import CellctlError as CellctlError
    from cellctl.errors import Finding as Finding
    from cellctl.jobs import certify as certify
    from cellctl.jobs import connect as connect
    from cellctl.jobs import plan as plan
    from cellctl.jobs import run as run
    from cellctl.model.cell import Cell as Cell
    from cellctl.model.part import Part as Part
    from cellctl.model.plan import CertifiedPlan as CertifiedPlan
    from cellctl.model.plan import Plan as Plan
    from cellctl.model.pose import Pose as Pose
    from cellctl.model.task import Dispense as Dispense
    from cellctl.model.task import Grip as Grip
    from cellctl.model.task import MoveJ as MoveJ
    from cellctl.model.task import Release as Release
    from cellctl.model.task import Screw as Screw
    from cellctl.model.task import Task as Task
    from cellctl.model.task import Weld as Weld
    from cellctl.model.wps import Range as Range
    from cellctl.units import deg as deg
    from cellctl.units import mm as mm

_HOMES = {
    "Cell": "cellctl.model.cell",
    "CellctlError": "cellctl.errors",
    "CertifiedPlan": "cellctl.model.plan",
    "Dispense": "cellctl.model.task",
    "Finding": "cellctl.errors",
    "Grip": "cellctl.model.task",
    "MoveJ": "cellctl.model.task",
    "Part": "cellctl.model.part",
    "Plan": "cellctl.model.plan",
    "Pose": "cellctl.model.pose",
    "Range": "cellctl.model.wps",
    "Release": "cellctl.model.task",
    "Screw": "cellctl.model.task",
    "Task": "cellctl.model.task",
    "Weld": "cellctl.model.task",
    "certify": "cellctl.jobs",
    "connect": "cellctl.jobs",
    "deg": "cellctl.units",
    "mm": "cellctl.units",
    "plan": "cellctl.jobs",
    "run": "cellctl.jobs",
}

__all__ = [
    "Cell",
    "CellctlError",
    "CertifiedPlan",
    "Dispense",
    "Finding",
    "Grip",
    "MoveJ",
    "Part",
    "Plan",
    "Pose",
    "Range",
    "Release",
    "Screw",
    "Task",
    "Weld",
    "certify",
    "connect",
    "deg",
    "mm",
    "plan",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'cellctl' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
