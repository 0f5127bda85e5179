"""JSON Schemas of the file kinds, for editors and for `cellctl schema`: made from the models that read the files."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from cellctl.errors import Finding, UsageError
from cellctl.files.quantities import did_you_mean
from cellctl.files.strict_model import FileModel

_MODELS: Final = {
    "cell": ("cellctl.files.cell_fields", "CellFile"),
    "faults": ("cellctl.files.faults_file", "FaultsFile"),
    "part": ("cellctl.files.part_file", "PartFile"),
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
    document = _tidied(model.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": f"cellctl {kind} file"}


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
