from pathlib import Path
from typing import Any

import pytest

from repro import studies
from repro.build.pages import read_pages
from repro.build.parameters import read_edition, resolve
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe
from repro.network.cp_resnet import CPResNet, count_weights
from repro.studies import Setting, weight_count

ROOT = Path(__file__).parents[1]
SETTING = Setting(DataConfig(), Recipe(), (0, 1, 2))
PAGE = {
    "dataset": "esc10",
    "data_root": "/data/esc10",
    "impulse_responses": "/data/micirp",
    "microphones": 6,
    "split": "paper",
    "roll": "hops",
    "precision": "fp32",
    "clip_seconds": 5.0,
    "clips": 2,
    "epochs": 30,
    "warmup_epochs": 3,
    "max_lr": 1e-3,
    "batch_size": 20,
    "seeds": [4, 2],
    "widths": [8],
}
GRID = {
    "widths": [32, 64, 128, 192, 256, 384, 512],
    "depth_width": 32,
    "depths": [1, 2, 3],
    "pointwise": [0, 1, 4],
    "compound": [[64, 2], [128, 3]],
    "reference_width": 64,
    "sparse_widths": [128, 256, 512],
    "sparse_epochs": 350,
}
ERF = {
    "erf_deep_width": 128,
    "erf_pointwise": 4,
    "erf_narrow": 32,
    "erf_wide": 512,
    "reference_width": 64,
    "sparse_epochs": 350,
}


def networks(runs: list[Experiment]) -> list[tuple[int, int, int, bool]]:
    """Each network once: W, D, K, damped."""
    models = [run.model for run in runs]
    return list(dict.fromkeys((m.width, m.depth, m.pointwise, m.damped) for m in models))


def test_the_setting_of_a_page():
    assert Setting.of(PAGE) == Setting(
        DataConfig(
            name="esc10",
            root="/data/esc10",
            impulse_responses="/data/micirp",
            microphones=6,
            clip_seconds=5.0,
            clips=2,
        ),
        Recipe(epochs=30, warmup_epochs=3, max_lr=1e-3, batch_size=20),
        (4, 2),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": []}, "seeds = []: give at least one seed, and each once"),
        ({"seeds": [0, 1, 0]}, "seeds = [0, 1, 0]: give at least one seed, and each once"),
        ({"dataset": "dcase"}, "DataConfig.name = 'dcase': input should be 'synthetic', 'esc10' or 'tau2020'"),
        ({"data_root": ""}, "data set 'esc10' needs the folder of its recordings: set data_root"),
        ({"epochs": 3}, "warmup_epochs (3) must be smaller than epochs (3)"),
        ({"batch_size": 0}, "Recipe.batch_size = 0: input should be greater than or equal to 1"),
    ],
)
def test_a_setting_out_of_range_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(InputError) as refused:
        Setting.of(PAGE | change)
    assert str(refused.value) == message


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match=r"^Experiment.seed = -1: input should be greater than or equal to 0$"):
        Setting.of(PAGE | {"seeds": [-1]}).runs([ModelConfig()])


def test_another_recipe_keeps_all_else():
    changed = SETTING.with_recipe(epochs=350, roll="off")
    assert changed == Setting(SETTING.data, Recipe(epochs=350, roll="off"), SETTING.seeds)
    with pytest.raises(InputError, match=r"^warmup_epochs \(20\) must be smaller than epochs \(10\)$"):
        SETTING.with_recipe(epochs=10)


@pytest.mark.parametrize(("width", "weights"), [(32, 157_728), (64, 626_752), (512, 39_879_168)])
def test_weight_count(width, weights):
    assert weight_count(width) == weights


def test_weight_count_without_pointwise_blocks():
    assert weight_count(64, pointwise=0) == count_weights(CPResNet(ModelConfig(width=64, pointwise=0))) < 626_752


def test_fit_trains_the_base_network_on_true_and_on_random_labels():
    runs = studies.fit(SETTING, [32, 64], 100)
    assert len(runs) == 12
    assert networks(runs) == [(32, 1, 1, False), (64, 1, 1, False)]
    true, random = runs[:6], runs[6:]
    assert {run.recipe for run in true} == {Recipe()}
    assert {run.recipe for run in random} == {Recipe(epochs=100, labels="random", mixup_alpha=0.0, roll="off")}
    assert set(true) <= set(studies.by_width(SETTING, [32, 64]))


def test_every_study_trains_base_and_damped_over_all_seeds():
    runs = studies.by_width(SETTING, [32, 64])
    assert [(run.model.width, run.model.damped, run.seed) for run in runs] == [
        (width, damped, seed) for width in (32, 64) for damped in (False, True) for seed in (0, 1, 2)
    ]
    assert {(run.model.depth, run.model.pointwise, run.recipe, run.sparsity) for run in runs} == {
        (1, 1, Recipe(), None)
    }


def test_depth_and_compound_networks():
    both = (False, True)
    depth = networks(studies.by_depth(SETTING, 32, [1, 3]))
    assert depth == [(32, d, 1, damped) for d in (1, 3) for damped in both]
    pointwise = networks(studies.by_pointwise(SETTING, 32, [0, 4]))
    assert pointwise == [(32, 1, k, damped) for k in (0, 4) for damped in both]
    compound = networks(studies.by_width_and_depth(SETTING, [[64, 2], [128, 3]]))
    assert compound == [(w, d, 1, damped) for w, d in ((64, 2), (128, 3)) for damped in both]


