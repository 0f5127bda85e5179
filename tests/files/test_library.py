"""References, roots and sources: nothing outside the project, the library and installed packages is ever read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.errors import CellctlError, EnvironmentMissing, FileError
from cellctl.files import library_robots, load_cell, load_robot
from cellctl.files.library import joined_reference, library_root, project_root
from cellctl.files.quantities import FieldError
from cellctl.files.sources import DiskSource, reference_of

CELL = "mechanisms:\n  r1: {model: lib:robots/kuka_kr16_2, configurations: {home: 0 -90 90 0 45 0 deg}}\n"


@pytest.mark.parametrize(
    ("base", "text", "expected"),
    [
        ("project:a/b/cell.yaml", "part.yaml", "project:a/b/part.yaml"),
        ("project:a/b/cell.yaml", "../c/part.yaml", "project:a/c/part.yaml"),
        ("lib:sim/x/cell.yaml", "part.yaml", "lib:sim/x/part.yaml"),
        ("lib:sim/x/cell.yaml", "./y/../part.yaml", "lib:sim/x/part.yaml"),
        ("project:cell.yaml", "lib:robots/r", "lib:robots/r"),
        ("project:cell.yaml", "pkg:rtbdata/a//b.stl", "pkg:rtbdata/a/b.stl"),
        ("lib:a/cell.yaml", "project:b/part.yaml", "project:b/part.yaml"),
        ("project:a/cell.yaml", "..data/part.yaml", "project:a/..data/part.yaml"),
    ],
)
def test_joined(base: str, text: str, expected: str) -> None:
    assert joined_reference(base, text) == expected


@pytest.mark.parametrize(
    "text",
    ["../../x", "/etc/passwd", "a/../../../x", "lib:../x", "lib:/x", "lib:", "pkg:rtbdata", "pkg:../x/y", "file:///etc/passwd",
     "http://x/y", "C:\\x", "a\\..\\x", "a\0b"],
)  # fmt: skip
def test_outside(text: str) -> None:
    with pytest.raises(FieldError) as caught:
        joined_reference("project:a/cell.yaml", text)
    assert caught.value.code == "F131"


@given(st.text("abc./\\:\0lib", max_size=20))
def test_whatever_is_written_stays_below_a_root(text: str) -> None:
    try:
        reference = joined_reference("project:a/b/cell.yaml", text)
    except FieldError:
        return
    scheme, path = reference.split(":", 1)
    assert scheme in ("lib", "pkg", "project")
    assert Path("/root/x", path).resolve().is_relative_to("/root/x")


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "cell.yaml").write_text(CELL)
    project = tmp_path / "project"
    project.mkdir()
    (project / "cellctl.yaml").write_text("project: {name: p}\n")
    (project / "inside.yaml").write_text(CELL)
    (project / "file.yaml").symlink_to(tmp_path / "secret" / "cell.yaml")
    (project / "folder").symlink_to(tmp_path / "secret")
    (project / "fine.yaml").symlink_to(project / "inside.yaml")
    for reference in ("project:file.yaml", "project:folder/cell.yaml"):
        with pytest.raises(FileError, match="a link leads out of its root"):
            DiskSource(project).locate(reference)
    assert DiskSource(project).locate("project:fine.yaml").read_text() == CELL


def test_project_root_is_where_the_project_file_is(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "cell.yaml").write_text(CELL)
    assert project_root(deep / "cell.yaml") == deep
    (tmp_path / "cellctl.yaml").write_text("project: {name: p}\n")
    assert project_root(deep / "cell.yaml") == tmp_path
    reference, source = reference_of(deep / "cell.yaml")
    assert (reference, source.root) == ("project:a/b/cell.yaml", tmp_path)
    assert load_cell(deep / "cell.yaml").inputs[-1].reference == "project:a/b/cell.yaml"


def test_a_wrong_project_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cellctl.yaml").write_text("project: {nam: p}\n")
    (tmp_path / "cell.yaml").write_text(CELL)
    with pytest.raises(FileError) as caught:
        load_cell(tmp_path / "cell.yaml")
    assert {finding.code for finding in caught.value.findings} == {"F110", "F111"}


def test_library_is_found_and_holds_what_it_ships(checkout: Path) -> None:
    assert library_root() == checkout
    assert "kuka_kr16_2" in library_robots()
    for name in library_robots():
        assert load_robot(name).name == name
        assert load_robot(f"lib:robots/{name}").name == name


def test_paths_into_the_library_and_references_are_one_cell(checkout: Path) -> None:
    by_reference = load_cell("lib:sim/tray_cell/cell.yaml")
    by_path = load_cell(checkout / "sim" / "tray_cell" / "cell.yaml")
    assert {i.sha256 for i in by_reference.inputs} == {i.sha256 for i in by_path.inputs}


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("pkg:no_such_package/x.stl", "E504"),
        ("pkg:rtbdata/no_such.stl", "F101"),
        ("lib:robots/none/robot.yaml", "F101"),
    ],
)
def test_missing(reference: str, code: str) -> None:
    with pytest.raises((EnvironmentMissing, FileError)) as caught:
        DiskSource(Path.cwd()).locate(reference)
    assert [finding.code for finding in caught.value.findings] == [code]


def test_messages_name_no_path_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cell.yaml").write_text(
        CELL.replace("kr16_2", "kr17") + "fixtures:\n  x: {hull_of: {file: x.stl, unit: m}}\n"
    )
    (tmp_path / "x.stl").write_bytes(b"no mesh")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellctlError) as caught:
        load_cell("cell.yaml")
    assert str(tmp_path) not in str(caught.value)
    assert "cell.yaml:4:23: 'project:x.stl': not an STL file" in str(caught.value)
