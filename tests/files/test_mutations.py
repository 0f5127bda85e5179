"""Shipped files with something changed at random: values or findings with places, never a traceback or a hang.

`python tests/files/test_mutations.py --cases 200000` tries as many; the tests try a few hundred. Same seed, same cases.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cellctl.catalogue import lookup
from cellctl.errors import CellctlError, Finding
from cellctl.files.cell_file import read_cell
from cellctl.files.faults_file import read_faults
from cellctl.files.gcode_file import read_gcode_wiring
from cellctl.files.io_file import read_io
from cellctl.files.library import library_root
from cellctl.files.part_file import open_part, part_of
from cellctl.files.procedure_file import read_procedure
from cellctl.files.project_file import ProjectFile
from cellctl.files.reading import Reading, kind_of_tree
from cellctl.files.robot_file import read_robot
from cellctl.files.sources import DiskSource
from cellctl.files.task_file import read_task
from cellctl.files.tool_file import read_tool
from cellctl.files.urdf.chain import chain_of_urdf
from cellctl.files.urdf.export import urdf_cell
from cellctl.files.urdf.reading import urdf_model
from cellctl.files.urdf.srdf import srdf_model
from cellctl.files.wiring_file import read_wiring
from cellctl.files.xml_tree import parse_xml
from cellctl.files.yaml_tree import YamlList, YamlMap, parse_yaml, read_yaml
from cellctl.model.shapes import Hull

ROOT = Path(__file__).resolve().parents[2]
SLOWEST = 20.0
"""Seconds that one case may take; a hundred times what it takes."""
MOST_MEMORY = 2**30

Path_ = tuple[Any, ...]

WORDS = """0 mm|-1 mm|1e9 mm|1e-9 mm|0 deg|720 deg|0 0 0 mm|0 0 0|0 0 1|1 0 0 mm|r1|home|tray|world|table.top|base
|link_3|tool0|cell.yaml|robot.yaml|none.yaml|pkg:rtbdata/none|lib:robots/kuka_kr16_2|lib:|..|/|5 kg|1 .. 0 mm
|1 .. 2 .. 3 deg|axis|revolute|fixed|prismatic|#000000|nan mm|1e400 mm|0x10|.inf|true|null|~|\u00e9|\u0000|\u202e|a.b
|a b|-|? |- |{}|[]|&a|*a|!!python|1e308 1e308 1e308 mm|9999999999999999999999 mm|5 +-1 deg|+5 deg|1_000 mm|1,5 mm|5mm
|5  mm|5 MM|m|.5 mm|5. mm|\u0661 mm""".replace("\n", "").split("|")
BYTES = b"""\x00 \xff \xef\xbb\xbf \t \r\n : - &a *a !!x --- ... %YAML { } [ ] ' " # | > ? << \xe2\x80\xa8
\xf0\x9f\x98\x80 &lol; <!DOCTYPE < /> ]]>""".split(b" ")


Case = bytes | dict[str, Any]
"""A changed file: its bytes, or what the YAML parser would have made of them, which takes most of the time."""


def placed(node: Any) -> Any:
    """A tree as the parser gives it, everything on line 1."""
    if isinstance(node, dict):
        tree = YamlMap((1, 1))
        for key, value in node.items():
            tree.put(key, placed(value), (1, 1), (1, 1))
        return tree
    if isinstance(node, list):
        items = YamlList((1, 1))
        for value in node:
            items.put(placed(value), (1, 1))
        return items
    return node


class Kept(DiskSource):
    """Reads every file once but for the one that is changed, which comes from `changed` as bytes or as a tree."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.changed: dict[str, Case] = {}
        self._trees: dict[str, YamlMap] = {}
        self._hulls: dict[str, Hull] = {}

    def tree(self, reference: str) -> YamlMap:
        if reference in self.changed:
            case = self.changed[reference]
            if not isinstance(case, bytes):
                return placed(case)
            file = self.root / "changed"
            file.write_bytes(case)
            return read_yaml(file, self.shown(reference))
        if reference not in self._trees:
            self._trees[reference] = super().tree(reference)
        return self._trees[reference]

    def hull(self, reference: str, unit: float) -> Hull:
        if reference not in self._hulls:
            self._hulls[reference] = super().hull(reference, unit)
        return self._hulls[reference]


@dataclass
class Subject:
    """A shipped file: its name, bytes, tree, and what reads it."""

    name: str
    data: bytes
    tree: dict[str, Any]
    read: Callable[[Case], list[Finding]]


