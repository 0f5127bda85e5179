"""What binds a certificate to its plan: the digest of everything it was proved for. Nothing is proved here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from math import isclose

from cellctl.errors import Finding, NotCertified
from cellctl.files import plan_content
from cellctl.model.certificate import Certificate
from cellctl.model.plan import CertifiedPlan, Plan


def plan_digest(plan: Plan) -> str:
    """Hex SHA-256 of the plan's canonical content, inputs' hashes included, certificate left out."""
    return hashlib.sha256(plan_content(plan)).hexdigest()


def demand_same_figures(stored: Certificate, again: Certificate) -> None:
    """Raise NotCertified (C320) where a certificate does not say what the same proof says now.

    Figures may differ by rounding, as they do between machines; another engine or version is not held against it.
    """
    same_proof = (stored.engine, stored.engine_version, stored.checker_version)
    if same_proof != (again.engine, again.engine_version, again.checker_version):
        return
    if not _alike(asdict(stored), asdict(again)):
        text = "the certificate was changed: proved again, the plan has other figures than it says"
        raise NotCertified(Finding("C320", text, suggestion="plan the task again"))


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
