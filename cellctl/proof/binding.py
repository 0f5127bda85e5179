"""What binds a certificate to its plan: the digest of everything it was proved for. Nothing is proved here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from math import isclose

from cellctl.errors import Finding, NotCertified
from cellctl.files import plan_content
from cellctl.model.certificate import Certificate, SegmentRecord
from cellctl.model.plan import CertifiedPlan, Plan

ENGINES = ("bullet", "coal")
ENGINES_AGREE = 0.5e-3
"""By how much (m) two engines may differ about one distance."""
FAR = 0.25
"""Gaps beyond this (m) and beyond their margin are not looked into by any proof."""


def plan_digest(plan: Plan) -> str:
    """Hex SHA-256 of the plan's canonical content, inputs' hashes included, certificate left out."""
    return hashlib.sha256(plan_content(plan)).hexdigest()


def demand_same_figures(stored: Certificate, again: Certificate) -> tuple[Finding, ...]:
    """Raise NotCertified (C320) where a certificate does not say what the same proof says now.

    Figures may differ by rounding, as they do between machines. What was proved by another engine or version is said
    (C337, a warning), and then its figures are held against what they would have to be whoever proved them.
    """
    if stored.sample_rate != again.sample_rate or stored.engine not in ENGINES:
        raise _changed("it names a sample rate or an engine that no proof has")
    by, now = _proved_by(stored), _proved_by(again)
    if by == now:
        if not _alike(asdict(stored), asdict(again)):
            raise _changed("proved again, the plan has other figures than it says")
        return ()
    if len(stored.segments) != len(again.segments) or not all(map(_compatible, stored.segments, again.segments)):
        raise _changed("proved again, the plan cannot have the figures that it says")
    text = f"the certificate says that it was made by {by}, it was proved again by {now}"
    hint = "its figures are not compared one by one; plan the task again for a certificate of this engine and version"
    return (Finding("C337", text, suggestion=hint, severity="warning"),)


def _changed(why: str) -> NotCertified:
    return NotCertified(Finding("C320", f"the certificate was changed: {why}", suggestion="plan the task again"))


def _proved_by(certificate: Certificate) -> str:
    return f"cellctl {certificate.checker_version} with {certificate.engine} {certificate.engine_version}"


def _compatible(stored: SegmentRecord, again: SegmentRecord) -> bool:
    """Whether two proofs can be of one segment: the same motion, and no gap proved that the other one saw smaller."""
    same = (stored.index, stored.kind, stored.step) == (again.index, again.kind, again.step)
    if not same or not isclose(stored.duration, again.duration, rel_tol=1e-6, abs_tol=1e-9):
        return False
    if (stored.seam is None) != (again.seam is None):
        return False
    if stored.seam is not None and again.seam is not None and not _alike(asdict(stored.seam), asdict(again.seam)):
        return False
    seen = {gap.margin: gap.observed for gap in again.gaps}
    return all(gap.proved <= seen.get(gap.margin, max(FAR, gap.margin)) + ENGINES_AGREE for gap in stored.gaps)


def _alike(first: object, second: object) -> bool:
    """Whether two trees of JSON-like values are the same, numbers to 1e-6."""
    if isinstance(first, float) and isinstance(second, float):
        return isclose(first, second, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_alike(value, second[key]) for key, value in first.items())
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(_alike(a, b) for a, b in zip(first, second, strict=True))
    return first == second


def certified(plan: Plan) -> CertifiedPlan:
    """`plan` with the certificate it carries, if that was made for exactly this plan; raises NotCertified (C320).

    This holds the plan to its digest; it does not prove it again. `cellctl.proof.certify` does.
    """
    certificate = plan.certificate
    if certificate is None:
        raise NotCertified(
            Finding("X410", "the plan carries no certificate", suggestion="make it with `cellctl plan`, which proves")
        )
    try:
        digest = plan_digest(plan)
    except (ValueError, TypeError) as error:
        raise NotCertified(Finding("C320", f"the plan has no canonical content: {error}")) from None
    if certificate.plan_sha256 != digest:
        raise NotCertified(
            Finding(
                "C320",
                "the plan was changed after it was proved: "
                f"its certificate is for {certificate.plan_sha256[:12]}, its content is {digest[:12]}",
                suggestion="plan the task again",
            )
        )
    return CertifiedPlan(plan, certificate)
