"""`python -m cellctl.execution.prove PLAN`: prove a plan file from itself alone, and say so as JSON. Moves nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from cellctl.errors import CellctlError
from cellctl.execution.service.protocol import finding_as_json
from cellctl.files import read_plan
from cellctl.proof import certified, certify, demand_same_figures


def main() -> None:
    """Write `{"plan": digest, "findings": []}` to standard output, or the findings that refute the plan."""
    try:
        stored = certified(read_plan(Path(sys.argv[1])))
        again = certify(replace(stored.plan, certificate=None))
        demand_same_figures(stored.certificate, again.certificate)
    except CellctlError as error:
        said: dict[str, object] = {"plan": "", "findings": [finding_as_json(finding) for finding in error.findings]}
    else:
        said = {"plan": again.certificate.plan_sha256, "findings": []}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
