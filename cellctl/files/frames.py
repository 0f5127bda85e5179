"""Named frames of a cell resolved to the world: unknown parents and cycles are findings. Knows poses only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellctl.files.reading import File
from cellctl.files.strict_model import Path
from cellctl.model.pose import Pose

WORLD = "world"


class FrameTable:
    """Frames by name with their parent; `pose_world` follows them up to the world."""

    def __init__(self, file: File[Any]) -> None:
        self._file = file
        self._entries: dict[str, tuple[str, Pose, Path]] = {}
        self._broken: set[str] = set()
        self._flanges: dict[str, str] = {}

    def add(self, name: str, parent: str, pose: Pose, path: Path) -> None:
        """Add a frame written at `path`; its parent may come later."""
        self._entries[name] = (parent, pose, path)

    def add_flange(self, mechanism: str, parent: str, pose: Pose, path: Path) -> None:
        """Add `MECHANISM.flange` where it is with all joints at zero; what stands on it moves with the mechanism."""
        self.add(f"{mechanism}.flange", parent, pose, path)
        self._flanges[f"{mechanism}.flange"] = mechanism

    def carrier(self, name: str) -> str:
        """The mechanism whose flange a frame is fixed to; empty where it stands still."""
        seen: set[str] = set()
        while name in self._entries and name not in seen:
            if name in self._flanges:
                return self._flanges[name]
            seen.add(name)
            name = self._entries[name][0]
        return ""

    def leave_out(self, name: str) -> None:
        """Remember a frame whose own entry is wrong, so that those on it are not reported too."""
        self._broken.add(name)

    def knows(self, name: str) -> bool:
        """True when `name` is a frame, also one whose own entry is wrong."""
        return name in self._entries or name in self._broken

    def entries(self) -> Mapping[str, tuple[str, Pose]]:
        """Parent and pose in it by name."""
        return {name: (parent, pose) for name, (parent, pose, _) in self._entries.items()}

    def check(self) -> None:
        """Add a finding for every unknown parent and every cycle."""
        for name, (parent, _, path) in self._entries.items():
            if parent != WORLD and parent not in self._entries and parent not in self._broken:
                self._file.unknown("frame", parent, (*self._entries, WORLD), path)
            elif (cycle := self._cycle(name)) and name == min(cycle):
                around = " -> ".join((*cycle, cycle[0]))
                self._file.report("F133", f"frames stand on one another in a circle: {around}", path)

    def _cycle(self, name: str) -> tuple[str, ...]:
        """The frames of the circle that starts and ends at `name`; empty when there is none."""
        chain = [name]
        while True:
            entry = self._entries.get(chain[-1])
            if entry is None or entry[0] in chain[1:]:
                return ()
            if entry[0] == name:
                return tuple(chain)
            chain.append(entry[0])

    def pose_world(self, name: str) -> Pose:
        """The frame in the world; one that leads nowhere counts as the world (it has its finding)."""
        pose, seen = Pose.identity(), set()
        while name in self._entries and name not in seen:
            seen.add(name)
            name, step, _ = self._entries[name]
            pose = step @ pose
        return pose
