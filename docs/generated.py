"""The parts of the manual that the code knows best, as Markdown: the error catalogue, the file kinds, the robots.

Most are put in when the manual is built. The file kinds stand in `files.md` itself, between two markers, so that they
can be read without a build: `python docs/generated.py` writes them anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import robot_pages  # noqa: E402 (it lies beside this file)

from cellctl import catalogue  # noqa: E402 (from this checkout)
from cellctl.cli.schema import KINDS  # noqa: E402
from cellctl.files import library_robots, schemas  # noqa: E402


def error_catalogue() -> str:
    """Every code with what it means and what to do, in the order of the codes."""
    lines = []
    for letter, name in catalogue.RANGES.items():
        lines += [f"## {letter}: {name}", ""]
        for entry in catalogue.entries():
            if entry.code.startswith(letter):
                remark = "" if entry.severity == "error" else f" ({entry.severity})"
                lines += [f"### {entry.code}: {entry.title}{remark}", "", f"{entry.cause} {entry.remedy}", ""]
    return "\n".join(lines)


def file_reference() -> str:
    """Every file kind with its keys, from the same models that the reader uses."""
    return "\n".join(line for kind in KINDS for line in kind_reference(kind, schemas.schema(kind)))


def kind_reference(kind: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """One file kind: its own keys, then those of the mappings inside it."""
    yield from (f"## {kind}", "", one_line(schema.get("description", "")), "")
    yield from keys_table(schema)
    for name, definition in sorted(schema.get("$defs", {}).items()):
        if "properties" in definition:
            yield from (f"### {kind}: {shown(name)}", "", one_line(definition.get("description", "")), "")
            yield from keys_table(definition)


def keys_table(schema: Mapping[str, Any]) -> Iterator[str]:
    """The keys of one mapping: name, what is written there, and what more there is to say."""
    required = set(schema.get("required", ()))
    yield from ("| key | value | |", "|---|---|---|")
    for name, value in schema.get("properties", {}).items():
        remarks = ["required" if name in required else default_of(value), *descriptions(value)]
        yield f"| `{name}` | {cell(type_of(value))} | {cell('; '.join(filter(None, remarks)))} |"
    yield ""


def options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a value may be, one after the other; that it may be left out says its default."""
    joined = [option for joint in ("anyOf", "oneOf", "allOf") for option in schema.get(joint, ())]
    return [option for option in joined if option.get("type") != "null"]


def descriptions(schema: Mapping[str, Any]) -> list[str]:
    """What the schema says of a value, and of each thing that it may be."""
    said = [part["description"] for part in (schema, *options(schema)) if "description" in part]
    return list(dict.fromkeys(said))


def type_of(schema: Mapping[str, Any]) -> str:
    """What is written for a value, in words."""
    if "$ref" in schema:
        return shown(schema["$ref"].rsplit("/", 1)[-1])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if options(schema):
        return " or ".join(dict.fromkeys(type_of(option) for option in options(schema)))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"name: {type_of(schema['additionalProperties'])}"
    return {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "mapping"}.get(
        kind, kind
    )


def default_of(schema: Mapping[str, Any]) -> str:
    """The default of a key that may be left out, where it is one plain value; of a quantity it is in SI."""
    default = schema.get("default")
    if isinstance(default, bool):
        return f"default `{str(default).lower()}`"
    if isinstance(default, int | float):
        return f"default {default:g} (SI)" if schema.get("type") == "string" else f"default {default:g}"
    return f"default `{default}`" if isinstance(default, str) and default else ""


def shown(name: str) -> str:
    """A definition's name as the page shows it."""
    return name.removesuffix("Field") or name


def cell(text: str) -> str:
    """A text that keeps its table whole."""
    return one_line(text).replace("|", "\\|")


def one_line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


PAGES = {
    "errors": ("<!-- the catalogue -->", error_catalogue),
    "robots/index": ("<!-- the robots -->", robot_pages.robot_list),
} | {f"robots/{name}": ("<!-- the robot -->", partial(robot_pages.robot_page, name)) for name in library_robots()}

WRITTEN = {"files": ("<!-- the file kinds: python docs/generated.py -->\n", "<!-- end -->", file_reference)}
"""Pages that hold their generated part: its markers, and what writes it."""


def refreshed(page: str, text: str) -> str:
    """The text of a page with its generated part written anew; raises ValueError when it has lost a marker."""
    begin, end, write = WRITTEN[page]
    head, found, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page}.md has lost a marker")
    return f"{head}{begin}\n{write()}{end}{tail}"


if __name__ == "__main__":
    for name in WRITTEN:
        file = Path(__file__).with_name(f"{name}.md")
        file.write_text(refreshed(name, file.read_text("utf-8")), "utf-8")
