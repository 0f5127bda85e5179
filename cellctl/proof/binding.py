"""What binds a certificate to its plan: the digest of everything it was proved for. Nothing is proved here."""

from __future__ import annotations

import hashlib

from cellctl.errors import Finding, NotCertified
from cellctl.files import plan_content
from cellctl.model.plan import CertifiedPlan, Plan


def plan_digest(plan: Plan) -> str:
    """Hex SHA-256 of the plan's canonical content, inputs' hashes included, certificate left out."""
    return hashlib.sha256(plan_content(plan)).hexdigest()


def certified(plan: Plan) -> CertifiedPlan:
    """`plan` with the certificate it carries, if that was made for exactly this plan; raises NotCertified (C320).

    This holds the plan to its digest; it does not prove it again. `cellctl.proof.certify` does.
    """
    certificate = plan.certificate
    if certificate is None:
        raise NotCertified(
            Finding("X410", "the plan carries no certificate", suggestion="prove it: cellctl verify PLAN")
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
