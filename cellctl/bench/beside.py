"""`python -m cellctl.bench.beside WORDS...`: run a cellctl command over and over, niced, as company for a measurement.

It ends, and its command with it, when its standard input closes. `{}` in a word is the number of the round.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

_LEAST_NICE = 19
_LOOK_EVERY = 0.2


@contextmanager
def beside(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Have cellctl commands run beside the block, each over and over in processes of its own."""
    with ExitStack() as stack:
        for words in commands:
            command = [sys.executable, "-m", "cellctl.bench.beside", *words]
            process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE))
            if process.stdin is not None:
                stack.callback(process.stdin.close)
        yield


def main() -> None:
    """Repeat the command until standard input closes."""
    os.nice(_LEAST_NICE)
    number = 0
    while not _ended(0.0):
        words = [word.format(number) for word in sys.argv[1:]]
        with subprocess.Popen(
            [sys.executable, "-m", "cellctl", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            while child.poll() is None:
                if _ended(_LOOK_EVERY):
                    child.terminate()
                    return
        number += 1


def _ended(patience: float) -> bool:
    return bool(select.select([sys.stdin], [], [], patience)[0])


if __name__ == "__main__":
    main()
