"""The public API: what needs several floors below at once. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cellctl.jobs.checking import Checked as Checked
    from cellctl.jobs.checking import check_file as check_file
    from cellctl.jobs.measuring import measured_welds as measured_welds
    from cellctl.jobs.measuring_screws import measured_screws as measured_screws
    from cellctl.jobs.proving import certify as certify
    from cellctl.jobs.proving import check as check
    from cellctl.jobs.proving import plan as plan
    from cellctl.jobs.proving import verify as verify
    from cellctl.jobs.resuming import Interrupted as Interrupted
    from cellctl.jobs.resuming import interrupted as interrupted
    from cellctl.jobs.resuming import resume as resume
    from cellctl.jobs.running import Running as Running
    from cellctl.jobs.running import connect as connect
    from cellctl.jobs.running import demand_driver as demand_driver
    from cellctl.jobs.running import new_run_folder as new_run_folder
    from cellctl.jobs.running import run as run

_HOMES = {
    "Checked": "checking",
    "Interrupted": "resuming",
    "Running": "running",
    "certify": "proving",
    "check": "proving",
    "check_file": "checking",
    "connect": "running",
    "demand_driver": "running",
    "interrupted": "resuming",
    "measured_screws": "measuring_screws",
    "measured_welds": "measuring",
    "new_run_folder": "running",
    "plan": "proving",
    "resume": "resuming",
    "run": "running",
    "verify": "proving",
}

__all__ = [
    "Checked",
    "Interrupted",
    "Running",
    "certify",
    "check",
    "check_file",
    "connect",
    "demand_driver",
    "interrupted",
    "measured_screws",
    "measured_welds",
    "new_run_folder",
    "plan",
    "resume",
    "run",
    "verify",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'cellctl.jobs' has no attribute '{name}'")
    return getattr(import_module(f"cellctl.jobs.{_HOMES[name]}"), name)
