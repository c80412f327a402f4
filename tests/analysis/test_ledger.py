import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from repro import studies
from repro.analysis import evidence as evidence_module
from repro.analysis.claims import Verdict
from repro.analysis.evidence import Evidence, Grid, Network, difference, gather, minus, slope
from repro.analysis.ledger import CLAIMS, as_html, as_json, as_text, ledger
from repro.cli import main
from repro.erf.gradient import Extent
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe, Sparsity
from repro.store.store import Record, Store

PARAMETERS = {
    "dataset": "synthetic",
    "data_root": "",
    "impulse_responses": "",
    "microphones": 0,
    "split": "paper",
    "roll": "hops",
    "precision": "fp32",
    "clip_seconds": 1.0,
    "clips": 1,
    "seeds": [0, 1, 2],
    "epochs": 11,
    "warmup_epochs": 2,
    "max_lr": 3e-3,
    "batch_size": 10,
    "widths": [32, 8, 16],
    "plateau_width": 16,
    "fit_widths": [8, 16],
    "random_label_epochs": 12,
    "depth_width": 8,
    "depths": [1, 2, 4],
    "pointwise": [1, 2, 4],
    "compound": [[16, 2]],
    "reference_width": 16,
    "sparse_widths": [32, 64, 128],
    "sparse_epochs": 13,
    "erf_deep_width": 8,
    "erf_narrow": 8,
    "erf_wide": 32,
    "erf_pointwise": 4,
    "erf_seeds": [0, 1],
}
GRID = Grid.of(PARAMETERS)
N_16 = 39_952  # weights of W = 16 at D = 1, K = 1, counted by hand below


# Accuracies in %, (unseen, seen), which meet every claim.
ACCURACY = {
    Network("base", 8): (40, 60),
    Network("base", 16): (46, 65),
    Network("base", 32): (52, 66),
    Network("damped", 8): (44, 62),
    Network("damped", 16): (50, 67),
    Network("damped", 32): (56, 68),
    Network("base", 8, depth=2): (38, 58),
    Network("base", 8, depth=4): (34, 54),
    Network("damped", 8, depth=2): (43, 61),
    Network("damped", 8, depth=4): (41, 59),
    Network("base", 8, pointwise=2): (40, 61),
    Network("base", 8, pointwise=4): (40, 63),
    Network("damped", 8, pointwise=2): (42, 61),
    Network("damped", 8, pointwise=4): (38, 59),
    Network("base", 16, depth=2): (45, 66),
    Network("damped", 16, depth=2): (53, 66),
    Network("base", 32, method="static"): (50, 65),
    Network("base", 64, method="static"): (52, 65),
    Network("base", 128, method="static"): (53, 65),
    Network("damped", 32, method="static"): (52, 65),
    Network("damped", 64, method="static"): (53, 65),
    Network("damped", 128, method="static"): (53, 65),
    Network("base", 128, method="iterative"): (45, 65),
    Network("damped", 128, method="iterative"): (50, 62),
}
TRAINING_ACCURACY = {("true", 8): 0.9995, ("random", 8): 0.85, ("random", 16): 1.0}

# Radii (50 % and 90 % along frequency, 50 % and 90 % along time) which meet every claim; all at K = 0 but one.
RADII = {
    Network("damped", 8, pointwise=0): (10, 20, 30, 40),
    Network("damped", 8, pointwise=4): (10, 24, 30, 44),
    Network("damped", 16, pointwise=0): (10, 20, 30, 40),
    Network("damped", 32, pointwise=0): (8, 18, 27, 38),
    Network("damped", 32, pointwise=0, method="static"): (9, 21, 28, 40),
    Network("damped", 32, pointwise=0, method="iterative"): (9, 15, 28, 40),
    Network("base", 8, pointwise=0): (20, 40, 30, 50),
    Network("base", 16, pointwise=0): (20, 40, 30, 50),
    Network("base", 32, pointwise=0): (18, 38, 24, 48),
    Network("base", 32, pointwise=0, method="static"): (19, 38, 28, 50),
    Network("base", 32, pointwise=0, method="iterative"): (19, 42, 28, 50),
}

