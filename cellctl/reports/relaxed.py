"""What would make an impossible task possible, as lines for people and as JSON values. Tries nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cellctl.files.edits import cell_reference

if TYPE_CHECKING:
    from cellctl.jobs.checking import Checked
    from cellctl.jobs.relaxing import Offer, Relaxations


def relaxation_lines(checked: Checked) -> Iterator[str]:
    """What was searched and what would do; nothing where nobody asked."""
    found = checked.relaxations
    if found is None or checked.task is None:
        return
    yield from _grid_lines(checked)
    if found.step is None:
        yield "no weld was refused, and only for welds is looked for changes that would do"
        return
    if found.offers:
        yield "any one of these would do; each was planned and proved:"
        for offer in found.offers:
            yield from _offer_lines(offer, checked, found.step)
    else:
        yield "no single change that was tried would do"
    yield f"tried: {'; '.join(_searched_texts(found))}"


def _grid_lines(checked: Checked) -> Iterator[str]:
    """Whether the refusal itself left anything out."""
    first = next((finding for finding in checked.findings if "grid" in finding.data), None)
    if first is not None:
        whole = "nothing of the grid was left out" if first.data["exhaustive"] else "some turns of joints were left out"
        yield f"searched: {first.data['grid']}; {whole}"


def _offer_lines(offer: Offer, checked: Checked, step: int) -> Iterator[str]:
    task = checked.task
    assert task is not None
    yield f"  {offer.change.said}"
    if offer.change.steps:
        place = task.places[step] if step < len(task.places) else checked.file
        yield f"    in {place}, instead of step {step + 1}:"
        yield from (f"      {text}" for text in offer.change.steps)
    for edit in offer.change.edits:
        yield f"    in {edit.reference}:"
        yield f"      {edit}"


def _searched_texts(found: Relaxations) -> Iterator[str]:
    for item in found.searched:
        how = ", by halving" if item.by_halving else ""
        yield f"{item.family} ({item.grid}{how}): {item.outcome}"


def relaxation_data(checked: Checked) -> dict[str, object] | None:
    """The same as JSON values, SI; None where nobody asked."""
    found = checked.relaxations
    if found is None or checked.task is None:
        return None
    return {
        "step": found.step,
        "tries": found.tries,
        "cell": cell_reference(checked.task),
        "offers": [_offer_data(offer) for offer in found.offers],
        "searched": [
            {"family": s.family, "grid": s.grid, "tried": s.tried, "by_halving": s.by_halving, "outcome": s.outcome}
            for s in found.searched
        ],
    }


def _offer_data(offer: Offer) -> dict[str, object]:
    change = offer.change
    return {
        "family": offer.family,
        "said": change.said,
        "amount": change.amount,
        "steps": list(change.steps),
        "edits": [{"file": e.reference, "where": list(e.where), "text": e.text} for e in change.edits],
        "cycle_time": offer.certified.plan.cycle_time,
        "plan_sha256": offer.certified.certificate.plan_sha256,
    }
