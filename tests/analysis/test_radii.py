import dataclasses

import made_runs as runs
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from repro.analysis.evidence import Evidence, Network
from repro.analysis.radii import (
    RADII,
    Correlation,
    first_field,
    radii,
    radii_table,
    rank_correlation,
    reach_and_accuracy,
)

NARROW, WIDE = Network("base", 8), Network("base", 32)
LABEL = "90 % / mel bands"


def evidence(reach_of=lambda run: 8.0, **changes):
    """The width study with the edition's own reach by run; None for a run that is not there."""
    edition = runs.edition(**changes)
    found = [(run, reach_of(run)) for run in edition.study("width")]
    records = [runs.record(run, 0.9, 0.6, erf_reach=reach) for run, reach in found if reach is not None]
    return Evidence(edition, tuple(records))


def test_the_radii_are_those_of_every_run():
    table = radii(evidence(lambda run: run.data.fold), [NARROW, WIDE])
    assert table["network"].tolist() == ["base W=8"] * 3 + ["base W=32"] * 3
    assert table["fold"].tolist() == [1, 2, 3] * 2 and table["seed"].tolist() == [0] * 6
    # of exp(-|band| / reach): 90 % within reach * log(10), but for the grid
    assert table[LABEL][:3].tolist() == pytest.approx([2.3, 4.6, 6.9], abs=0.15)
    assert (table[[*RADII]].diff(axis=1)[["90 % / mel bands", "90 % / ms"]] > 0).all(axis=None)


def test_the_table_has_mean_deviation_and_the_ratio_over_common_folds():
    def reach(run):
        if run.model.width == 8:
            return 4.0 if run.data.fold < 3 else None
        return {1: 8.0, 2: 32.0, 3: 100.0}[run.data.fold]

    found = evidence(reach)
    of_runs = radii(found, [NARROW, WIDE]).set_index(["network", "fold"])[LABEL]
    table = radii_table(radii(found, [NARROW, WIDE]))
    assert table.index.tolist() == ["base W=8", "base W=32"] and table.columns.tolist() == [*RADII]
    narrow, wide = of_runs["base W=8"], of_runs["base W=32"]
    assert table.loc["base W=8", LABEL] == f"{narrow[1]:.1f} ± 0.0"
    ratio = np.sqrt(wide[1] / narrow[1] * wide[2] / narrow[2])  # fold 3 is not there for both
    assert table.loc["base W=32", LABEL] == f"{wide.mean():.1f} ± {wide.std():.1f} (× {ratio:.2f})"


def test_networks_without_runs_are_left_out_of_the_table_unless_they_are_named():
    def none_of_the_wide(run):
        return None if run.model.width == 32 else 8.0

    def apart(run):
        return 8.0 if (run.data.fold == 1) == (run.model.width == 8) else None

    found = radii(evidence(none_of_the_wide), [NARROW, WIDE])
    assert radii_table(found).index.tolist() == ["base W=8"]
    named = radii_table(found, [NARROW, WIDE])
    assert named.index.tolist() == ["base W=8", "base W=32"] and set(named.loc["base W=32"]) == {"not trained"}
    assert named.iloc[[0]].equals(radii_table(found))
    absent_first = [WIDE, NARROW, NARROW._replace(variant="damped")]
    table = radii_table(radii(evidence(none_of_the_wide), absent_first), absent_first)
    assert len(table) == 3 and "×" not in table.to_string()
    assert "×" not in radii_table(radii(evidence(apart), [NARROW, WIDE])).to_string()  # no fold in common
    assert radii_table(radii(evidence(lambda run: None), [NARROW, WIDE])).shape == (0, 4)


def test_maps_show_the_first_fold_and_seed():
    found = evidence(lambda run: run.data.fold)
    field = first_field(found, NARROW)
    assert field.extent.radius_90_bands == radii(found, [NARROW])[LABEL][0]
    assert first_field(evidence(lambda run: None if run.data.fold == 1 else 8.0), NARROW) is None


def test_every_network_is_one_point():
    edition = runs.edition()
    of_study = {study: edition.study(study) for study in ("width", "fit", "static pruning")}
    every = dict.fromkeys(run for found in of_study.values() for run in found)
    records = [
        runs.record(run, 0.9, 0.5 + 0.15 * (run.data.fold == 1), fit=0.5 + 0.01 * run.model.width, erf_reach=4)
        for run in every
        if run.model.width in (8, 16) or (run.model.width == 32 and run.data.fold < 3)  # those of 32 lack a fold
    ]
    table = reach_and_accuracy(Evidence(edition, tuple(records)))
    names = list(zip(table["variant"], table["width"], table["method"], strict=True))
    dense = [("base", 8, "dense"), ("damped", 8, "dense"), ("base", 16, "dense"), ("damped", 16, "dense")]
    assert sorted(names) == sorted([*dense, ("base", 16, "static"), ("damped", 16, "static")])  # no random labels
    assert table["accuracy"].tolist() == pytest.approx([0.55] * 6)
    assert table["radius"].tolist() == pytest.approx([4 * np.log(10)] * 6, abs=0.3)
    assert not table["fits"].any()
    assert reach_and_accuracy(Evidence(edition, ())).empty


def test_the_correlation_is_spearmans():
    chance = np.random.default_rng(1)
    x = pd.Series(chance.normal(size=30).round(1))  # some are equal
    y = -x + chance.normal(size=30)
    found = rank_correlation(x, y)
    assert found.pairs == 30
    assert found.rho == pytest.approx(spearmanr(x, y).statistic)
    assert -1 <= found.low < found.rho < found.high < 0
    assert found == rank_correlation(x, y)


def test_the_interval_holds_the_true_value_about_as_often_as_it_says():
    chance = np.random.default_rng(2)
    inside = 0
    for _ in range(60):
        x, y = (pd.Series(chance.normal(size=25)) for _ in range(2))
        found = rank_correlation(x, y)
        inside += found.low <= 0 <= found.high
    assert inside >= 51  # of 60, at 95 %: fewer has a probability of 1 %


def test_of_few_networks_there_is_no_interval_and_of_equal_ones_no_correlation():
    few = rank_correlation(pd.Series([1.0, 2, 3]), pd.Series([3.0, 2, 1]))
    assert few.rho == pytest.approx(-1) and np.isnan([few.low, few.high]).all()
    assert np.isnan(rank_correlation(pd.Series([1.0]), pd.Series([1.0])).rho)
    assert np.isnan(rank_correlation(pd.Series(dtype=float), pd.Series(dtype=float)).rho)
    assert np.isnan(rank_correlation(pd.Series([1.0] * 9), pd.Series(range(9), dtype=float))[1:]).all()


def test_a_field_of_zeros_has_no_radius():
    found = evidence()
    dead = dataclasses.replace(found.records[0], erf=np.zeros_like(found.records[0].erf))
    table = radii_table(radii(Evidence(found.edition, (dead, *found.records[3:])), [NARROW, WIDE]))
    assert "inf" not in table.to_string()


def test_a_correlation_as_text():
    assert (Correlation(9, -0.164, -0.7, 0.478).told, Correlation(9, 0.5, 0.1, 0.9).told) == ("−0.16", "+0.50")
    assert Correlation(9, -0.164, -0.7, 0.478).interval == "−0.70 to +0.48"
    assert (Correlation(2, np.nan, np.nan, np.nan).told, Correlation(6, 0.7, np.nan, np.nan).interval) == ("–", "–")
