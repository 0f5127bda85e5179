"""The project file `cellctl.yaml`: its folder is the root that every path of the project must lie under."""

from __future__ import annotations

from cellctl.files.fields import Name
from cellctl.files.strict_model import FileModel


class ProjectField(FileModel):
    """What the project is called."""

    name: Name
    """What the project is called."""


class ProjectFile(FileModel):
    """The file at the top of a project."""

    project: ProjectField
    """What is known of the project as a whole."""
