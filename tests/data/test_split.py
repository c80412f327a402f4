from pathlib import Path

import pandas as pd
import pytest

from repro.data.split import held_out_cities, split_by_city_and_scene, split_by_fold
from repro.data.synthetic import dataset as synthetic
from repro.errors import InputError
from repro.experiment import DataConfig


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


def real_table(real_data: Path) -> pd.DataFrame:
    index = pd.read_csv(real_data / "tau2020" / "development_index.csv", sep="\t", dtype=str)
    table = index.rename(columns={"scene_label": "scene", "source_label": "device"})
    table["city"] = [identifier.split("-")[0] for identifier in table["identifier"]]
    return table


def test_real_listing_counts(real_data: Path) -> None:
    table = real_table(real_data)
    assert len(table) == 23_035
    check_sides(table, (10_088, 4_312, 2_590))


def sides(table: pd.DataFrame) -> "pd.Series[str]":
    """The side of the paper's split that every clip is on, "none" for clips on no side."""
    split = split_by_city_and_scene(table)
    found = pd.Series("none", index=table.index)
    for side in ("train", "seen", "unseen"):
        found[getattr(split, side)] = side
    return found


def test_the_real_listing_by_device_city_and_scene(real_data: Path) -> None:
    table = real_table(real_data)
    side, order = sides(table), ["train", "seen", "unseen", "none"]
    b_or_c, simulated = [0, 0, 323], [0, 0, 324]
    by_device = pd.crosstab(table["device"], side)[order]
    assert by_device.T.to_dict("list") == {
        "a": [10_088, 4_312, 0, 0],
        "b": [*b_or_c, 755],
        "c": [*b_or_c, 754],
        **{name: [*simulated, 756] for name in ("s1", "s2", "s3", "s4", "s5", "s6")},
    }
    assert by_device.sum().tolist() == [10_088, 4_312, 2_590, 6_045]
    assert pd.crosstab(table["city"], side)[order].loc["vienna"].tolist() == [988, 432, 240, 560]
    assert pd.crosstab(table["scene"], side)[order].loc["tram"].tolist() == [1008, 432, 240, 623]
    pairs = (table["city"] + " " + table["scene"]).groupby(side).nunique()
    assert pairs[order].tolist() == [70, 30, 30, 70]


def test_held_out_cities_move_on_from_scene_to_scene() -> None:
    assert held_out_cities(["x", "y"], ["k", "l", "m", "n"]) == {"x": ("k",), "y": ("l",)}
    assert held_out_cities(list("xyzw"), list("abcdefghij"))["w"] == ("a", "b", "j")


def test_a_set_without_other_devices_is_refused() -> None:
    table = pd.DataFrame({"scene": ["bus", "bus"], "city": ["lyon", "paris"], "device": ["a", "a"]})
    with pytest.raises(InputError, match="no clip on the side 'unseen'"):
        split_by_city_and_scene(table)


TABLE = pd.DataFrame(
    [
        ("bus", "lyon", "a", "train"),
        ("bus", "lyon", "b", "train"),
        ("bus", "lyon", "a", "test"),
        ("tram", "paris", "b", "test"),
        ("bus", "paris", "s1", "test"),
        ("tram", "lyon", "a", ""),
    ],
    columns=["scene", "city", "device", "fold"],
)


def test_official_folds_train_on_device_a_alone() -> None:
    split = split_by_fold(TABLE)
    assert (split.train.tolist(), split.seen.tolist(), split.unseen.tolist()) == ([0], [2], [3, 4])
    with pytest.raises(InputError, match="no clip on the side 'seen'"):
        split_by_fold(TABLE.drop(2))
