"""The one door to coal: the module, imported on first use. Decides no geometry."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

from cellctl.errors import EnvironmentMissing, Finding


@cache
def coal() -> ModuleType:
    """The module `coal`, imported on first use; raises EnvironmentMissing E505."""
    try:
        import coal as module
    except ImportError as error:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise EnvironmentMissing(
            Finding(
                "E505",
                f"coal is not installed for this Python {python}",
                suggestion="pip install 'cellctl[coal]'; it has wheels for Linux and macOS",
            )
        ) from error
    found: ModuleType = module
    return found
