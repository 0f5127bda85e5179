"""Prove or refute a plan, planned or measured. Shares nothing with planning; the only maker of a CertifiedPlan."""

from __future__ import annotations

from cellctl.proof.binding import certified as certified
from cellctl.proof.binding import plan_digest as plan_digest
from cellctl.proof.certify import Verdict as Verdict
from cellctl.proof.certify import certify as certify
from cellctl.proof.certify import examine as examine
