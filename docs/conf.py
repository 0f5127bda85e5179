"""Sphinx configuration. Some pages are filled from the code: the error catalogue, the file kinds, the robots."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import generated  # noqa: E402 (it lies beside this file)
from pygments.lexers.special import TextLexer  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402
from sphinx.highlighting import lexers  # noqa: E402

import cellctl  # noqa: E402 (from this checkout)

project = "cellctl"
copyright = "the cellctl contributors, Apache-2.0"
version = release = cellctl.__version__

extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"cellctl {release}"


lexers["mermaid"] = TextLexer()
"""Diagrams are drawn where the page is read as Markdown, and shown as text here."""


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what the code knows in the place of a page's marker."""
    if page in generated.PAGES:
        marker, write = generated.PAGES[page]
        assert marker in source[0], f"{page}.md has lost its marker {marker}"
        source[0] = source[0].replace(marker, write())


def setup(app: Sphinx) -> None:
    app.connect("source-read", fill)
