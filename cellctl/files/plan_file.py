"""Plan files: a deterministic zip of `plan.json` and the inputs by their hash. Checks the format version and no more.

Members have a fixed order, date and permissions, so that equal plans give equal bytes (with one version of zlib).
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Final, get_type_hints

from cellctl.errors import FileError, Finding, Place
from cellctl.files.values_json import from_json, to_json
from cellctl.files.yaml_tree import read_bytes
from cellctl.model.certificate import Certificate
from cellctl.model.inputs import Input, canonical_json
from cellctl.model.plan import FORMAT_VERSION, Block, Plan

MAX_FILE: Final = 256_000_000
MAX_MEMBER: Final = 256_000_000
MAX_TOTAL: Final = 512_000_000
MAX_MEMBERS: Final = 10_000

_PLAN: Final = "plan.json"
_DATE: Final = (1980, 1, 1, 0, 0, 0)


def plan_content(plan: Plan) -> bytes:
    """Canonical JSON of a plan without its certificate: what a certificate's hash is over.

    Inputs stand in it by reference, kind and SHA-256, so the hash holds them too. Notes are left out.
    """
    return canonical_json(_content(plan))


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan file, whole or not at all: the same bytes for equal plans.

    Raises FileError (F180), also where something that is no plan file would be written over.
    """
    if path.exists() and not zipfile.is_zipfile(path):
        hint = "name another file, or take it away first"
        raise FileError(Finding("F180", "something that is no plan file is there already", Place(str(path)), hint))
    members = _members(plan)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, content in members.items():
                archive.writestr(_member(name), content)
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise FileError(Finding("F180", f"cannot be written: {error.strerror or error}", Place(str(path)))) from None


def read_plan(path: Path) -> Plan:
    """Read a plan file; only its format version is checked. Raises FileError.

    An input keeps the content that is in the file, edited or not; so the plan's hash tells of any edit.
    """
    place = Place(str(path))
    with _opened(path, place) as archive:
        contents = _contents(archive, place)
    tree = _plan_tree(contents, place)
    try:
        return Plan(
            task_name=from_json(tree["task_name"], str),
            blocks=from_json(tree["blocks"], tuple[Block, ...]),
            start=from_json(tree["start"], _hint("start")),
            seed=from_json(tree["seed"], int),
            inputs=tuple(_input(item, contents) for item in tree["inputs"]),
            versions=from_json(tree["versions"], _hint("versions")),
            certificate=from_json(tree["certificate"], Certificate | None),
        )
    except KeyError as error:
        raise FileError(Finding("F183", f"{_PLAN}: {error} is missing", place)) from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FileError(Finding("F183", f"{_PLAN}: {error}", place)) from None


def holds_nothing_else(path: Path, plan: Plan) -> bool:
    """Whether a plan file holds just what `plan` is written as: no other member or bytes, no other way to write them.

    Compression may differ, as it does between versions of zlib. Raises FileError.
    """
    place = Place(str(path))
    with _opened(path, place) as archive:
        first = archive.infolist()[0].header_offset if archive.infolist() else 0
        ends = read_bytes(path, str(path), MAX_FILE)[-22:].startswith(b"PK\x05\x06")
        names = [info.filename for info in archive.infolist()]
        wanted = _members(plan)
        return first == 0 and ends and names == list(wanted) and _contents(archive, place) == wanted


def edited_inputs(path: Path) -> tuple[str, ...]:
    """References of the inputs whose content is not what its name, its SHA-256, says. Raises FileError."""
    place = Place(str(path))
    with _opened(path, place) as archive:
        contents = _contents(archive, place)
    tree = _plan_tree(contents, place)
    try:
        stored = [(item["sha256"], _input(item, contents)) for item in tree["inputs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(Finding("F183", f"{_PLAN}: {error}", place)) from None
    return tuple(item.reference for sha256, item in stored if item.sha256 != sha256)


def _content(plan: Plan) -> dict[str, Any]:
    return {
        "format": FORMAT_VERSION,
        "task_name": plan.task_name,
        "blocks": to_json(plan.blocks, tuple[Block, ...]),
        "start": to_json(plan.start, _hint("start")),
        "seed": int(plan.seed),
        "inputs": [{"reference": item.reference, "kind": item.kind, "sha256": item.sha256} for item in plan.inputs],
        "versions": to_json(plan.versions, _hint("versions")),
    }


def _members(plan: Plan) -> dict[str, bytes]:
    """The members of a plan file in their order."""
    tree = _content(plan)
    tree["certificate"] = to_json(plan.certificate, Certificate | None)
    inputs = {f"inputs/{item.sha256}": item.content for item in plan.inputs}
    return {_PLAN: canonical_json(tree), **dict(sorted(inputs.items()))}


def _hint(name: str) -> Any:
    """The declared type of a field of `Plan`."""
    return get_type_hints(Plan)[name]


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def _input(item: dict[str, str], contents: dict[str, bytes]) -> Input:
    name = f"inputs/{item['sha256']}"
    if name not in contents:
        raise ValueError(f"the content of input '{item['reference']}' is missing")
    return Input(from_json(item["reference"], str), from_json(item["kind"], str), contents[name])


@contextmanager
def _opened(path: Path, place: Place) -> Iterator[zipfile.ZipFile]:
    data = read_bytes(path, str(path), MAX_FILE)
    # zipfile raises a RuntimeError for a member that is encrypted, or packed in a way that it does not know.
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OSError) as error:
        raise FileError(Finding("F180", f"this is not a plan file: {error}", place)) from None


def _contents(archive: zipfile.ZipFile, place: Place) -> dict[str, bytes]:
    """The members by name, within bounds that hold for what they really unpack to."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileError(
            Finding("F182", f"{len(members)} members are too many", place, f"at most {MAX_MEMBERS} are read")
        )
    contents: dict[str, bytes] = {}
    total = 0
    for member in members:
        if member.filename in contents:
            raise FileError(Finding("F180", f"'{member.filename}' is in it twice", place))
        with archive.open(member) as stream:
            content = stream.read(min(MAX_MEMBER, MAX_TOTAL - total) + 1)
        total += len(content)
        if len(content) > MAX_MEMBER or total > MAX_TOTAL:
            raise FileError(Finding("F182", f"'{member.filename}' unpacks to too much", place))
        contents[member.filename] = content
    return contents


def _plan_tree(contents: dict[str, bytes], place: Place) -> dict[str, Any]:
    if _PLAN not in contents:
        raise FileError(Finding("F180", f"there is no {_PLAN} in it", place))
    try:
        tree: Any = json.loads(contents[_PLAN])
    except (ValueError, RecursionError) as error:
        raise FileError(Finding("F183", f"{_PLAN} is not JSON: {error}", place)) from None
    plan: dict[str, Any] = tree if isinstance(tree, dict) else {}
    version = plan.get("format")
    if version != FORMAT_VERSION:
        message = f"format version {version} cannot be read, this is a reader of {FORMAT_VERSION}"
        raise FileError(Finding("F181", message, place, "plan the task again with this version of cellctl"))
    return plan
