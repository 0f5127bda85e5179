"""The smallest changes that make an impossible task possible: each one tried, planned and proved before it is offered.

Changes are tried one at a time, never two together. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

from cellctl.errors import CellctlError, Finding
from cellctl.jobs.change import Change, Family
from cellctl.jobs.changes import families
from cellctl.jobs.proving import judged
from cellctl.model.plan import CertifiedPlan
from cellctl.model.task import SeamStep, Task
from cellctl.scene.engine import EngineName

Progress = Callable[[str, float | None], None]

TRIES = 300
WHOLE = 16
"""How many amounts of a family are planned whole, where the smallest that seemed to do does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A change that works: the task with it was planned and proved."""

    family: str
    change: Change
    certified: CertifiedPlan


@dataclass(frozen=True, slots=True)
class Searched:
    """How far one family was searched: its grid, how many of its amounts were tried, and how the smallest was found.

    `outcome` is `offered`, `none` where no amount of the grid works, and `broken off` at a limit of tries.
    """

    family: str
    grid: str
    tried: int
    by_halving: bool
    outcome: str


@dataclass(frozen=True, slots=True, eq=False)
class Relaxations:
    """What was found for the weld at `step`: offers in the order of their families, and how far each was searched."""

    step: int | None
    offers: tuple[Offer, ...]
    searched: tuple[Searched, ...]
    tries: int


@dataclass(slots=True)
class _Search:
    """One search: what it looks for, and how many tries are left."""

    task: Task
    index: int
    seed: int
    engine: EngineName | None
    progress: Progress | None
    most: int
    tries: int = 0
    made: dict[tuple[str, int], Change | None] = field(default_factory=dict)
    seemed: dict[tuple[str, int], bool] = field(default_factory=dict)

    def change(self, family: Family, count: int) -> Change | None:
        key = (family.name, count)
        if key not in self.made:
            self.made[key] = family.make(count)
        return self.made[key]

    def seems_to_do(self, family: Family, count: int) -> bool:
        """Whether every weld that stands for the refused one has a way along its seam with this change."""
        key = (family.name, count)
        if key not in self.seemed:
            self.seemed[key] = self._tried(family, count)
        return self.seemed[key]

    def _tried(self, family: Family, count: int) -> bool:
        from cellctl.planning.probing import seam_has_way

        if self.tries >= self.most:
            raise _Enough
        self.tries += 1
        if self.progress is not None:
            self.progress(
                f"looking for what would do: {family.name}, {count} of {family.count}", self.tries / self.most
            )
        change = self.change(family, count)
        if change is None:
            return False
        extra = len(change.task.steps) - len(self.task.steps)
        try:
            return all(seam_has_way(change.task, self.index + k) for k in range(extra + 1))
        except CellctlError:
            return False

    def proved(self, family: Family, count: int) -> CertifiedPlan | None:
        """The certified plan of the whole task with this change."""
        change = self.change(family, count)
        if change is None:
            return None
        try:
            return judged(change.task, self.seed, self.progress, engine=self.engine).certified
        except CellctlError:
            return None


class _Enough(Exception):
    """The limit of tries is reached."""


def relaxations(
    task: Task,
    refused: Iterable[Finding],
    seed: int = 0,
    progress: Progress | None = None,
    *,
    engine: EngineName | None = None,
    tries: int = TRIES,
    only: Collection[str] | None = None,
) -> Relaxations:
    """The smallest change of every family that makes `task` possible, which planning `refused`.

    Only the first step that was refused is looked at, and only if it goes along a seam. `tries` bounds how many changes
    are tried along the seam; a change that seems to do is planned and proved with the whole task. `only` names the
    families to look at; all of them where it is None.
    """
    found = [finding for finding in refused if isinstance(finding.data.get("step"), int)]
    index = found[0].data["step"] if found else None
    if not isinstance(index, int) or not isinstance(task.steps[index], SeamStep):
        return Relaxations(None, (), (), 0)
    search = _Search(task, index, seed, engine, progress, tries)
    offers: list[Offer] = []
    searched: list[Searched] = []
    for family in families(task, index, found):
        if only is not None and family.name not in only:
            continue
        before = search.tries
        try:
            offer = _smallest(search, family)
            outcome = "none" if offer is None else "offered"
        except _Enough:
            offer, outcome = None, "broken off"
        if offer is not None:
            offers.append(offer)
        tried = search.tries - before
        searched.append(Searched(family.name, family.grid, tried, family.ordered and family.count > 2, outcome))
    return Relaxations(index, tuple(offers), tuple(searched), search.tries)


def _smallest(search: _Search, family: Family) -> Offer | None:
    """The offer of the smallest amount of a family that is planned and proved; `_Enough` where too many were not."""
    first = _least(partial(search.seems_to_do, family), family, 1)
    if first is None:
        return None
    made: dict[int, CertifiedPlan | None] = {}

    def works(count: int) -> bool:
        if not search.seems_to_do(family, count):
            return False
        if len(made) == WHOLE:
            raise _Enough
        made[count] = search.proved(family, count)
        return made[count] is not None

    count = _least(works, family, first)
    change = None if count is None else search.change(family, count)
    certified = None if count is None else made[count]
    return None if change is None or certified is None else Offer(family.name, change, certified)


def _least(works: Callable[[int], bool], family: Family, first: int) -> int | None:
    """The smallest amount from `first` on that works: the first of them that does or, where the family is ordered, by
    doubling and halving, more of it being taken to be no worse.
    """
    if not family.ordered:
        return next((count for count in range(first, family.count + 1) if works(count)), None)
    failed, tried = first - 1, first
    while not works(tried):
        if tried >= family.count:
            return None
        failed, tried = tried, min(2 * tried - first + 1, family.count)
    while tried - failed > 1:
        middle = (failed + tried) // 2
        if works(middle):
            tried = middle
        else:
            failed = middle
    return tried