CLIPS = pd.DataFrame(
    {
        "scene": "bus",
        "location": [f"oslo-{clip % 10}" for clip in range(200)],
        "device": ["a"] * 100 + ["b", "s1"] * 50,
    }
)


def record(network, seed, unseen=0, seen=0, labels="true", training_accuracy=0.5, folder=Path()):
    """A run with so many of 100 clips correct, one more in one of its two reported epochs and one less in the other."""
    predictions = np.ones((2, 200), dtype=np.uint8)
    for epoch, more in enumerate((1, -1)):
        predictions[epoch, : seen + more] = 0
        predictions[epoch, 100 : 100 + unseen + more] = 0
    experiment = Experiment(
        data=DataConfig(clip_seconds=1.0),
        model=ModelConfig(
            width=network.width,
            depth=network.depth,
            pointwise=network.pointwise,
            damped=network.variant == "damped",
        ),
        recipe=Recipe(epochs=11, warmup_epochs=2, labels=labels),
        sparsity=None if network.method == "dense" else Sparsity(method=network.method, weights=1000),
        seed=seed,
    )
    return Record(
        key=f"{'-'.join(map(str, network))}-{labels}-{seed}",
        experiment=experiment,
        data_fingerprint="",
        epochs=pd.DataFrame(),
        train_accuracy=training_accuracy,
        layer_sparsity=pd.DataFrame(),
        predictions=predictions,
        test_clips=CLIPS,
        scenes=("bus", *(f"scene {number}" for number in range(9))),
        provenance={},
        folder=folder,
    )


@pytest.fixture(scope="session")
def masks(tmp_path_factory) -> Path:
    """A stored sparse network with as many weights left as W = 16 has, in two layers."""
    folder = tmp_path_factory.mktemp("run")
    keep = np.ones(N_16 - 84, dtype=bool)
    tensors = {"a.mask": np.append(keep, [False] * 50), "a.weight": np.ones(9, np.float32), "b.mask": np.ones(84, bool)}
    save_file(tensors, folder / "weights.safetensors")
    return folder


@pytest.fixture
def world(masks):
    """Build an Evidence from ACCURACY, TRAINING_ACCURACY and RADII, after changes to them; None leaves a network out.

    `by_seed` adds to a network's accuracies (unseen, seen) in single seeds.
    """

    def build(accuracy=None, training=None, radii=None, by_seed=None, seeds=(0, 1, 2), **grid) -> Evidence:
        fits = TRAINING_ACCURACY | (training or {})
        records = []
        for network, both in (ACCURACY | (accuracy or {})).items():
            for seed in seeds if both else ():
                more = (by_seed or {}).get((network, seed), (0, 0))
                dense8 = network == Network("base", 8)
                fitted = fits["true", 8] if dense8 else 0.5
                records.append(
                    record(network, seed, both[0] + more[0], both[1] + more[1], "true", fitted, folder=masks)
                )
        for (labels, width), share in fits.items():
            if labels == "random" and share is not None:
                records += [record(Network("base", width), seed, 10, 10, labels, share) for seed in seeds]
        rows = []
        for network, found in (RADII | (radii or {})).items():
            for seed in seeds if found else ():
                names = ("half_energy_bands", "energy_90_bands", "half_energy_frames", "energy_90_frames")
                extents = dict(zip(names, map(float, found), strict=True))
                rows.append(network._asdict() | {"seed": seed, "key": f"erf-{network}-{seed}"} | extents)
        values = GRID.__dict__ | grid
        return Evidence(Grid(**values), "synthetic", tuple(records), pd.DataFrame(rows), wanted=999)

    return build


def claim(evidence, number):
    return CLAIMS[number - 1](evidence)


def values(evidence, number):
    """Every effect's value in seed 0, by name."""
    return {
        effect.name: pytest.approx(effect.values[0], abs=1e-9) if effect.values else None
        for effect in claim(evidence, number).effects
    }


def verdicts(evidence, number):
    return [str(effect.verdict) for effect in claim(evidence, number).effects]


def test_fourteen_claims_in_order_all_supported_where_all_criteria_are_met(world):
    claims = ledger(world())
    assert [claim.number for claim in claims] == list(range(1, 15))
    assert {claim.number: str(claim.verdict) for claim in claims} == dict.fromkeys(range(1, 15), "supported")


