"""The entry point: one command line in, one exit code out. What the commands do stands in their own modules."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from cellctl.cli.app import application
from cellctl.cli.failure import interrupted, misused, no_such_path, outcome_of, unexpected
from cellctl.cli.output import Outcome, OutputLost, complain, show
from cellctl.errors import CellctlError, EnvironmentMissing, Finding


def main() -> None:
    """Run the command in `sys.argv` and exit with its code.

    The many lasting values of the imports are not worth a garbage collection every few hundred of them. Nor are the
    small matrices of an arm worth threads in the linear algebra of numpy and scipy, which wait for work by spinning;
    `OPENBLAS_NUM_THREADS` asks for some all the same. At the end nothing is left for the collector to look through,
    which would take longer than many a command.
    """
    gc.set_threshold(200_000, 50, 50)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _open_closed_streams()
    exit_code = call(sys.argv[1:])
    gc.freeze()
    sys.exit(exit_code)


def call(words: Sequence[str]) -> int:
    """Run one command line and return its exit code; no error leaves a traceback, unless it is asked for."""
    outcome = Outcome(silent=True)
    try:
        outcome = _outcome(words)
        show(outcome, as_json="--json" in words or outcome.as_json)
    except OutputLost as lost:
        if lost.gone:
            return outcome.exit_code
        complain(Finding("U619", f"standard output cannot be written: {lost}"))
        return EnvironmentMissing.exit_code
    return outcome.exit_code


def _open_closed_streams() -> None:
    """Give a closed standard stream (`cellctl ... >&-`) a place; the next file opened would get its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _outcome(words: Sequence[str]) -> Outcome:
    from cyclopts import CycloptsError

    try:
        try:
            return application().meta(words, exit_on_error=False, print_error=False) or Outcome(silent=True)
        except CellctlError as error:
            return outcome_of(error)
        except CycloptsError as error:
            return misused(str(error), error.command_chain or ())
    except KeyboardInterrupt:
        return interrupted()
    except OutputLost:
        raise
    except OSError as error:
        return no_such_path(error) or unexpected(error, debug="--debug" in words)
    except Exception as error:
        return unexpected(error, debug="--debug" in words)
