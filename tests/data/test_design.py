"""The balanced design of the microphones, counted."""

from collections import Counter
from itertools import combinations

import pytest

from repro.data.design import balanced_blocks, base_blocks

CELLS = [(fold, scene) for fold in range(5) for scene in range(10) for _ in range(8)]
"""ESC-10: five folds, ten classes, eight recordings of each."""


def test_50_microphones_at_the_price_of_six():
    design = balanced_blocks(CELLS, 50, 6)
    assert [len(set(block)) for block in design] == [6] * 400
    heard = list(zip(CELLS, design, strict=True))
    assert Counter(Counter(number for _, block in heard for number in block).values()) == {48: 50}
    by_fold = Counter((number, fold) for (fold, _), block in heard for number in block)
    assert (min(by_fold.values()), max(by_fold.values()), len(by_fold)) == (8, 10, 250)
    by_scene = Counter((number, scene) for (_, scene), block in heard for number in block)
    assert (min(by_scene.values()), max(by_scene.values()), len(by_scene)) == (4, 5, 500)
    assert set(Counter((number, cell) for cell, block in heard for number in block).values()) == {1}
    pairs = Counter(pair for block in design for pair in combinations(block, 2))
    assert (min(pairs.values()), max(pairs.values()), len(pairs)) == (3, 7, 1225)


def test_the_design_is_the_same_every_time_and_follows_the_order_of_the_units():
    assert balanced_blocks(CELLS[:3], 50, 6) == [[0, 1, 3, 7, 12, 20], [2, 4, 8, 16, 26, 31], [5, 6, 21, 27, 30, 37]]
    assert balanced_blocks(CELLS, 50, 6) == balanced_blocks(list(CELLS), 50, 6)


@pytest.mark.parametrize(("items", "size", "count"), [(4, 4, 3), (5, 2, 7), (7, 3, 7), (13, 6, 8)])
def test_no_item_is_in_more_blocks_than_needed(items, size, count):
    blocks = base_blocks(items, size, count)
    assert [len(set(block)) for block in blocks] == [size] * count
    uses = Counter(number for block in blocks for number in block)
    assert max(uses.values()) - min(uses[number] for number in range(items)) <= 1


def test_seven_items_in_blocks_of_three_meet_equally_often():
    blocks = base_blocks(7, 3, 1)  # the Fano plane, by its difference set
    shifted = [sorted((number + shift) % 7 for number in blocks[0]) for shift in range(7)]
    assert set(Counter(pair for block in shifted for pair in combinations(block, 2)).values()) == {1}
