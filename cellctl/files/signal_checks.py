"""Whether a cell has the signals that the steps of a task need, each as what it has to be. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from cellctl.files.step_report import StepReport
from cellctl.model.cell import Cell

Signals = tuple[tuple[str, str], ...]
"""Names of signals, and the key of a cell file under which each has its number."""


@dataclass(frozen=True, slots=True)
class SignalNeeds:
    """The signals that `who` needs and those that are used where the cell has them, with the `code` of a finding about
    one, and an `example` as it stands in a cell file.
    """

    code: str
    who: str
    needed: Signals
    optional: Signals
    example: str


def check_signals(at: StepReport, cell: Cell, needs: SignalNeeds) -> None:
    """Report what is missing and what is of another kind; a cell without any signals is only warned about."""
    hint = f"write 'signals: {{{needs.example}}}' into the cell file"
    if not cell.signals:
        message = "the cell has no signals: this task can be planned and proved, and not be run"
        at.warn(needs.code, message, "cell", hint)
        return
    lines = {signal.name: signal for signal in cell.signals}
    known = (*needs.needed, *needs.optional)
    others = [name for name in lines if name not in dict(known)]
    for name, kind in known:
        if name in lines and getattr(lines[name], kind) is None:
            message = f"signal '{name}' of the cell is no {kind}, and {needs.who} needs it as one"
            at.report(needs.code, message, "cell", f"write '{name}: {{{kind}: 1}}', with its number, under 'signals'")
        elif name not in lines and (name, kind) in needs.needed:
            near = f"did you mean '{found[0]}'? - " if (found := get_close_matches(name, others)) else ""
            at.report(needs.code, f"the cell has no {kind} '{name}', which {needs.who} needs", "cell", near + hint)
