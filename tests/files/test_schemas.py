"""The JSON Schemas: shipped as generated, and they accept the shipped files and refuse broken ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cellctl.errors import UsageError
from cellctl.files import KINDS, schema
from cellctl.files.strict_model import FileModel
from cellctl.files.yaml_tree import read_yaml

TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "integer": int, "number": (int, float)}
KNOWN = {"$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "description", "enum", "examples",
         "exclusiveMinimum", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
         "minProperties", "minimum", "pattern", "properties", "required", "title", "type"}  # fmt: skip


def faults(value: Any, node: dict[str, Any], root: dict[str, Any], where: str = "") -> list[str]:
    """What JSON Schema 2020-12 holds against `value`, for the keywords that our schemas use."""
    assert set(node) <= KNOWN, set(node) - KNOWN
    if "$ref" in node:
        return faults(value, root["$defs"][node["$ref"].removeprefix("#/$defs/")], root, where)
    found: list[str] = []
    if "anyOf" in node and all(faults(value, option, root, where) for option in node["anyOf"]):
        found.append(f"{where}: none of the forms")
    if "type" in node and (
        not isinstance(value, TYPES[node["type"]]) or (isinstance(value, bool) and node["type"] != "boolean")
    ):
        return [*found, f"{where}: no {node['type']}"]
    if "enum" in node and value not in node["enum"]:
        found.append(f"{where}: not one of the choices")
    if "pattern" in node and not re.search(node["pattern"], value):
        found.append(f"{where}: '{value}' does not match")
    if isinstance(value, dict):
        properties = node.get("properties", {})
        found += [f"{where}: {key} is missing" for key in node.get("required", []) if key not in value]
        if not node.get("minProperties", 0) <= len(value) <= node.get("maxProperties", 10**6):
            found.append(f"{where}: number of keys")
        for key, item in value.items():
            inner = properties.get(key, node.get("additionalProperties", True))
            if inner is False:
                found.append(f"{where}: {key} is unknown")
            elif inner is not True:
                found += faults(item, inner, root, f"{where}.{key}")
    if isinstance(value, list):
        if not node.get("minItems", 0) <= len(value) <= node.get("maxItems", 10**6):
            found.append(f"{where}: number of items")
        for index, item in enumerate(value):
            found += faults(item, node.get("items", {}), root, f"{where}.{index}")
    return found


def kind_of(path: Path) -> str:
    first = path.read_text("utf-8").split("\n")[0]
    return Path(first.partition("$schema=")[2]).stem


def shipped(checkout: Path) -> list[Path]:
    folders = ("robots", "sim", "tasks")
    return [checkout / "cellctl.yaml", *(path for f in folders for path in sorted((checkout / f).rglob("*.yaml")))]


def test_shipped_schemas_are_the_generated_ones(checkout: Path) -> None:
    folder = checkout / "cellctl" / "files" / "json_schemas"
    assert {path.stem for path in folder.iterdir()} == set(KINDS)
    for kind in KINDS:
        text = json.dumps(schema(kind), indent=2) + "\n"
        assert (folder / f"{kind}.json").read_text("utf-8") == text, (
            f"cellctl schema {kind} -o {folder.name}/{kind}.json"
        )


def test_shipped_files_are_valid(checkout: Path) -> None:
    kinds = set()
    for path in shipped(checkout):
        kind = kind_of(path)
        kinds.add(kind)
        assert faults(read_yaml(path, path.name), schema(kind), schema(kind)) == [], path
    assert kinds == set(KINDS)


def undescribed(node: Any, where: str = "") -> list[str]:
    """Keys without a sentence, at any depth."""
    if isinstance(node, list):
        return [found for item in node for found in undescribed(item, where)]
    if not isinstance(node, dict):
        return []
    keys = node.get("properties", {})
    ours = isinstance(keys, dict) and node.get("additionalProperties") is False and "min" not in keys
    mute = [key for key, value in keys.items() if not value.get("description", "").endswith(".")] if ours else []
    found = [f"{where}.{key}" for key in mute]
    return [*found, *(inner for key, value in node.items() for inner in undescribed(value, f"{where}.{key}"))]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_sentence(kind: str) -> None:
    assert undescribed(schema(kind)) == []


def test_a_sentence_says_the_unit_too() -> None:
    ctwd = schema("wps")["properties"]["ctwd"]["description"]
    assert ctwd == "Contact-tip-to-work distance (a window of length with its unit)."


@pytest.mark.parametrize(
    ("kind", "tree", "fault"),
    [
        ("task", {"cell": "x", "steps": [{"weld": {"seam": "a.b", "wps": "w", "from": "15"}}]}, "does not match"),
        ("task", {"cell": "x", "steps": [{"weld": {"seam": "a.b", "wps": "w", "frm": "15 mm"}}]}, "frm is unknown"),
        ("task", {"cell": "x", "steps": [{"weld": {"wps": "w"}}]}, "seam is missing"),
        ("task", {"cell": "x", "steps": [{}]}, "number of keys"),
        ("task", {"cell": "x", "steps": []}, "number of items"),
        ("task", {"cell": "x", "steps": [{"move_j": 1}]}, "none of the forms"),
        ("wps", {"process": 132}, "not one of the choices"),
    ],
)
def test_broken_trees_are_refused(kind: str, tree: dict[str, Any], fault: str) -> None:
    assert any(fault in found for found in faults(tree, schema(kind), schema(kind)))


def test_short_forms_are_valid() -> None:
    steps = [{"move_j": "home"}, {"move_j": {"to": "home"}}, {"weld": {"seam": "a.b", "wps": "w", "spin": "free"}}]
    assert faults({"cell": "x", "steps": steps}, schema("task"), schema("task")) == []


def test_unknown_kind() -> None:
    with pytest.raises(UsageError, match="did you mean 'task'"):
        schema("tsk")


def test_importing_the_package_is_cheap() -> None:
    heavy = {"numpy", "pydantic", "ruamel", "scipy"}
    script = f"import sys, cellctl.files, cellctl.catalogue; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_two_models_share_a_name() -> None:
    """Sentences go to a model by its name; a second one of that name would take them, where it was imported."""
    for kind in KINDS:
        schema(kind)
    names = [model.__name__ for model in every_model(FileModel)]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def every_model(base: type[FileModel]) -> list[type[FileModel]]:
    return [found for model in base.__subclasses__() for found in (model, *every_model(model))]