def subjects(folder: Path) -> list[Subject]:
    """Every YAML file that ships, the first job in a project of its own, and the URDF and SRDF of its cell."""
    shutil.copytree(ROOT / "sim" / "tray_cell", folder, dirs_exist_ok=True)
    task = (ROOT / "tasks" / "weld" / "tray_corner.yaml").read_text("utf-8")
    (folder / "task.yaml").write_text(task.replace("lib:sim/tray_cell/", ""), "utf-8")
    (folder / "cellctl.yaml").write_text("project: {name: mutations}\n")
    source = Kept(folder)
    found = []
    for file in sorted(folder.glob("*.yaml")):
        found.append(subject(f"project:{file.name}", file.read_bytes(), source))
    library = library_root()
    assert library is not None
    for place in ("robots", "sim", "tasks"):
        for file in sorted((library / place).rglob("*.yaml")):
            found.append(subject(f"lib:{file.relative_to(library).as_posix()}", file.read_bytes(), source))
    cell = read_cell(Reading(source), "project:cell.yaml")
    assert cell is not None
    exported = urdf_cell(cell.cell, ())
    return [*found, xml_subject("cell.urdf", exported.urdf), xml_subject("cell.srdf", exported.srdf)]


def subject(reference: str, data: bytes, source: Kept) -> Subject:
    tree = parse_yaml(data.decode("utf-8"), reference)
    first = data.decode("utf-8").partition("\n")[0]
    kind = Path(first.partition("$schema=")[2]).stem or kind_of_tree(tree)
    whole = kind in ("part", "wps", "tool", "robot") and reference.startswith("project:")

    def read(case: Case) -> list[Finding]:
        source.changed = {reference: case}
        reading = Reading(source)
        run_reader(reading, kind, reference)
        if whole and not any(finding.severity == "error" for finding in reading.findings):
            reading = Reading(source)
            read_task(reading, "project:task.yaml")
        return reading.findings

    return Subject(reference, data, tree, read)


def run_reader(reading: Reading, kind: str, reference: str) -> None:
    if kind == "task":
        read_task(reading, reference)
    elif kind == "cell":
        read_cell(reading, reference)
    elif kind == "robot":
        read_robot(reading, reference)
    elif kind == "tool":
        read_tool(reading, reference, "tool")
    elif kind in ("wps", "pen", "bead"):
        read_procedure(reading, reference, "wps")
    elif kind == "wiring":
        read_wiring(reading, reference)
    elif kind == "gcode":
        read_gcode_wiring(reading, reference)
    elif kind == "io":
        read_io(reading, reference)
    elif kind == "faults":
        read_faults(reading, reference)
    elif kind == "part":
        file = open_part(reading, reference)
        if file is not None:
            part_of(file, "part")
    else:
        reading.open(ProjectFile, "project", reference)


def xml_subject(name: str, text: str) -> Subject:
    def read(case: Case) -> list[Finding]:
        findings: list[Finding] = []
        assert isinstance(case, bytes)
        root = parse_xml(case, name)
        if name.endswith(".srdf"):
            srdf_model(root, findings)
            return findings
        model = urdf_model(root, findings)
        if not any(finding.severity == "error" for finding in findings):
            chain_of_urdf(model, srdf_model(root, findings), None, None, findings)
        return findings

    return Subject(name, text.encode(), {}, read)


def paths(node: Any, path: Path_ = ()) -> list[Path_]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(p for key, item in items for p in paths(item, (*path, key)))]


def at(node: Any, path: Path_) -> Any:
    for key in path:
        node = node[key]
    return node


def changed(node: Any, path: Path_, how: str, value: Any) -> Any:
    """A copy of the tree with the value at `path` replaced, removed, doubled, or put under another key."""
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    if len(path) > 1 or how == "replace":
        copy[path[0]] = changed(node[path[0]], path[1:], how, value)
    elif how == "remove":
        del copy[path[0]]
    elif isinstance(copy, dict):
        copy[str(value)] = copy.pop(path[0]) if how == "rename" else copy[path[0]]
    else:
        copy.append(copy[path[0]])
    return copy


def value_for(draw: random.Random, tree: Any, path: Path_) -> Any:
    """Something to put at a path: a word, a plain value, the value of another path, or the old text with a change."""
    choice = draw.randrange(6)
    old = at(tree, path)
    if choice == 0:
        return draw.choice(WORDS)
    if choice == 1:
        return draw.choice([0, 1, -1, 3.5, True, [], {}, "", ["0 0 0 mm"], {"x": "1 mm"}, 10**30, "x" * 10_000])
    if choice == 2:
        return at(tree, draw.choice(paths(tree)[1:]))
    if choice == 3 and isinstance(old, str) and old:
        k = draw.randrange(len(old))
        return old[:k] + draw.choice(["", "0", "-", ".", " ", "e9", "mm", old]) + old[k + draw.randrange(2) :]
    if choice == 4:
        nested: Any = old
        for _ in range(draw.choice([1, 2, 70])):
            nested = [nested] if draw.random() < 0.5 else {"a": nested}
        return nested
    return draw.choice(WORDS)


