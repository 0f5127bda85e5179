"""Which peers are here to be measured beside cellctl. An absent one is said, never an error."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec


def peer(name: str) -> str | None:
    """The peer's name with its version, or None where it is not installed."""
    if find_spec(name) is None:
        return None
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name
