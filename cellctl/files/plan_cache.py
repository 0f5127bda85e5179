"""Plans kept in the user's cache folder, by the digest of everything they come from. It may be deleted at any time.

What comes out of it is a plan like any other: nothing is executed or called sound before it has been proved again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cellctl.errors import CellctlError
from cellctl.files.plan_file import read_plan, write_plan
from cellctl.model.plan import Plan


def stored_plan(key: str) -> Plan | None:
    """The plan that was kept under `key`, or None."""
    with suppress(CellctlError, OSError, RuntimeError):
        return read_plan(_file_of(key))
    return None


def store_plan(key: str, plan: Plan) -> None:
    """Keep `plan` under `key`, where the cache folder can be written."""
    with suppress(CellctlError, OSError, RuntimeError):
        target = _file_of(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_plan(plan, target)


def _file_of(key: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "cellctl" / "plans" / f"{key}.plan.zip"
