"""`cellctl schema`: the JSON Schemas of the file kinds, for editors and for generators of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cellctl.cli.output import Outcome
from cellctl.errors import Finding, UsageError


def schema(
    kind: str | None = None,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> Outcome:
    """Print the JSON Schema of a file kind.

    Args:
        kind: cell, task, robot, tool, part or wps; the kinds are listed without one.
        output: Write the schemas of all kinds into this folder, or that of one kind into this file.
    """
    from cellctl import files

    if output is not None:
        written = _written(kind, output)
        return Outcome(text=tuple(written), data={"written": written})
    if kind is None:
        return Outcome(text=tuple(files.KINDS), data={"kinds": list(files.KINDS)})
    document = _schema(kind)
    return Outcome(text=(json.dumps(document, indent=2),), data={"kind": kind, "schema": document})


def _written(kind: str | None, output: Path) -> list[str]:
    from cellctl import files

    targets = {output: kind} if kind is not None else {output / f"{each}.json": each for each in files.KINDS}
    documents = {path: _schema(each) for path, each in targets.items()}
    for path, document in documents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return [str(path) for path in documents]


def _schema(kind: str) -> dict[str, object]:
    from cellctl import files

    if kind not in files.KINDS:
        choices = ", ".join(files.KINDS)
        raise UsageError(Finding("U617", f"'{kind}' is no file kind", suggestion=f"there are {choices}"))
    return files.schema(kind)
