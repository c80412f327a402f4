from pathlib import Path

import pandas as pd
import pytest

from repro.config import DataConfig
from repro.data import synthetic
from repro.data.split import held_out_cities, split_by_city_and_scene
from repro.errors import InputError


def check_sides(table: pd.DataFrame, counts: tuple[int, int, int]) -> None:
    split = split_by_city_and_scene(table)
    assert (len(split.train), len(split.seen), len(split.unseen)) == counts
    pairs = pd.Series(list(zip(table["city"], table["scene"], strict=True)))
    assert len(set(pairs[split.train])) == 70
    assert set(pairs[split.test]) & set(pairs[split.train]) == set()
    assert set(pairs[split.seen]) == set(pairs[split.unseen])
    assert set(table["device"].iloc[split.train]) == set(table["device"].iloc[split.seen]) == {"a"}
    assert set(table["device"].iloc[split.unseen]) == {"b", "c", "s1", "s2", "s3", "s4", "s5", "s6"}
    held_out = pd.DataFrame(list(set(pairs[split.test])), columns=["city", "scene"])
    assert held_out["city"].value_counts().tolist() == [3] * 10
    assert held_out["scene"].value_counts().tolist() == [3] * 10


def test_synthetic_counts() -> None:
    check_sides(synthetic.listing(DataConfig(clips=4)), (280, 120, 240))


def test_real_listing_counts(real_data: Path) -> None:
    index = pd.read_csv(real_data / "tau2020" / "development_index.csv", sep="\t", dtype=str)
    table = index.rename(columns={"scene_label": "scene", "source_label": "device"})
    table["city"] = [identifier.split("-")[0] for identifier in table["identifier"]]
    assert len(table) == 23_035
    check_sides(table, (10_088, 4_312, 2_590))


def test_held_out_cities_move_on_from_scene_to_scene() -> None:
    assert held_out_cities(["x", "y"], ["k", "l", "m", "n"]) == {"x": ("k",), "y": ("l",)}
    assert held_out_cities(list("xyzw"), list("abcdefghij"))["w"] == ("a", "b", "j")


def test_a_set_without_other_devices_is_refused() -> None:
    table = pd.DataFrame({"scene": ["bus", "bus"], "city": ["lyon", "paris"], "device": ["a", "a"]})
    with pytest.raises(InputError, match="no clip on the side 'unseen'"):
        split_by_city_and_scene(table)
