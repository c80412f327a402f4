"""No result is typed into a page: numbers with a unit in prose are the paper's, or definitions."""

import ast
import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "book").glob("*.py"))
NUMBER = re.compile(r"\d[\d.]*\s?(?:%|points?\b|dB|times\b)")

ALLOWED = {
    "03-generalization": {"30 %"},  # of the cities: the split
    "04-models": {"99.99 %", "85.51 %", "100 %"},  # the paper's
    "05-1-width": {"97.5 %", "95 %"},  # the premise, an interval
    "05-3-sparsity": {"1.6 %", "99 %"},  # the paper's
    "A-setup": {"98.4 %", "30 %", "99 %", "97.5 %", "100 %", "5 points"},  # the paper's, the split, the premise
    "B-damping": {"90 %"},  # a radius
    "C-erf": {"90 %", "95 %"},  # a radius, an interval
    "claims": {"95 %", "5 %", "90 %", "97.5 %", "80 %"},  # intervals, tests, the premise, detectable effects
}


def typed_numbers(page: str) -> set[str]:
    """Numbers with a unit in the text cells of a page, and in the strings of its code cells."""
    found: set[str] = set()
    for cell in re.split(r"(?m)^# %%", page)[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            found.update(NUMBER.findall(" ".join(line.lstrip("# ") for line in body.splitlines())))
            continue
        strings = [node.value for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Constant)]
        found.update(number for text in strings if isinstance(text, str) for number in NUMBER.findall(text))
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_result_is_typed(path):
    assert typed_numbers(path.read_text(encoding="utf-8")) <= ALLOWED.get(path.stem, set())


def test_a_typed_result_is_found():
    page = '# %% [markdown]\n# It gains 3.1 points.\n\n# %%\nprint(f"{width} gains 4 % here")\n'
    assert typed_numbers(page) == {"3.1 points", "4 %"}