def mutated(draw: random.Random, chosen: Subject) -> Case:
    """A file with one to three changes, most of them to its tree."""
    if not chosen.tree or draw.random() < 0.1:
        return with_bytes(draw, chosen.data)
    tree: Any = chosen.tree
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        if not isinstance(tree, dict) or len(every := paths(tree)) < 2:
            break
        path = draw.choice(every[1:])
        how = draw.choice(["replace", "replace", "replace", "remove", "rename", "double"])
        tree = changed(tree, path, how, value_for(draw, tree, path))
    if isinstance(tree, dict) and draw.random() < 0.95:
        return tree
    return json.dumps(tree, indent=1, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")  # JSON is YAML


def with_bytes(draw: random.Random, data: bytes) -> bytes:
    for _ in range(draw.choice([1, 1, 2, 5])):
        k = draw.randrange(len(data) + 1)
        how = draw.randrange(6)
        if how == 0:
            data = data[:k]
        elif how == 1:
            data = data[:k] + bytes([draw.randrange(256)]) + data[k + 1 :]
        elif how == 2:
            data = data[:k] + data[k + draw.randrange(1, 40) :]
        elif how == 3:
            start = draw.randrange(len(data) + 1)
            data = data[:k] + data[start : start + draw.randrange(200)] + data[k:]
        else:
            data = data[:k] + draw.choice(BYTES) + data[k:]
        data = data or b"\n"
    return data


def attacked(cases: int, seed: int, folder: Path) -> Iterator[tuple[str, Case, list[Finding] | str, float]]:
    """Name, bytes, findings (or a traceback) and processor seconds of every case."""
    known = subjects(folder)
    for k in range(cases):
        draw = random.Random(f"{seed} {k}")
        chosen = draw.choice(known)
        data = mutated(draw, chosen)
        begun = time.process_time()
        try:
            found: list[Finding] | str = chosen.read(data)
        except CellctlError as error:
            found = list(error.findings)
        except Exception:
            found = traceback.format_exc()
        yield chosen.name, data, found, time.process_time() - begun


def fault_of(found: list[Finding] | str, seconds: float, folder: Path) -> str:
    """What is wrong with the outcome of a case; empty for a good one."""
    if isinstance(found, str):
        return found
    for finding in found:
        if finding.place is None:
            return f"no place: {finding}"
        if lookup(finding.code) is None:
            return f"no entry: {finding}"
        if str(folder) in finding.message:
            return f"a path of this machine: {finding}"
    return f"{seconds:.1f} s" if seconds > SLOWEST else ""


@pytest.mark.parametrize("seed", [0, 1])
def test_changed_files_are_read_or_told(seed: int, tmp_path: Path) -> None:
    told = 0
    for name, data, found, seconds in attacked(150, seed, tmp_path):
        assert (name, data, fault_of(found, seconds, tmp_path)) == (name, data, "")
        told += bool(found)
    assert told > 60


def test_shipped_files_as_they_are_have_no_findings(tmp_path: Path) -> None:
    for known in subjects(tmp_path):
        if known.name not in ("cell.urdf",):  # which says nothing of speeds, and has a tool beside the chain
            assert [f for f in known.read(known.data) if f.severity == "error"] == [], known.name


def test_the_same_seed_gives_the_same_cases(tmp_path: Path) -> None:
    first, second = ([data for _, data, _, _ in attacked(20, 7, tmp_path)] for _ in range(2))
    assert first == second


def main() -> int:
    parser = argparse.ArgumentParser(description="Change shipped files at random and read them.")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    codes: Counter[str] = Counter()
    faults = slowest = 0.0
    for k, (name, data, found, seconds) in enumerate(attacked(asked.cases, asked.seed, asked.folder)):
        fault = fault_of(found, seconds, asked.folder)
        slowest = max(slowest, seconds)
        codes.update({finding.code for finding in found} if isinstance(found, list) else {"traceback"})
        codes["read"] += not found
        if fault:
            faults += 1
            text = data if isinstance(data, bytes) else json.dumps(data).encode("utf-8", "surrogatepass")
            (asked.folder / f"fault_{asked.seed}_{k}").write_bytes(text)
            print(f"case {k} of {name}: {fault}", flush=True)
        if k % 5000 == 4999:
            print(f"{k + 1} cases, {faults:g} faults, slowest {slowest:.2f} s, {memory() / 2**20:.0f} MiB", flush=True)
    print(dict(codes.most_common()))
    print(f"{asked.cases} cases, {faults:g} faults, slowest {slowest:.2f} s, {memory() / 2**20:.0f} MiB")
    return 1 if faults or memory() > MOST_MEMORY else 0


def memory() -> int:
    """The most memory that this process has held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