def test_with_nothing_run_all_are_listed_as_not_run():
    claims = ledger(Evidence(GRID, "synthetic", (), pd.DataFrame(), 60))
    assert [claim.number for claim in claims] == list(range(1, 15))
    assert {claim.verdict for claim in claims} == {Verdict.NOT_RUN}


def test_with_one_seed_nothing_but_fits_and_counts_is_more_than_a_direction(world):
    found = {claim.number: str(claim.verdict) for claim in ledger(world(seeds=(0,)))}
    assert found == {number: "supported" if number in (1, 14) else "direction only" for number in range(1, 15)}


def test_1_training_labels(world):
    assert values(world(), 1) == {"training accuracy, W = 8": 99.95}
    assert claim(world(training={("true", 8): 0.9985}), 1).verdict == "contradicted"


def test_2_random_labels(world):
    assert values(world(), 2) == {"random labels, W = 16": 100.0, "random labels, W = 16 − W = 8": 15.0}
    assert verdicts(world(training={("random", 8): 0.97}), 2) == ["supported", "direction only"]
    assert verdicts(world(training={("random", 8): None}), 2) == ["supported", "not run in this edition"]


def test_3_width(world):
    assert values(world(accuracy={Network("base", 16): (49, 65)}), 3) == {
        "base, unseen, W = 32 − W = 8": 12.0,
        "base, unseen, slope over log₂ W": 6.0,
        "damped, unseen, W = 32 − W = 8": 12.0,
        "damped, unseen, slope over log₂ W": 6.0,
    }
    below_margin = world(accuracy={Network("base", 32): (44, 66)})
    assert verdicts(below_margin, 3) == ["direction only", "supported", "supported", "supported"]
    assert claim(below_margin, 3).verdict == "direction only"


def test_3_interval_over_paired_seeds(world):
    wide = Network("base", 32)
    effect = claim(world(by_seed={(wide, 0): (-1, 0), (wide, 2): (1, 0)}), 3).effects[0]
    assert effect.values == pytest.approx({0: 11, 1: 12, 2: 13})
    assert effect.interval == pytest.approx((9.515862, 14.484138), abs=1e-6)


def test_accuracy_is_the_mean_over_reported_epochs_of_one_group(world):
    # 41 and 39 % in the two epochs, 61 and 59 % on the seen device.
    network = Network("base", 8)
    assert world().accuracy({network: 1.0}, "unseen").values == pytest.approx({0: 40, 1: 40, 2: 40})
    assert world().accuracy({network: 1.0}, "seen").values == pytest.approx({0: 60, 1: 60, 2: 60})


def test_4_plateau(world):
    assert values(world(), 4) == {"base, seen, W = 32 − W = 16": 1.0, "damped, seen, W = 32 − W = 16": 1.0}
    assert verdicts(world(accuracy={Network("damped", 32): (56, 72)}), 4) == ["supported", "contradicted"]


def test_4_needs_a_width_beyond_the_plateau(world):
    assert claim(world(plateau_width=32), 4).verdict == "not run in this edition"


def test_5_damping(world):
    assert values(world(accuracy={Network("damped", 8): (43, 66)}), 5) == {
        "damped − base, unseen, W = 8": 3.0,
        "damped − base, unseen, W = 16": 4.0,
        "damped − base, unseen, W = 32": 4.0,
        "damped − base, seen, mean over W": pytest.approx(10 / 3),
    }


def test_5_clip_interval_and_runs(world):
    # Where damped is right and base is not, at W = 8: clips 40 to 43 (on the mean of epochs), at locations 0 to 3.
    effect = claim(world(), 5).effects[0]
    low, high = effect.measured.clip_interval
    assert 0 < low < 4 < high < 8
    assert len(effect.measured.runs) == 6
    assert "damped-8-1-1-dense-true-2" in effect.measured.runs


def test_6_depth(world):
    assert values(world(), 6) == {
        "base, unseen, slope over D": -2.0,
        "base, seen, slope over D": -2.0,
        "damped, unseen, slope over D": -1.0,
        "damped, seen, slope over D": -1.0,
        "base − damped, unseen, slope over D": -1.0,
        "base − damped, seen, slope over D": -1.0,
    }


