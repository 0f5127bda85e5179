"""`cellctl schema`: the JSON Schemas of the file kinds, for editors and for generators of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, get_args

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.errors import FileError, Finding, Place

Kind = Literal[
    "task", "cell", "part", "wps", "robot", "tool", "project", "wiring", "gcode", "io", "faults", "pen", "bead"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


def schema(
    kind: Kind | None = None,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> Outcome:
    """Print the JSON Schema of a file kind.

    Args:
        kind: The kind of file; without one the kinds are listed.
        output: Write the schema into this file, or, without a kind, all of them into this folder.
    """
    from cellctl.files import schemas

    if output is not None:
        targets = {output: kind} if kind is not None else {output / f"{each}.json": each for each in KINDS}
        _write({path: schemas.schema(each) for path, each in targets.items()})
        written = [str(path) for path in targets]
        return Outcome(text=tuple(written), data={"written": written})
    if kind is None:
        return Outcome(text=KINDS, data={"kinds": list(KINDS)})
    document = schemas.schema(kind)
    return Outcome(text=(json.dumps(document, indent=2),), data={"kind": kind, "schema": document})


def _write(documents: dict[Path, dict[str, object]]) -> None:
    for path, document in documents.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        except OSError as error:
            raise FileError(
                Finding("F180", f"cannot be written: {error.strerror or error}", Place(str(path)))
            ) from None
