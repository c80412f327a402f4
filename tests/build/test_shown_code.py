"""The source of the package that pages show fits their column, as their own code has to (book/ruff.toml)."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from repro.figures.page import code

BOOK = Path(__file__).parents[2] / "book"
WIDTH = tomllib.loads((BOOK / "ruff.toml").read_text())["line-length"]


def shown(page: str) -> dict[str, Any]:
    """What a page gives to `page.code`, by the name that it has there."""
    nodes = list(ast.walk(ast.parse(page)))
    names: dict[str, Any] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("repro"):
            exec(ast.unparse(node), names)
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "page.code"]
    return {text: eval(text, names) for call in calls for text in map(ast.unparse, call.args)}


SHOWN = {name: part for path in sorted(BOOK.glob("*.py")) for name, part in shown(path.read_text("utf-8")).items()}


@pytest.mark.parametrize("name", SHOWN)
def test_code_that_a_page_shows_fits_its_column(name):
    assert [line for line in str(code(SHOWN[name]).data).splitlines() if len(line) > WIDTH] == []


def test_all_that_pages_show_is_found():
    assert {"ResidualBlock", "Training._pass", "accuracy.scaling_report", "draw_masks"} <= set(SHOWN)
