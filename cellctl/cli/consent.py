"""What can move a real arm is named and agreed to: by `--yes`, or by a word typed at a terminal. It opens nothing."""

from __future__ import annotations

import sys

from cellctl.errors import Finding, UsageError

SIMULATED = ("memory", "sim")


def demand_consent(driver: str, *, yes: bool, to: str = "move", io: str = "") -> None:
    """Return when `driver` moves nothing real or somebody agrees; raises UsageError U645. `to` says what it may do, and
    `io` names a line of process devices, which are as real as an arm.
    """
    arm = () if driver.partition(":")[0] in SIMULATED else (f"the arm at {driver}",)
    who = " and ".join((*arm, *((f"the process devices at {io}",) if io else ())))
    if yes or not who:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(
            f"About to {to}: {who}. Is everybody clear of {'them' if io else 'it'}? Type yes: ", end="", file=sys.stderr
        )
        sys.stderr.flush()
        if sys.stdin.readline().strip() == "yes":
            return
    hint = f"add --yes when {'they' if io else 'it'} may {to}"
    raise UsageError(Finding("U645", f"nobody agreed that {who} may {to}", suggestion=hint))
