"""Fault scripts: what shall go wrong between a driver and an emulated controller, and the `FaultScript` it becomes."""

from __future__ import annotations

from math import inf
from typing import Annotated, Literal

from pydantic import Field

from cellctl.files.fields import Time
from cellctl.files.reading import File, Reading
from cellctl.files.strict_model import FileModel
from cellctl.model.link_faults import Fault, FaultKind, FaultScript


class FaultField(FileModel):
    """One thing that goes wrong; times count from the first byte that the host sends."""

    kind: FaultKind
    """What goes wrong."""
    start: Time = 0.0
    """When it begins."""
    end: Time | None = None
    """When it is over; never unless given."""
    way: Literal["commands", "replies"] = "replies"
    """Whether it happens to what the host says or to what it is told."""
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """The share of packets, or bytes, that it happens to."""
    times: Annotated[int, Field(ge=1)] | None = None
    """How often it happens at most."""
    by: Time = 0.0
    """How long it delays or parts, where the kind does so."""
    servo: Annotated[int, Field(ge=0, le=252)] = 0
    """The servo that it happens to, for kinds that happen to one."""
    replug: Literal["same", "renamed", "other_device"] = "same"
    """What is on the line after it was unplugged."""


class FaultsFile(FileModel):
    """A script of faults, the same for the same seed and traffic."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Makes the chances; the same seed and traffic give the same faults."""
    faults: list[FaultField]
    """What goes wrong, each on its own."""


def read_faults(reading: Reading, reference: str) -> FaultScript | None:
    """The script at `reference`; None when what is wrong leaves nothing to work with."""
    file = reading.open(FaultsFile, "faults", reference)
    if file is None:
        return None
    return FaultScript(tuple(_fault(file, index) for index in range(len(file.model.faults))), file.model.seed)


def _fault(file: File[FaultsFile], index: int) -> Fault:
    field = file.model.faults[index]
    end = inf if field.end is None else field.end
    if end <= field.start:
        file.report("F123", "a fault must end after it starts", ("faults", index, "end"))
    if field.kind == "stall" and field.end is None:
        file.report("F111", "missing key 'end': when is the stall over?", ("faults", index))
    if field.kind in ("late", "split") and not field.by:
        file.report("F111", f"missing key 'by': how long is '{field.kind}'?", ("faults", index))
    return Fault(field.kind, field.start, end, field.way, field.share, field.times, field.by, field.servo, field.replug)
