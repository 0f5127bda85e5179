"""Strict models of file kinds: validate a tree, and turn what pydantic finds into findings with places.

Reads no file. A tree that fails is pruned of what is wrong and validated again, so that the checks that follow can
look at the rest and one pass reports everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from cellctl.errors import Finding, Place
from cellctl.files.quantities import FieldError, did_you_mean
from cellctl.files.yaml_tree import Position, YamlList, YamlMap

Path = tuple[str | int, ...]

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {
    "too_short": ("needs at least {} item{}", "min_length"),
    "too_long": ("takes at most {} item{}", "max_length"),
    "string_too_short": ("needs at least {} character{}", "min_length"),
    "string_too_long": ("takes at most {} character{}", "max_length"),
    "greater_than": ("must be more than {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be less than {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
}


class FileModel(BaseModel):
    """Base of every model of a file or of a part of one: strict, frozen, unknown keys are errors."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)


Model = TypeVar("Model", bound=FileModel)


def place_of(tree: YamlMap, shown: str, path: Path, *, key: bool = False) -> Place:
    """Where the value (or the key) at `path` stands; its nearest known ancestor where it does not exist."""
    at: Position = tree.at
    node: object = tree
    for depth, step in enumerate(path):
        child = _child(node, step)
        if child is None:
            break
        node, at = child.value, child.key_at if key and depth == len(path) - 1 else child.value_at
    return Place(shown, *at)


def validated(
    model: type[Model], tree: YamlMap, shown: str, findings: list[Finding]
) -> tuple[Model, YamlMap] | tuple[None, None]:
    """The model of `tree` and the tree itself; problems go to `findings`, and both are then of what is left without
    them, or None when too little is left.
    """
    pruned: YamlMap | None = tree
    for attempt in range(8):
        if pruned is None:
            break
        try:
            return model.model_validate(pruned), pruned
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=True)
            if attempt == 0:
                findings += [_finding(model, tree, shown, detail) for detail in details]
            pruned = _without(pruned, {_guilty(pruned, detail) for detail in details})
    return None, None


def field_at(model: type[BaseModel], path: Path) -> object:
    """The declared type at `path` of a model; None when there is none."""
    declared: object = model
    for step in path:
        declared = _step_into(declared, step)
    return declared


def _finding(model: type[FileModel], tree: YamlMap, shown: str, detail: Any) -> Finding:
    kind, path, given = detail["type"], _clean(detail["loc"]), detail["input"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        suggestion = did_you_mean(str(path[-1]), _keys(model, path[:-1]))
        return Finding("F110", f"unknown key '{path[-1]}'", place_of(tree, shown, path, key=True), suggestion)
    if kind == "missing":
        return Finding("F111", f"missing key '{path[-1]}'{_inside(path[:-1])}", place_of(tree, shown, path[:-1]))
    place = place_of(tree, shown, path, key="[key]" in detail["loc"])
    if isinstance(reason := context.get("error"), FieldError):
        return Finding(reason.code, reason.message, place, reason.suggestion)
    if kind == "literal_error":
        choices = [str(choice) for choice in get_args(field_at(model, path))]
        return Finding(
            "F113", f"'{given}' is not a choice for {_called(path)}", place, did_you_mean(str(given), choices)
        )
    if kind in _EXPECTED:
        return Finding(
            "F112", f"{_called(path)} must be {_EXPECTED[kind]}, got {_got(given)}", place, _as_expected(kind, given)
        )
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        got, plural = context.get("actual_length", given), "" if context[key] == 1 else "s"
        return Finding("F123", f"{_called(path)} {words.format(context[key], plural)}, got {got}", place)
    return Finding("F112", f"{_called(path)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", place)


def _as_expected(kind: str, given: object) -> str:
    """What to write in place of a value that is right but for its form; nothing where that cannot be known."""
    if kind == "string_type" and isinstance(given, int | float) and not isinstance(given, bool):
        return f"write '\"{given}\"'"
    if kind in ("list_type", "tuple_type") and isinstance(given, str) and given.isidentifier():
        return f"write '[{given}]'"
    return ""


def _called(path: Path) -> str:
    """What a value is called: its key, or which item of the list under that key it is."""
    keys = [step for step in path if isinstance(step, str)]
    if not path or isinstance(path[-1], str):
        return f"'{path[-1]}'" if path else "the file"
    return f"item {int(path[-1]) + 1} of '{keys[-1] if keys else 'the file'}'"


def _inside(path: Path) -> str:
    return f" in '{'.'.join(str(step) for step in path)}'" if path else ""


def _got(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value) if not isinstance(value, bool) else str(value).lower()


def _clean(location: Iterable[str | int]) -> Path:
    """A location without the marks that pydantic adds for the key of a mapping."""
    return tuple(step for step in location if step != "[key]")


def _guilty(tree: YamlMap, detail: Any) -> Path:
    """What to leave out so that the rest can be looked at: the value, or for a missing key what it is missing in."""
    path = _clean(detail["loc"])
    guilty = path[:-1] if detail["type"] == "missing" else path
    node: object = tree
    for depth, step in enumerate(guilty):
        child = _child(node, step)
        if child is None:
            return guilty[:depth]
        node = child.value
    return guilty


def _child(node: object, step: str | int) -> _Child | None:
    """What `node` holds at `step`, with the positions of its key and of itself; None when it holds no such thing."""
    if isinstance(node, YamlMap) and isinstance(step, str) and step in node.value_at:
        return _Child(node[step], node.key_at[step], node.value_at[step])
    if isinstance(node, YamlList) and isinstance(step, int) and step < len(node.value_at):
        return _Child(node[step], node.value_at[step], node.value_at[step])
    return None


class _Child(NamedTuple):
    value: object
    key_at: Position
    value_at: Position


def _without(tree: YamlMap, paths: set[Path]) -> YamlMap | None:
    """A copy of the tree without the values at `paths`; None when that is the tree itself."""
    if () in paths:
        return None
    copy = _copied(tree, (), paths)
    return copy if isinstance(copy, YamlMap) else None


def _copied(node: object, path: Path, leave_out: set[Path]) -> object:
    if isinstance(node, YamlMap):
        copy = YamlMap(node.at)
        for key, value in node.items():
            if (*path, key) not in leave_out:
                copy.put(
                    key,
                    _copied(value, (*path, key), leave_out),
                    node.key_at.get(key, (0, 0)),
                    node.value_at.get(key, (0, 0)),
                )
        return copy
    if isinstance(node, YamlList):
        items = YamlList(node.at)
        for index, value in enumerate(node):
            if (*path, index) not in leave_out:
                items.put(_copied(value, (*path, index), leave_out), node.value_at[index])
        return items
    return node


def _keys(model: type[BaseModel], path: Path) -> Iterator[str]:
    declared = field_at(model, path)
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        for name, field in declared.model_fields.items():
            yield field.alias or name


def _step_into(declared: object, step: str | int) -> object:
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        for name, field in declared.model_fields.items():
            if step in (name, field.alias):
                return _bare(field.annotation)
        return None
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is dict:
        return _bare(arguments[1])
    if origin in (list, tuple):
        return _bare(arguments[0])
    return None


def _bare(declared: object) -> object:
    """A declared type without `Annotated` and `| None`."""
    while True:
        origin = get_origin(declared)
        if origin is Annotated:
            declared = get_args(declared)[0]
        elif origin in (Union, UnionType):
            declared = next(option for option in get_args(declared) if option is not NoneType)
        else:
            return declared
