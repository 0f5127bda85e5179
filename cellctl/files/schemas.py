"""JSON Schemas of the file kinds, for editors and for `cellctl schema`: made from the models that read the files."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from cellctl.errors import Finding, UsageError
from cellctl.files.quantities import did_you_mean
from cellctl.files.schema import FileModel

_MODELS: Final = {
    "cell": ("cellctl.files.cell_fields", "CellFile"),
    "part": ("cellctl.files.part_file", "PartFile"),
    "project": ("cellctl.files.project_file", "ProjectFile"),
    "robot": ("cellctl.files.robot_file", "RobotFile"),
    "task": ("cellctl.files.task_fields", "TaskFile"),
    "tool": ("cellctl.files.tool_file", "ToolFile"),
    "wps": ("cellctl.files.wps_file", "WpsFile"),
}


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file kind; raises UsageError."""
    if kind not in _MODELS:
        raise UsageError(Finding("U617", f"there is no file kind '{kind}'", suggestion=did_you_mean(kind, _MODELS)))
    module, name = _MODELS[kind]
    model: type[FileModel] = getattr(import_module(module), name)
    document = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": f"cellctl {kind} file"}
