"""One reading of the files of a job: what was opened, what was found wrong, and what went into it as inputs.

Decides what is raised at the end; knows no field of any file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cellctl.errors import CellctlError, CheckFailed, EnvironmentMissing, FileError, Finding, Place
from cellctl.files.library import joined_reference, library_root
from cellctl.files.quantities import FieldError, did_you_mean
from cellctl.files.sources import CHAIN_KEYS, Source, chains_reference, parts_reference, surface_reference
from cellctl.files.strict_model import Model, Path, place_of, validated
from cellctl.files.yaml_tree import YamlMap, in_key_order
from cellctl.model.inputs import Input, canonical_json
from cellctl.model.shapes import Hull
from cellctl.model.wps import Range

if TYPE_CHECKING:
    from cellctl.files.mesh.edges import EdgeChain
    from cellctl.files.mesh.reading import Mesh

_T = TypeVar("_T")
_FILE_OF_KIND: Final = {
    "robot": "robot.yaml",
    "tool": "tool.yaml",
    "cell": "cell.yaml",
    "wiring": "wiring.yaml",
    "gcode": "gcode.yaml",
    "io": "io.yaml",
}
_LIBRARY_FOLDERS: Final = {"robot.yaml": "robots", "tool.yaml": "robots/tools"}
_SIGNATURES: Final = {
    "task": "steps",
    "cell": "mechanisms",
    "robot": "joints",
    "tool": "torch",
    "wps": "arc_start",
    "part": "bodies",
    "project": "project",
    "wiring": "protocol",
    "gcode": "axes",
    "io": "devices",
    "faults": "faults",
}


@dataclass(frozen=True, slots=True)
class File(Generic[Model]):
    """An opened file: the `whole` tree as written, and the `tree` and `model` of what is right in it."""

    reference: str
    shown: str
    whole: YamlMap
    tree: YamlMap
    model: Model
    reading: Reading

    def place(self, *path: str | int) -> Place:
        """Where the value at `path` stands."""
        return place_of(self.tree, self.shown, path)

    def report(self, code: str, message: str, path: Path = (), suggestion: str = "") -> None:
        """Add a finding about the value at `path`."""
        self.reading.findings.append(Finding(code, message, self.place(*path), suggestion))

    def warn(self, code: str, message: str, path: Path = (), suggestion: str = "") -> None:
        """Add a warning about the value at `path`."""
        self.reading.findings.append(Finding(code, message, self.place(*path), suggestion, "warning"))

    def names(self, *path: str) -> frozenset[str]:
        """The keys written at `path`, also of entries that are wrong."""
        node: object = self.whole
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return frozenset(node) if isinstance(node, dict) else frozenset()

    def unknown(self, what: str, name: str, known: Iterable[str], path: Path) -> None:
        """Add the finding that `name` is no known `what`."""
        self.report("F130", f"unknown {what} '{name}'", path, did_you_mean(name, known))

    def joined(self, text: str, path: Path, kind: str = "") -> str | None:
        """The absolute reference of `text`, which stands at `path` of this file."""
        try:
            reference = joined_reference(self.reference, text)
        except FieldError as error:
            self.report(error.code, error.message, path, error.suggestion)
            return None
        return with_file(reference, kind)


class Reading:
    """Collects findings and inputs while files are read from one source; every file is opened once for a kind."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Finding] = []
        self.inputs: dict[str, Input] = {}
        self._opened: dict[tuple[str, str], File[object] | None] = {}  # type: ignore[type-var]
        self._made: dict[str, Any] = {}

    def open(self, model: type[Model], kind: str, reference: str, asked: Place | None = None) -> File[Model] | None:
        """The file behind `reference` as `model`, None when it cannot be used; recorded as an input of `kind`."""
        key = (kind, reference)  # a cell that names itself as its robot is asked for twice, as two kinds
        if key not in self._opened:
            self._opened[key] = self._open(model, kind, reference, asked)  # type: ignore[assignment]
        return self._opened[key]  # type: ignore[return-value]

    def _open(self, model: type[Model], kind: str, reference: str, asked: Place | None) -> File[Model] | None:
        try:
            tree = in_key_order(self.source.tree(reference))
        except CellctlError as error:
            self.findings += [_asked_for(finding, reference, asked) for finding in error.findings]
            return None
        shown = self.source.shown(reference)
        if _SIGNATURES.get(kind, "") not in tree and (other := kind_of_tree(tree)) not in ("", kind):
            what = f"'{reference}'" if asked else "this"
            self.findings.append(Finding("F137", f"{what} is a {other} file, not a {kind} file", asked or Place(shown)))
            return None
        value, good = validated(model, tree, shown, self.findings)
        if value is None or good is None:
            return None
        self.inputs[reference] = Input(reference, kind, canonical_json(tree))
        return File(reference, shown, tree, good, value, self)

    def hull(self, reference: str, asked: Place, unit: float) -> Hull | None:
        """The convex hull of a mesh in its own unit (m); recorded as an input of kind `hull`."""
        hull = self._derived(reference, reference, asked, lambda: self.source.hull(reference, unit))
        if hull is not None:
            self.inputs[reference] = Input(reference, "hull", canonical_json(hull.vertices.tolist()))
        return hull

    def parts(self, reference: str, asked: Place, unit: float, most: int) -> tuple[Hull, ...]:
        """Convex parts that cover a mesh, in its own unit (m); recorded as an input of kind `parts`."""
        name = parts_reference(reference, most)
        parts = self._derived(name, reference, asked, lambda: self.source.parts(reference, unit, most))
        if parts is not None:
            content = canonical_json([part.vertices.tolist() for part in parts])
            self.inputs[name] = Input(name, "parts", content)
        return parts or ()

    def chains(self, reference: str, asked: Place, unit: float, opening: Range) -> tuple[EdgeChain, ...] | None:
        """The edges of a mesh, in its own unit (m); recorded as an input of kind `edges`."""
        name = chains_reference(reference, opening)
        chains = self._derived(name, reference, asked, lambda: self.source.chains(reference, unit, opening))
        if chains is not None:
            tree = [{key: getattr(chain, key).tolist() for key in CHAIN_KEYS} for chain in chains]
            self.inputs[name] = Input(name, "edges", canonical_json(tree))
        return chains

    def surface(self, reference: str, asked: Place, unit: float) -> Mesh | None:
        """The triangles of a mesh, in its own unit (m); recorded as an input of kind `surface`."""
        name = surface_reference(reference)
        mesh = self._derived(name, reference, asked, lambda: self.source.surface(reference, unit))
        if mesh is not None:
            tree = {"vertices": mesh.vertices.tolist(), "faces": mesh.faces.tolist()}
            self.inputs[name] = Input(name, "surface", canonical_json(tree))
        return mesh

    def _derived(self, name: str, reference: str, asked: Place, made: Callable[[], _T]) -> _T | None:
        """What is made of a mesh, once; None with findings where it cannot be."""
        if name not in self._made:
            try:
                self._made[name] = made()
            except CellctlError as error:
                self.findings += [_asked_for(finding, reference, asked) for finding in error.findings]
                self._made[name] = None
        found: _T | None = self._made[name]
        return found

    def require(self, reference: str, asked: Place) -> None:
        """Add a finding when a file that only pictures need is not there; it is no input."""
        try:
            self.source.require(reference)
        except CellctlError as error:
            self.findings += [_asked_for(finding, reference, asked) for finding in error.findings]

    def sorted_inputs(self) -> tuple[Input, ...]:
        """The inputs so far by reference."""
        return tuple(self.inputs[reference] for reference in sorted(self.inputs))

    def finish(self, remarks: list[Finding] | None = None) -> None:
        """Raise what the findings call for; where nothing is worse than a warning, add them to `remarks` instead."""
        if any(finding.severity == "error" for finding in self.findings):
            raise_findings(self.findings)
        if remarks is not None:
            remarks += sorted(dict.fromkeys(self.findings), key=_by_place)