def test_7_pointwise_depth(world):
    assert values(world(), 7) == {
        "base, seen, slope over K": 1.0,
        "base, unseen, slope over K": 0.0,
        "damped, seen, slope over K": -1.0,
        "damped, unseen, slope over K": -2.0,
    }
    better = {Network("base", 8, pointwise=2): (42, 61), Network("base", 8, pointwise=4): (46, 63)}
    assert verdicts(world(accuracy=better), 7) == ["supported", "contradicted", "supported", "supported"]


def test_8_compound_against_the_best_width_of_no_more_weights(world):
    # W = 32 has more weights than W = 16, D = 2, and is no rival, though it is better.
    assert values(world(), 8) == {
        "base, unseen, W = 16, D = 2 − W = 16": -1.0,
        "damped, unseen, W = 16, D = 2 − W = 16": 3.0,
    }
    assert values(world(accuracy={Network("base", 8): (47, 60)}), 8)["base, unseen, W = 16, D = 2 − W = 8"] == -2.0
    far = world(accuracy={Network("base", 16, depth=2): (43, 60)})
    assert verdicts(far, 8) == ["contradicted", "supported"]


def test_9_static_pruning(world):
    # Per doubling: base +4 from 16 to 32, then +1 from 64 to 128; damped +2, then 0.
    assert values(world(), 9) == {
        "base, unseen, first sparse width − dense W = 16": 4.0,
        "base, unseen, gain of the last step − gain of the first step": -3.0,
        "damped, unseen, first sparse width − dense W = 16": 2.0,
        "damped, unseen, gain of the last step − gain of the first step": -2.0,
    }


def test_9_gains_are_per_doubling(world):
    # From 32 to 128 in one step: 3 points in two doublings.
    found = values(world(sparse_widths=(32, 128)), 9)
    assert found["base, unseen, gain of the last step − gain of the first step"] == 1.5 - 4


def test_9_one_sparse_width_is_too_few_for_a_fading_gain(world):
    one = world(sparse_widths=(32,))
    assert verdicts(one, 9) == ["supported", "not run in this edition"] * 2
    assert claim(one, 9).verdict == "not run in this edition"


def test_10_iterative_pruning(world):
    assert values(world(), 10) == {
        "base, unseen, widest sparse − dense W = 16": -1.0,
        "damped, unseen, widest sparse − dense W = 16": 0.0,
        "damped, seen, widest sparse − dense W = 16": -5.0,
    }
    assert verdicts(world(accuracy={Network("base", 128, method="iterative"): (43, 65)}), 10)[0] == "contradicted"


def test_11_pointwise_erf(world):
    assert values(world(), 11) == {
        "damped, K = 4 / K = 0, 90 % radius, frequency": 20.0,
        "damped, K = 4 / K = 0, 90 % radius, time": 10.0,
    }
    smaller = world(radii={Network("damped", 8, pointwise=4): (10, 20.8, 30, 44)})
    assert verdicts(smaller, 11) == ["direction only", "supported"]


def test_12_width_and_erf(world):
    assert values(world(), 12) == {
        "base, W = 32 / W = 8, 50 % radius, frequency": -10.0,
        "base, W = 32 / W = 8, 50 % radius, time": -20.0,
        "damped, W = 32 / W = 8, 50 % radius, frequency": -20.0,
        "damped, W = 32 / W = 8, 50 % radius, time": -10.0,
    }


def test_13_pruning_and_erf(world):
    end = " W = 32 / dense W = 16"
    assert values(world(), 13) == {
        f"damped, 90 % radius, frequency, static{end}": 5.0,
        f"damped, 90 % radius, frequency, iterative{end}": -25.0,
        f"base, 90 % radius, frequency, static{end}": -5.0,
        f"base, 90 % radius, frequency, iterative{end}": 5.0,
    }
    missing = world(radii={Network("base", 16, pointwise=0): None})
    assert claim(missing, 13).verdict == "not run in this edition"


