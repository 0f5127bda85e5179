"""JSON Schemas of the file kinds, for editors and for `cellctl schema`: made from the models that read the files."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

from cellctl.errors import Finding, UsageError
from cellctl.files.quantities import did_you_mean
from cellctl.files.strict_model import FileModel

_MODELS: Final = {
    "bead": ("cellctl.files.bead_file", "BeadFile"),
    "cell": ("cellctl.files.cell_fields", "CellFile"),
    "faults": ("cellctl.files.faults_file", "FaultsFile"),
    "gcode": ("cellctl.files.gcode_file", "GcodeFile"),
    "io": ("cellctl.files.io_file", "IoFile"),
    "part": ("cellctl.files.part_file", "PartFile"),
    "pen": ("cellctl.files.wps_file", "PenFile"),
    "project": ("cellctl.files.project_file", "ProjectFile"),
    "robot": ("cellctl.files.robot_file", "RobotFile"),
    "task": ("cellctl.files.task_fields", "TaskFile"),
    "tool": ("cellctl.files.tool_file", "ToolFile"),
    "wiring": ("cellctl.files.wiring_file", "WiringFile"),
    "wps": ("cellctl.files.wps_file", "WpsFile"),
}


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file kind; raises UsageError."""
    if kind not in _MODELS:
        raise UsageError(Finding("U617", f"there is no file kind '{kind}'", suggestion=did_you_mean(kind, _MODELS)))
    module, name = _MODELS[kind]
    model: type[FileModel] = getattr(import_module(module), name)
    document = model.model_json_schema(by_alias=True)
    _describe(document, {each.__name__: each for each in _models(FileModel)})
    document = _tidied(document)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": f"cellctl {kind} file"}


def _models(base: type[FileModel]) -> Iterator[type[FileModel]]:
    """Every model that derives from `base`."""
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _describe(node: Any, models: Mapping[str, type[FileModel]]) -> None:
    """Give every key the sentence that stands below its field, before what its type says of itself."""
    if isinstance(node, list):
        for item in node:
            _describe(item, models)
    if not isinstance(node, dict):
        return
    model = models.get(str(node.get("title")))
    if model is not None and isinstance(node.get("properties"), dict):
        said = sentences(model)
        for key, value in node["properties"].items():
            if key in said:
                parts = (value, *value.get("anyOf", ()))
                own = next((part["description"] for part in parts if "description" in part), "")
                value["description"] = f"{said[key].removesuffix('.')} ({own})." if own else said[key]
    for value in node.values():
        _describe(value, models)


def sentences(model: type[FileModel]) -> dict[str, str]:
    """The sentence below each field of a model, by the key that a file has for it."""
    by_name = {name: text for base in reversed(model.__mro__) for name, text in _below(base).items()}
    return {field.alias or name: by_name[name] for name, field in model.model_fields.items() if name in by_name}


def _below(model: type) -> dict[str, str]:
    if not issubclass(model, FileModel) or model is FileModel:
        return {}
    tree = _parsed(model.__module__)
    body = next((n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == model.__name__), [])
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _tidied(node: Any, *, names: bool = False) -> Any:
    """A schema without what says nothing about a file: generated titles, defaults in SI, and null, which no file holds.

    `names` is true for a mapping whose keys are names of properties or definitions.
    """
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _tidied(value, names=key in ("properties", "$defs") and not names)
        for key, value in node.items()
        if names or key not in ("title", "default")
    }
    choices = [choice for choice in kept.get("anyOf", ()) if choice != {"type": "null"}] if not names else []
    if len(choices) == 1:
        del kept["anyOf"]
        return {**choices[0], **kept}
    return kept
