"""Write the state machine of the executor into its page, from the table that the code uses."""

from __future__ import annotations

import re
from pathlib import Path

from cellctl.execution.machine import diagram, tables

PAGE = Path(__file__).with_name("execution.md")
PART = re.compile(r"(<!-- state machine -->\n).*?(<!-- end of state machine -->)", re.DOTALL)


def main() -> None:
    """Replace what stands between the two marks."""
    text = f"\n```mermaid\n{diagram()}\n```\n\n{tables()}\n\n"
    PAGE.write_text(PART.sub(lambda found: found[1] + text + found[2], PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
