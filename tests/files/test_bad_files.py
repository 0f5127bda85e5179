"""Bad files against the whole text of what is said about them. `name.expected.txt` lies beside `name.yaml`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cellctl.errors import CellctlError
from cellctl.files import load_cell, load_io, load_robot, load_task
from cellctl.files.part_file import open_part, part_of
from cellctl.files.procedure_file import read_procedure
from cellctl.files.reading import Reading
from cellctl.files.sources import reference_of
from cellctl.files.tool_file import read_tool
from cellctl.jobs.robot_adding import add_robot

BAD = Path(__file__).resolve().parents[1] / "bad"


def load_part(path: Path) -> None:
    reference, source = reference_of(path)
    reading = Reading(source)
    file = open_part(reading, reference)
    if file is not None:
        part_of(file, "part")
    reading.finish()


def load_tool(path: Path) -> None:
    reference, source = reference_of(path)
    reading = Reading(source)
    read_tool(reading, reference, "tool")
    reading.finish()


def load_wps(path: Path) -> None:
    reference, source = reference_of(path)
    reading = Reading(source)
    read_procedure(reading, reference, "wps")
    reading.finish()


def load_urdf(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        add_robot(path.relative_to(Path.cwd()), name="arm", project=folder)


LOADERS: dict[str, Callable[[Path], object]] = {
    "cell": load_cell,
    "io": load_io,
    "part": load_part,
    "robot": load_robot,
    "task": load_task,
    "tool": load_tool,
    "urdf": load_urdf,
    "wps": load_wps,
}


def said_about(path: Path) -> str:
    """Everything that is said about a file, and the exit code."""
    with pytest.raises(CellctlError) as caught:
        LOADERS[path.name.partition("_")[0]](path)
    return f"{caught.value}\nexit {caught.value.exit_code}\n"


FILES = sorted(path for path in BAD.iterdir() if path.suffix in (".yaml", ".urdf"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_whole_text(path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    monkeypatch.chdir(checkout)
    assert said_about(path) == (BAD / f"{path.stem}.expected.txt").read_text("utf-8")


def test_every_bad_file_has_its_text() -> None:
    assert [p.stem for p in FILES] == sorted(p.name.removesuffix(".expected.txt") for p in BAD.glob("*.txt"))