@pytest.mark.parametrize("method", ["static", "iterative"])
def test_sparse_networks_have_the_weights_of_the_reference(method):
    runs = studies.by_sparse_width(SETTING, method, [128, 512], 64, 350)
    assert len(runs) == 2 * 2 * 3
    assert networks(runs) == [(w, 1, 1, damped) for w in (128, 512) for damped in (False, True)]
    assert {(run.sparsity.method, run.sparsity.weights) for run in runs if run.sparsity} == {(method, 626_752)}
    assert {run.recipe for run in runs} == {Recipe(epochs=350)}


@pytest.mark.parametrize("width", [64, 32])
def test_a_sparse_network_has_to_be_wider_than_the_reference(width):
    with pytest.raises(InputError) as refused:
        studies.by_sparse_width(SETTING, "static", [128, width], 64, 350)
    assert str(refused.value) == f"sparse width {width}: must be larger than the reference width 64"


def test_the_networks_of_the_effective_receptive_fields():
    runs = studies.for_erf(SETTING, **ERF)
    assert len(runs) == (5 + 2) * 2 * 3
    dense, sparse = runs[:30], runs[30:]
    sizes = ((128, 0), (128, 4), (32, 0), (64, 0), (512, 0))
    assert networks(dense) == [(w, 1, k, damped) for w, k in sizes for damped in (False, True)]
    assert networks(sparse) == [(512, 1, 0, False), (512, 1, 0, True)]
    left = {(run.sparsity.method, run.sparsity.weights) for run in sparse if run.sparsity}
    assert left == {(method, weight_count(64, pointwise=0)) for method in ("static", "iterative")}


def test_networks_of_effective_receptive_fields_that_coincide_stand_there_once():
    runs = studies.for_erf(SETTING, **ERF | {"erf_deep_width": 32, "reference_width": 32})
    assert len(runs) == len(set(runs)) == (3 + 2) * 2 * 3


def test_the_figures_that_show_every_scaling_share_their_runs_with_the_studies():
    groups = studies.scalings(SETTING, GRID)
    assert {name: len(runs) for name, runs in groups.items()} == {
        "width": 42,
        "depth D": 18,
        "depth K": 18,
        "width and depth": 12,
        "sparse width, static": 18,
        "sparse width, iterative": 18,
    }
    # W = 32, D = 1, K = 1 stands in three of them, base and damped, over three seeds
    assert len({run for runs in groups.values() for run in runs}) == 126 - 2 * 6
    assert set(groups["depth D"]) & set(groups["depth K"]) == set(studies.by_width(SETTING, [32]))
    assert set(studies.fit(SETTING, [32, 64], 250)[:6]) <= set(groups["width"])


PAGES = {name: page.parameters() for name, page in read_pages(ROOT).items()}
EDITIONS = sorted(path.stem for path in (ROOT / "book" / "editions").glob("*.yml"))
NAMES = sorted({name for parameters in PAGES.values() for name in parameters})
OWN_NETWORKS = {"02-scaling", "04-models"}
"""Section 2 trains nothing, and Section 4 fits networks of its own: their sizes are not those of the other pages."""


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_has_one_type_on_all_pages(name: str):
    """Or an edition could not give it to all pages that have it."""
    types = {page: parameters[name].annotation for page, parameters in PAGES.items() if name in parameters}
    assert len(set(types.values())) == 1, types


@pytest.fixture(scope="module", params=EDITIONS)
def edition(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """All values of all pages of an edition."""
    changed = resolve(PAGES, read_edition(ROOT / "book" / "editions", request.param), request.param)
    return {
        page: {name: parameter.default for name, parameter in parameters.items()} | changed[page]
        for page, parameters in PAGES.items()
    }


def test_all_pages_that_show_recordings_have_the_same_setting(edition):
    pages = {page: values for page, values in edition.items() if "dataset" in values}
    assert len(pages) == 13
    for name in ["edition", *(name for name in PAGE if name != "widths")]:
        assert len({repr(values[name]) for values in pages.values()}) == 1, name


def test_pages_that_share_a_parameter_share_its_runs(edition):
    for name in edition["claims"]:
        values = {page: own[name] for page, own in edition.items() if name in own and page not in OWN_NETWORKS}
        assert len({repr(value) for value in values.values()}) == 1, (name, values)


def test_the_ledger_fits_the_networks_of_section_4(edition):
    ledger, section_4 = edition["claims"], edition["04-models"]
    assert ledger["fit_widths"] == section_4["fit_widths"]
    assert ledger["random_label_epochs"] == section_4["random_label_epochs"]
    assert set(ledger["fit_widths"]) <= set(ledger["widths"])


def test_every_study_of_every_edition_can_be_asked_for(edition):
    ledger = edition["claims"]
    setting = Setting.of(ledger | {"data_root": "/somewhere"})
    runs = [run for group in studies.scalings(setting, ledger).values() for run in group]
    runs += studies.fit(setting, ledger["fit_widths"], ledger["random_label_epochs"])
    runs += studies.for_erf(setting, **{name: ledger[name] for name in ERF})
    assert {run.model.damped for run in runs} == {False, True}
