"""`cellctl log`: torn files of a record brought back to their last whole record."""

from __future__ import annotations

from pathlib import Path

from cellctl.cli.export import Output
from cellctl.cli.output import Outcome
from cellctl.errors import FileError, Finding, Place


def recover(file: Path, *, output: Output = None) -> Outcome:
    """Write what is whole of a journal, trace or event list to a new file; the damaged one stays.

    Args:
        file: A `journal.jsonl`, `trace.csv` or `events.jsonl`.
        output: The file to write; named like the damaged one with `recovered-` in front, beside it, unless given.
    """
    from cellctl.execution.records.recovery import recovered

    content, note = recovered(file)
    target = output or file.with_name(f"recovered-{file.name}")
    try:
        with target.open("xb") as stream:
            stream.write(content)
    except OSError as error:
        finding = Finding("F180", f"cannot be written: {error.strerror}", Place(str(target)), "name another with -o")
        raise FileError(finding) from None
    return Outcome(text=(str(target),), data={"written": str(target)}, findings=(note,))
