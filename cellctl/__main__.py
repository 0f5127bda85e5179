"""`python -m cellctl`: the same as the `cellctl` command."""

from __future__ import annotations

from cellctl.cli.main import main

if __name__ == "__main__":
    main()
