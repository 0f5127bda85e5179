"""Prove or refute a plan, planned or measured. Shares nothing with planning; the only maker of a CertifiedPlan.

Names load on first use: the executor asks for `certified` alone, and shall not load kernels and engines for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cellctl.proof.binding import certified as certified
    from cellctl.proof.binding import demand_same_figures as demand_same_figures
    from cellctl.proof.binding import plan_digest as plan_digest
    from cellctl.proof.examination import Verdict as Verdict
    from cellctl.proof.examination import certify as certify
    from cellctl.proof.examination import examine as examine
    from cellctl.proof.examination import judge as judge

_HOMES = {
    "Verdict": "examination",
    "certified": "binding",
    "certify": "examination",
    "demand_same_figures": "binding",
    "examine": "examination",
    "judge": "examination",
    "plan_digest": "binding",
}

__all__ = ["Verdict", "certified", "certify", "demand_same_figures", "examine", "judge", "plan_digest"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'cellctl.proof' has no attribute '{name}'")
    return getattr(import_module(f"cellctl.proof.{_HOMES[name]}"), name)
