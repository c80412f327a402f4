from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny

from repro.analysis.probe import beside_networks, compared, linear_probe, mean_spectra, probe_by_fold, shipped_probe
from repro.data.clips import Clips
from repro.edition import open_edition
from repro.errors import InputError
from repro.experiment import DataConfig


def test_scenes_that_differ_in_their_spectra_are_told_apart(toy_inputs):
    assert linear_probe(mean_spectra(toy_inputs.clips), toy_inputs.clips) == (1.0, 1.0)


def test_scenes_that_do_not_differ_are_guessed():
    table = pd.concat([tiny.table()] * 4, ignore_index=True)
    noise = np.random.default_rng(0).normal(0, 3000, (len(table), 8820)).astype(np.int16)
    clips = Clips(noise, table, tiny.SCENES, "0" * 64)
    probe = linear_probe(mean_spectra(clips), clips)
    # of 16 clips in either group a half by chance, with a standard deviation of 12.5 points
    assert 0.1 < probe.seen < 0.9
    assert 0.1 < probe.unseen < 0.9


def test_a_mean_spectrum_is_the_mean_of_a_clips_features(toy_inputs):
    spectra = mean_spectra(toy_inputs.clips)
    assert spectra.shape == (32, 256)
    standardised = (spectra[toy_inputs.split.test] - toy_inputs.mean[:, 0].numpy()) / toy_inputs.deviation[:, 0].numpy()
    features = np.concatenate([batch.mean(dim=(1, 3)).numpy() for batch in toy_inputs.test_batches()])
    np.testing.assert_allclose(standardised, features, atol=1e-4)


def test_the_probe_of_an_edition_has_a_row_a_fold(tmp_path):
    edition = SimpleNamespace(folds=[0], data=lambda fold: tiny.DATA)
    probe = probe_by_fold(edition, tiny.store(tmp_path).root)
    assert probe.to_dict("index") == {0: {"seen": 1.0, "unseen": 1.0}}
    assert probe.index.name == "fold"


def test_recordings_that_are_not_at_hand_are_named(tmp_path):
    absent = DataConfig(name="tau2020", root=str(tmp_path / "absent"))
    with pytest.raises(InputError, match="absent is not a folder"):
        probe_by_fold(SimpleNamespace(folds=[0], data=lambda fold: absent), tmp_path)


PROBE = pd.DataFrame({"seen": [0.6, 0.8], "unseen": [0.5, 0.6]}, index=[1, 2])


def runs(*accuracies: tuple[str, int, int, float, float]) -> pd.DataFrame:
    """Runs of networks: variant, width, fold, and the accuracies on the seen device and on the unseen ones."""
    rows = [
        {"variant": variant, "width": width, "fold": fold, "group": group, "accuracy": accuracy}
        for variant, width, fold, seen, unseen in accuracies
        for group, accuracy in (("seen", seen), ("unseen", unseen))
    ]
    return pd.DataFrame(rows, columns=["variant", "width", "fold", "group", "accuracy"])


def test_the_best_network_is_compared_with_the_probe_by_fold():
    networks = runs(("base", 4, 1, 0.7, 0.6), ("base", 4, 2, 0.9, 0.9), ("damped", 8, 1, 0.7, 0.6))
    assert compared(networks, PROBE) == (
        "On unseen devices the best of the 2 networks, base W=4, is 20.0 points above the probe (by fold +10.0 "
        "to +30.0). From the seen device to the unseen ones this network loses 5.0 points, the probe 15.0."
    )


def test_networks_below_the_probe_are_said_to_be():
    networks = runs(("base", 4, 1, 0.5, 0.3), ("damped", 4, 1, 0.5, 0.4))
    assert compared(networks, PROBE) == (
        "No network reaches the probe on unseen devices: the best of the 2 networks, damped W=4, is 10.0 points "
        "below it. From the seen device to the unseen ones this network loses 10.0 points, the probe 10.0."
    )


def test_nothing_is_said_of_networks_that_are_not_there():
    assert compared(runs(), PROBE) == ""


@pytest.mark.parametrize(("probe", "texts"), [(PROBE, ["55.0", "70.0"]), (None, ["—", "—"])])
def test_the_probe_stands_below_the_networks(probe, texts):
    report = runs(("damped", 16, 0, 0.9, 0.85), ("damped", 4, 0, 0.8, 0.75)).rename(columns={"accuracy": "mean"})
    table = beside_networks(report, probe)
    assert table.columns.tolist() == ["unseen", "seen"]
    assert table.T.to_dict("list") == {
        "damped W=16": ["85.0", "90.0"],
        "damped W=4": ["75.0", "80.0"],
        "linear probe": texts,
        "chance": ["10.0", "10.0"],
    }
    assert beside_networks(report[:0], probe).index.tolist() == ["linear probe", "chance"]


def test_the_shipped_probe_is_of_the_editions_folds():
    whole = shipped_probe(open_edition("esc10"))
    assert shipped_probe(open_edition("esc10", folds=[2, 4])).equals(whole.loc[[2, 4]])
    assert shipped_probe(open_edition("esc10", folds=[0])) is None