def test_a_field_that_is_zero_everywhere_has_no_ratio(world):
    empty = world(radii={Network("damped", 8, pointwise=4): (np.nan,) * 4})
    assert claim(empty, 11).verdict == "not run in this edition"


def test_14_sparsity(world, tmp_path):
    found = claim(world(), 14)
    assert found.effects[0].name == "1 − N(64) / N(512) = 98.43 %, less 98.4 %"
    assert found.effects[1].values == {0: 0.0, 1: 0.0, 2: 0.0}
    save_file({"a.mask": np.ones(N_16 + 2, dtype=bool)}, tmp_path / "weights.safetensors")
    one_off = record(Network("base", 64, method="iterative"), 1, 50, 50, folder=tmp_path)
    good = world()
    bad = Evidence(good.grid, good.dataset, (*good.records, one_off), good.extents, 999)
    assert claim(bad, 14).effects[1].values == {0: 0.0, 1: 2.0, 2: 0.0}


@pytest.mark.parametrize(
    ("network", "missing"),
    [
        (Network("damped", 16), {3, 4, 5, 8, 9, 10}),
        (Network("base", 8, depth=4), {6}),
        (Network("damped", 8, pointwise=2), {7}),
        (Network("base", 16, depth=2), {8}),
        (Network("base", 128, method="static"), {9}),
        (Network("damped", 128, method="iterative"), {10}),
    ],
)
def test_claims_whose_runs_are_missing_are_not_run(world, network, missing):
    claims = ledger(world(accuracy={network: None}))
    # Without W = 16 the best rival of claim 8 is W = 8, and claim 8 can still be judged.
    expected = missing - {8} if network == Network("damped", 16) else missing
    assert {claim.number for claim in claims if claim.verdict is Verdict.NOT_RUN} == expected


def test_only_seeds_that_have_both_networks_are_compared(world):
    full = world()
    records = tuple(r for r in full.records if r.key != "base-32-1-1-dense-true-1")
    fewer = Evidence(full.grid, full.dataset, records, full.extents, 999)
    assert list(claim(fewer, 3).effects[0].values) == [0, 2]


def test_contrasts_by_hand():
    a, b, c = (Network("base", width) for width in (8, 16, 32))
    assert difference(a, b) == {a: 1, b: -1}
    assert difference(a, a) == {}
    assert slope({3: a, 5: b}) == {a: -0.5, b: 0.5}
    assert slope({3: a}) == {}
    assert minus({a: 1, b: -1}, {b: 1, c: -1}) == {a: 1, b: -2, c: 1}
    assert minus({a: 1}, {}) == {}


def test_json_has_everything_and_says_that_synthetic_data_is_no_evidence(world):
    values = json.loads(json.dumps(as_json("quick", world()), allow_nan=False))
    assert values["edition"] == "quick"
    assert "no evidence about the paper" in values["notice"]
    assert values["runs"] == {"found": 78, "wanted": 999}
    assert [claim["number"] for claim in values["claims"]] == list(range(1, 15))
    assert values["claims"][2]["figures"] == [{"name": "Fig. 3", "link": "05-1-width.html#fig-3"}]
    assert values["claims"][2]["effects"][0]["values"] == {"0": 12.0, "1": 12.0, "2": 12.0}


def test_html_has_a_row_a_claim_and_a_row_an_effect(world):
    html = as_html(world())
    assert html.count('<tr id="claim-') == 14
    assert html.count("<details>") == 14
    assert html.count('class="verdict supported"') == 14
    assert "no evidence about the paper" in html
    assert "<p>Runs: <code>base-8-1-1-dense-true-0</code> <code>base-8-1-1-dense-true-1</code>" in html
    assert '<a href="05-1-width.html#fig-3">Fig. 3</a>' in html
    assert (
        "<td>damped − base, unseen, W = 16</td><td>increase</td><td>supported</td><td>+4.00 points</td><td>0.00</td>"
        in html
    )


def test_text_counts_the_runs(world):
    text = as_text("quick", world())
    assert text.startswith("Claims ledger, edition 'quick', 78 of 999 runs\n")
    assert "\n 3  supported  (Section 5.1)" in text


