"""The entry point: one command line in, one exit code out. What the commands do stands in their own modules."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from cellctl.cli.app import application
from cellctl.cli.failure import interrupted, misused, outcome_of, unexpected
from cellctl.cli.output import Outcome, show
from cellctl.errors import CellctlError


def main() -> None:
    """Run the command in `sys.argv` and exit with its code.

    The many lasting values of the imports are not worth a garbage collection every few hundred of them.
    """
    gc.set_threshold(200_000, 50, 50)
    sys.exit(call(sys.argv[1:]))


def call(words: Sequence[str]) -> int:
    """Run one command line and return its exit code; no error leaves a traceback, unless it is asked for."""
    outcome = _outcome(words)
    try:
        show(outcome, as_json="--json" in words or outcome.as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`cellctl robots list | head -1`); Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return outcome.exit_code


def _outcome(words: Sequence[str]) -> Outcome:
    from cyclopts import CycloptsError

    try:
        try:
            return application().meta(words, exit_on_error=False, print_error=False) or Outcome(silent=True)
        except CellctlError as error:
            return outcome_of(error)
        except CycloptsError as error:
            return misused(str(error))
    except KeyboardInterrupt:
        return interrupted()
    except Exception as error:
        return unexpected(error, debug="--debug" in words)
