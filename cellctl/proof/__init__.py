"""Prove or refute a plan, planned or measured. Shares nothing with planning; the only maker of a CertifiedPlan."""
