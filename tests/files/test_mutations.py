"""Good files with one thing changed at random: a task or findings with places, never a traceback."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellctl.catalogue import lookup
from cellctl.errors import CellctlError, Finding
from cellctl.files import load_task, plan_inputs
from cellctl.files.yaml_tree import read_yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ("task.yaml", "cell.yaml", "tray.yaml", "mig131_al_t3.yaml", "toggle_clamp.yaml", "robot.yaml", "tool.yaml")

Path_ = tuple[Any, ...]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tray cell with its robot and its tool in one folder."""
    folder = tmp_path_factory.mktemp("mutations")
    shutil.copytree(ROOT / "sim" / "tray_cell", folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "robots" / "kuka_kr16_2" / "robot.yaml", folder)
    shutil.copy(ROOT / "robots" / "tools" / "mig_torch_22deg" / "tool.yaml", folder)
    task = (ROOT / "tasks" / "weld" / "tray_corner.yaml").read_text("utf-8")
    (folder / "task.yaml").write_text(task.replace("lib:sim/tray_cell/", ""), "utf-8")
    cell = (folder / "cell.yaml").read_text("utf-8")
    cell = cell.replace("lib:robots/kuka_kr16_2", "robot.yaml").replace("lib:robots/tools/mig_torch_22deg", "tool.yaml")
    (folder / "cell.yaml").write_text(cell, "utf-8")
    (folder / "cellctl.yaml").write_text("project: {name: mutations}\n")
    return folder


@cache
def tree_of(file: Path) -> dict[str, Any]:
    return read_yaml(file, file.name)


def paths(node: Any, path: Path_ = ()) -> list[Path_]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(p for key, item in items for p in paths(item, (*path, key)))]


WORDS = """0 mm|-1 mm|1e9 mm|1e-9 mm|0 deg|720 deg|0 0 0 mm|0 0 0|0 0 1|r1|home|tray|world|table.top|base|link_3|tool0
|cell.yaml|robot.yaml|none.yaml|pkg:rtbdata/none|..|5 kg|1 .. 0 mm|axis|revolute|fixed|#000000"""
words = st.sampled_from(WORDS.replace("\n", "").split("|"))
values = st.one_of(
    words, st.integers(-3, 3), st.booleans(), st.just([]), st.just({}), st.just(["0 0 0 mm"]), st.text(max_size=5)
)


def changed(node: Any, path: Path_, how: str, value: Any) -> Any:
    """A copy of the tree with the value at `path` replaced, removed, or put under another key."""
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    if len(path) > 1 or how == "replace":
        copy[path[0]] = changed(node[path[0]], path[1:], how, value)
    elif how == "remove":
        del copy[path[0]]
    elif isinstance(copy, dict):
        copy[str(value)] = copy.pop(path[0])
    else:
        copy.append(copy[path[0]])
    return copy


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_change(project: Path, data: st.DataObject) -> None:
    file = project / data.draw(st.sampled_from(FILES))
    tree = tree_of(file)
    path = data.draw(st.sampled_from(paths(tree)[1:]))
    how = data.draw(st.sampled_from(["replace", "remove", "rename"]))
    text = file.read_text("utf-8")
    # JSON is YAML
    file.write_text(json.dumps(changed(tree, path, how, data.draw(values)), indent=1), "utf-8")
    try:
        findings = findings_of(project / "task.yaml")
    finally:
        file.write_text(text, "utf-8")
    for finding in findings:
        assert finding.place is not None
        assert lookup(finding.code) is not None
        assert str(project) not in finding.message


def findings_of(task: Path) -> tuple[Finding, ...]:
    try:
        assert plan_inputs(load_task(task))
    except CellctlError as error:
        return error.findings
    return ()
