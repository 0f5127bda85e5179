"""Files that lie wrong, and bytes around the text: whole texts of what is said, and what is read all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellctl.errors import CellctlError
from cellctl.files import load_cell, load_task

CELL = """mechanisms:
  r1: {model: lib:robots/kuka_kr16_2}
fixtures:
  block: {hull_of: {file: block.stl, unit: mm}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cellctl.yaml").write_text("project: {name: places}\n")
    (folder / "cell.yaml").write_text(CELL)
    monkeypatch.chdir(folder)
    return folder


def said() -> str:
    with pytest.raises(CellctlError) as caught:
        load_cell("cell.yaml")
    return f"{caught.value}\nexit {caught.value.exit_code}"


@pytest.mark.parametrize(
    ("cell", "where", "hint"),
    [
        ("cell.yaml", "tasks", "../cell.yaml"),
        ("cell.yaml", "tasks/weld", "../../cell.yaml"),
        ("tasks/weld/cell.yaml", ".", "cell.yaml"),
        ("../cell.yaml", "tasks/weld", "../../cell.yaml"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_a_cell_that_lies_further_up_is_named_as_the_task_would_write_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, cell: str, where: str, hint: str, inside: bool
) -> None:
    (project / "tasks" / "weld").mkdir(parents=True)
    task = project / where / "task.yaml"
    task.write_text(f"cell: {cell}\nsteps:\n  - move_j: home\n")
    if inside:
        monkeypatch.chdir(task.parent)
    with pytest.raises(CellctlError) as caught:
        load_task(task)
    (finding,) = caught.value.findings
    assert (finding.code, finding.suggestion) == ("F101", f"did you mean '{hint}'?")


def test_a_pipe_is_not_opened(project: Path) -> None:
    (project / "cell.yaml").unlink()
    os.mkfifo(project / "cell.yaml")
    assert said() == "cell.yaml: this is not a regular file - name a file [F102]\nexit 2"


def test_a_mesh_that_is_a_pipe_is_not_opened(project: Path) -> None:
    os.mkfifo(project / "block.stl")
    assert said() == "cell.yaml:4:27: 'project:block.stl': not a regular file [F140]\nexit 2"


def test_a_file_of_two_gigabytes_is_not_read(project: Path) -> None:
    os.truncate(project / "cell.yaml", 2 * 2**30)
    assert said() == "cell.yaml: 2147483648 bytes are too many - at most 10000000 are read [F103]\nexit 2"


def test_a_mesh_of_two_gigabytes_is_not_read(project: Path) -> None:
    (project / "block.stl").touch()
    os.truncate(project / "block.stl", 2 * 2**30)
    text = "'project:block.stl': mesh of 2048 MiB is larger than 64 MiB - reduce the mesh [F141]"
    assert said() == f"cell.yaml:4:27: {text}\nexit 2"


def test_a_link_out_of_the_project_is_not_followed(project: Path) -> None:
    (project.parent / "outside.stl").write_text("solid x\nendsolid\n")
    (project / "block.stl").symlink_to("../outside.stl")
    text = "'project:block.stl': a link leads out of its root - copy the file into the project [F131]"
    assert said() == f"cell.yaml:4:27: {text}\nexit 2"


def test_a_link_that_leads_nowhere(project: Path) -> None:
    (project / "block.stl").symlink_to("gone.stl")
    text = "'project:block.stl': there is no such file - did you mean 'block.stl'? [F101]"
    assert said() == f"cell.yaml:4:27: {text}\nexit 2"


def test_a_link_that_leads_to_itself(project: Path) -> None:
    (project / "block.stl").symlink_to("block.stl")
    assert said().startswith("cell.yaml:4:27: 'project:block.stl': ")
    assert said().endswith("[F101]\nexit 2")


def test_a_folder_is_not_a_mesh(project: Path) -> None:
    (project / "block.stl").mkdir()
    assert said() == "cell.yaml:4:27: 'project:block.stl': not a regular file [F140]\nexit 2"


def test_a_byte_order_mark_and_returns_are_read(project: Path) -> None:
    text = "cell: lib:sim/tray_cell/cell.yaml\nsteps:\n  - move_j: home\n"
    (project / "unix.yaml").write_bytes(text.encode())
    (project / "dos.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_task("dos.yaml").steps == load_task("unix.yaml").steps


def test_places_are_right_after_a_byte_order_mark_and_returns(project: Path) -> None:
    (project / "cell.yaml").write_bytes(
        b"\xef\xbb\xbf" + CELL.replace("unit: mm", "unit: ft").replace("\n", "\r\n").encode()
    )
    assert said() == "cell.yaml:4:44: 'ft' is not a choice for 'unit' - known: cm, in, m, mm [F113]\nexit 2"


def test_utf16_is_told(project: Path) -> None:
    (project / "cell.yaml").write_bytes(CELL.encode("utf-16"))
    assert said() == "cell.yaml:1:1: byte 0xff is not UTF-8 - save the file as UTF-8 [F104]\nexit 2"


def test_a_mesh_that_is_a_web_page(project: Path) -> None:
    (project / "block.stl").write_text("<html>not found</html>")
    text = "'project:block.stl': not an STL file - export the mesh as binary or ASCII STL [F142]"
    assert said() == f"cell.yaml:4:27: {text}\nexit 2"


def test_a_flat_mesh(project: Path) -> None:
    facet = "facet normal 0 0 1 outer loop vertex 0 0 0 vertex 1 0 0 vertex 0 1 0 endloop endfacet"
    (project / "block.stl").write_text(f"solid flat {facet} endsolid")
    text = "'project:block.stl': the points do not span a solid: no convex hull [F144]"
    assert said() == f"cell.yaml:4:27: {text}\nexit 2"
