"""Every public module, class and function says what it is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def undocumented(tree: ast.Module) -> list[str]:
    """Public definitions without a docstring. A method may leave it to the class or protocol that declares it."""
    missing = [] if ast.get_docstring(tree) else ["the module"]
    declared = {method.name for _, method in _methods(tree) if ast.get_docstring(method)}
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_") and not ast.get_docstring(node):
            missing.append(node.name)
    for owner, method in _methods(tree):
        if not method.name.startswith("_") and not ast.get_docstring(method) and method.name not in declared:
            missing.append(f"{owner}.{method.name}")
    return missing


def _methods(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for child in node.body:
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield node.name, child


def test_everything_public_is_documented(checkout: Path) -> None:
    package = checkout / "cellctl"
    missing = {
        path.relative_to(package).as_posix(): found
        for path in sorted(package.rglob("*.py"))
        if (found := undocumented(ast.parse(path.read_text("utf-8"))))
    }
    assert missing == {}


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("x = 1", ["the module"]),
        ('"""M."""\ndef f():\n    pass', ["f"]),
        ('"""M."""\nclass A:\n    def g(self):\n        pass', ["A", "A.g"]),
        ('"""M."""\ndef _f():\n    pass', []),
        (
            '"""M."""\nclass P:\n    """P."""\n    def g(self):\n        """G."""\nclass A:\n    """A."""\n'
            "    def g(self): 1",
            [],
        ),
    ],
)
def test_a_missing_docstring_is_found(code: str, missing: list[str]) -> None:
    assert undocumented(ast.parse(code)) == missing