def raise_findings(findings: Iterable[Finding]) -> None:
    """Raise one error with all findings, in the order of places: FileError, EnvironmentMissing or CheckFailed.

    F148, F149, F15x and F16x are checks on files that read well (geometry, procedure): alone they are a failed check.
    """
    unique = list(dict.fromkeys(findings))
    if not unique:
        return
    unique.sort(key=_by_place)
    codes = {finding.code for finding in unique if finding.severity == "error"}
    if all(code.startswith("E") for code in codes):
        raise EnvironmentMissing(unique)
    if all(code.startswith(("F148", "F149", "F15", "F16")) for code in codes):
        raise CheckFailed(unique)
    raise FileError(unique)


def _by_place(finding: Finding) -> tuple[str, int, int]:
    return (finding.place.file, finding.place.line, finding.place.column) if finding.place else ("", 0, 0)


def with_file(reference: str, kind: str) -> str:
    """A reference to a folder as the file in it that describes it (`lib:robots/x` is `lib:robots/x/robot.yaml`)."""
    name = _FILE_OF_KIND.get(kind)
    return reference if name is None or reference.endswith((".yaml", ".yml")) else f"{reference}/{name}"


def kind_of_tree(tree: YamlMap) -> str:
    """The kind of file that a tree looks like, or an empty text."""
    return next((kind for kind, key in _SIGNATURES.items() if key in tree), "")


def _asked_for(finding: Finding, reference: str, asked: Place | None) -> Finding:
    """A finding about a file as a whole, moved to the place that asks for the file."""
    if asked is None or (finding.place is not None and finding.place.line):
        return finding
    hint = _in_library(reference) or _further_up(finding, asked) if finding.code == "F101" else ""
    return Finding(finding.code, f"'{reference}': {finding.message}", asked, hint or finding.suggestion)


def _further_up(finding: Finding, asked: Place) -> str:
    """A suggestion where a folder further up has what this one has not, as it would be written in the file `asked`."""
    above = finding.data.get("above")
    if not isinstance(above, str):
        return ""
    return f"did you mean '{posixpath.relpath(above, posixpath.dirname(asked.file) or '.')}'?"


def _in_library(reference: str) -> str:
    """A suggestion where the library has what the project does not, by the name of its folder."""
    scheme, _, path = reference.partition(":")
    where, _, file = path.rpartition("/")
    library = library_root()
    if scheme != "project" or file not in _LIBRARY_FOLDERS or library is None:
        return ""
    named = f"{_LIBRARY_FOLDERS[file]}/{where.rpartition('/')[2]}"
    return f"did you mean 'lib:{named}'?" if (library / named / file).is_file() else ""
