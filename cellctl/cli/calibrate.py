"""`cellctl calibrate`: write the wiring of one arm, with its own zeros, from a pose that a person has put it in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.errors import Finding, UsageError


def calibrate(
    arm: str,
    *,
    port: str,
    at: str,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
) -> Outcome:
    """Measure where the joints of a real arm have their zeros, and write its wiring file; nothing moves.

    Put the arm, without torque, at joint values that you know, such as against its stops or a jig. Nothing is written
    into the servos.

    Args:
        arm: An arm of the library, or the wiring file to begin from.
        port: The serial port.
        at: The joint values at which the arm stands, such as "0 0 0 0 deg".
        output: The wiring file to write; it must not be there yet.
    """
    from cellctl import files
    from cellctl.cli.port_doctor import calibrated

    if output.exists():
        raise UsageError(Finding("U647", f"'{output}' is there already", suggestion="name another file"))
    zeros = calibrated(port, arm, at)
    text = source_text(arm)
    for joint, zero in zeros.items():
        text = with_zero(text, joint, zero)
    output.write_text(text, "utf-8")
    before = {axis.joint: axis.zero for axis in files.load_wiring(arm).axes}
    lines = [f"{joint}: zero {zero} (was {before[joint]})" for joint, zero in zeros.items()]
    return Outcome(text=(*lines, f"wiring {output}"), data={"zeros": zeros, "wiring": str(output)})


def source_text(arm: str) -> str:
    """The text of the wiring file of `arm`, comments and all but the one that says where the library has its schema."""
    from cellctl.files.library import library_root

    root = library_root()
    shipped = root / "robots" / arm / "wiring.yaml" if root is not None else Path(arm)
    text = (shipped if shipped.is_file() else Path(arm)).read_text("utf-8")
    return re.sub(r"\A# yaml-language-server:.*\n", "", text)


def with_zero(text: str, joint: str, zero: int) -> str:
    """The text with the zero of one joint put in, wherever its line has it or not."""

    def put(line: re.Match[str]) -> str:
        without = re.sub(r",\s*zero:\s*\d+", "", line.group(0))
        return re.sub(r"(id:\s*\d+)", rf"\1, zero: {zero}", without, count=1)

    return re.sub(rf"^\s*- \{{joint: {re.escape(joint)},.*$", put, text, flags=re.MULTILINE)
