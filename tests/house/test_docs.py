"""The manual builds without a warning, its examples are right, and its commands exist."""

from __future__ import annotations

import ast
import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cellctl
from cellctl.cli.app import application

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages(checkout: Path) -> list[Path]:
    return [*sorted(checkout.glob("*.md")), *sorted((checkout / "docs").rglob("*.md"))]


def blocks(checkout: Path, *languages: str) -> Iterator[tuple[str, str]]:
    """Name of the page and text of every fenced block in one of `languages`."""
    for page in pages(checkout):
        for language, text in FENCE.findall(page.read_text("utf-8")):
            if language in languages:
                yield page.relative_to(checkout).as_posix(), text


def commands(text: str) -> list[list[str]]:
    """The `cellctl` command lines in a shell block, without the word itself."""
    parts = [part for line in text.splitlines() for part in re.split(r"&&|\|", line)]
    words = [shlex.split(part, comments=True) for part in parts]
    return [line[1:] for line in words if line and line[0].rsplit("/", 1)[-1] == "cellctl"]


def misread(words: list[str]) -> str:
    """Why the command line does not understand these words; empty when it does."""
    from cyclopts import CycloptsError

    try:
        application().parse_args([w for w in words if w != "--json"], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return f"cellctl {' '.join(words)}: {error}"
    return ""


def public_names(code: str) -> set[str]:
    """What an example takes from `cellctl` itself."""
    tree = ast.parse(code)
    dotted = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "cellctl"}
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "cellctl"]
    return dotted | {alias.name for node in imports for alias in node.names}


def test_manual_builds_without_a_warning(checkout: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(tmp_path / "d"), "docs"]
    done = subprocess.run([*command, str(tmp_path / "html")], cwd=checkout, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ctwd" in (tmp_path / "html/concepts.html").read_text("utf-8")


def test_every_command_in_the_manual_is_understood(checkout: Path) -> None:
    lines = [words for _, text in blocks(checkout, "bash") for words in commands(text)]
    assert len(lines) > 10
    assert [found for words in lines if (found := misread(words))] == []


def test_a_command_that_is_not_there_is_found() -> None:
    assert misread(["run", "a.yaml", "--fast"]).startswith("cellctl run a.yaml --fast: Unknown option")


def test_examples_use_names_that_exist(checkout: Path) -> None:
    used = set().union(*(public_names(text) for _, text in blocks(checkout, "python")))
    assert "run" in used
    assert used <= set(cellctl.__all__)


@pytest.mark.parametrize("page", ["docs/concepts.md"])
def test_sessions_give_what_they_show(checkout: Path, page: str) -> None:
    sessions = [text for name, text in blocks(checkout, "pycon") if name == page]
    results = []
    for number, text in enumerate(sessions):
        example = doctest.DocTestParser().get_doctest(text, {}, f"{page} {number}", page, 0)
        results.append(doctest.DocTestRunner().run(example))
    assert sum(result.attempted for result in results) > 5
    assert sum(result.failed for result in results) == 0


def test_every_page_with_sessions_is_tested(checkout: Path) -> None:
    assert {name for name, _ in blocks(checkout, "pycon")} == {"docs/concepts.md"}


def test_links_between_pages_lead_somewhere(checkout: Path) -> None:
    broken = []
    for page in pages(checkout):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_tests_of_faults_that_the_manual_names_are_there(checkout: Path) -> None:
    source = "\n".join(path.read_text("utf-8") for path in (checkout / "tests").rglob("test_*.py"))
    page = (checkout / "docs/serial/faults.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+|tests/\S+\.py)`", page)
    assert len(named) > 5
    assert [name for name in named if f"def {name}(" not in source and not (checkout / name).is_file()] == []


STALE = """
import generated, pathlib
texts = {name: pathlib.Path(name + ".md").read_text("utf-8") for name in generated.WRITTEN}
print([name for name, text in texts.items() if text != generated.refreshed(name, text)])
"""


def test_generated_parts_are_fresh(checkout: Path) -> None:
    command = [sys.executable, "-c", STALE]
    done = subprocess.run(command, cwd=checkout / "docs", capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "[]\n"), "python docs/generated.py"


def test_a_decision_is_short(checkout: Path) -> None:
    long = {
        page.name: count
        for page in (checkout / "docs/decisions").glob("[0-9]*.md")
        if (count := len(page.read_text("utf-8").splitlines())) > 30
    }
    assert long == {}