def test_real_recordings_carry_no_notice_of_synthetic_ones(world):
    full = world()
    real = Evidence(full.grid, "tau2020", full.records, full.extents, 999)
    assert as_json("full", real)["notice"] == "TAU Urban Acoustic Scenes 2020 Mobile."


def test_the_reference_number_of_weights():
    # By hand: input; R 3x3, 1x1; three R 3x3, 3x3; D with its shortcut; K with its shortcut; classifier.
    by_hand = 25 * 16 + 10 * 256 + 3 * 18 * 256 + (9 * 2 + 9 * 4 + 2) * 256 + (8 + 16 + 8) * 256 + 10 * 64
    assert studies.weight_count(16) == by_hand == N_16


@pytest.fixture
def no_recordings(monkeypatch):
    monkeypatch.setattr(evidence_module, "load", lambda *_: SimpleNamespace(fingerprint="f"))


def test_gather_takes_what_the_store_has(monkeypatch, tmp_path, no_recordings):
    setting = studies.Setting.of(PARAMETERS)
    in_store = {run.key("f"): run for run in studies.by_width(setting, [8])}
    fields = studies.for_erf(
        setting,
        erf_deep_width=8,
        erf_pointwise=4,
        erf_narrow=8,
        erf_wide=32,
        reference_width=16,
        sparse_epochs=13,
    )
    in_store[fields[0].key("f")] = fields[0]

    class Half(Store):
        def __contains__(self, key):
            return key in in_store

        def load(self, key):
            run = in_store[key]
            return SimpleNamespace(key=key, experiment=run, data_fingerprint="f")

    monkeypatch.setattr(
        evidence_module,
        "field_of",
        lambda record, data, store: SimpleNamespace(record=record, extent=Extent(1, 2, 3, 4, 5, 6)),
    )
    found = gather(PARAMETERS, train=False, store=Half(tmp_path))
    assert [record.experiment for record in found.records] == list(in_store.values())
    assert found.extents[["variant", "width", "pointwise", "energy_90_bands"]].to_numpy().tolist() == [
        ["base", 8, 0, 2]
    ]
    # 6 networks of the width study, 4 more depths, 4 more K, 2 compound, 12 sparse ones and 2 with random labels, in
    # three seeds each; 8 dense and 4 sparse networks with fields in two seeds, the two of W = 8, K = 4 among the K.
    assert found.wanted == 3 * (6 + 4 + 4 + 2 + 12 + 2) + 2 * (6 + 4)


def test_a_grid_without_widths_is_refused():
    with pytest.raises(InputError, match=r"widths = \[\]: give at least one width"):
        Grid.of(PARAMETERS | {"widths": []})


def book(root: Path, page: str) -> None:
    (root / "book" / "editions").mkdir(parents=True)
    (root / "_config.yml").write_text("title: Tiny\n")
    (root / "_toc.yml").write_text(f"format: jb-book\nroot: book/{page}\n")
    (root / "book" / "editions" / "quick.yml").write_text("title: Quick\nparameters: {widths: [4, 8]}\n")
    (root / "book" / f"{page}.py").write_text(
        '# %% tags=["parameters"]\nwidths: list[int] = [4]\nedition: str = "quick"\n'
    )


def test_command_prints_json_under_the_edition_s_parameters(monkeypatch, tmp_path, world):
    book(tmp_path, "claims")
    monkeypatch.chdir(tmp_path)
    given = {}

    def fake(parameters, *, train):
        given.update(parameters, train=train)
        return world()

    monkeypatch.setattr(evidence_module, "gather", fake)
    result = CliRunner().invoke(main, ["claims", "--json"])
    assert result.exit_code == 0
    assert [claim["number"] for claim in json.loads(result.stdout)["claims"]] == list(range(1, 15))
    assert given == {"widths": [4, 8], "edition": "quick", "train": False}
    assert CliRunner().invoke(main, ["claims"]).stdout.startswith("Claims ledger, edition 'quick', 78 of 999 runs")


def test_command_needs_the_ledger_s_page(monkeypatch, tmp_path):
    book(tmp_path, "index")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["claims"])
    assert (result.exit_code, result.stderr) == (
        2,
        "repro: this book has no page 'claims', whose parameters the ledger needs\n",
    )
