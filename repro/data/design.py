"""A balanced incomplete block design: which microphones every recording is heard through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def base_blocks(items: int, size: int, count: int) -> list[list[int]]:
    """`count` blocks of `size` of the numbers 0 to items - 1, each number in about as many blocks as any other.

    Shifting all blocks by 0 to items - 1 brings a pair of numbers together as often as its difference modulo `items`
    occurs in the blocks. A greedy search makes these differences about equally frequent.
    """
    frequency: Counter[int] = Counter()
    free: list[int] = []
    blocks = []
    for _ in range(count):
        block: list[int] = []
        for _ in range(size):
            free = free or list(range(items))
            candidates = [number for number in free if number not in block]
            candidates = candidates or [number for number in range(items) if number not in block]

            def cost(number: int, block: Sequence[int] = block) -> tuple[int, int]:
                new = Counter((sign * (number - other)) % items for other in block for sign in (1, -1))
                return sum((frequency[d] + n) ** 2 - frequency[d] ** 2 for d, n in new.items()), number

            chosen = min(candidates, key=cost)
            frequency.update((sign * (chosen - other)) % items for other in block for sign in (1, -1))
            block.append(chosen)
            if chosen in free:
                free.remove(chosen)
        blocks.append(sorted(block))
    return blocks


def balanced_blocks(
    cells: Sequence[Hashable],
    items: int,
    size: int,
) -> list[list[int]]:
    """For every unit `size` of the numbers 0 to items - 1, ascending, balanced over the cells that the units are in.

    The units of a cell take the base blocks in turn, shifted by the cell's place among the sorted cells (a cyclic
    design). With 50 items, 50 cells of 8 units and blocks of 6, as of ESC-10's folds and classes, every item is in 48
    blocks, at most once in a cell; two items are together in 3 to 7 blocks.

    Args:
        cells: the cell of every unit, such as its fold and class; cells have to be sortable.
        items: number of items, such as microphones.
        size: items a unit.
    """
    places = {cell: place for place, cell in enumerate(sorted(set(cells)))}  # type: ignore[type-var]
    blocks = base_blocks(items, size, max(Counter(cells).values()))
    taken: Counter[Hashable] = Counter()
    design = []
    for cell in cells:
        block = blocks[taken[cell]]
        design.append(sorted((number + places[cell]) % items for number in block))
        taken[cell] += 1
    return design
