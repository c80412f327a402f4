import pytest
from pydantic import ValidationError

from repro import experiment as config
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe, Sparsity

FINGERPRINT = "0123456789abcdef" * 4
PAPER = {"data": DataConfig(name="tau2020", root="/data/tau")}


def key(**values) -> str:
    return Experiment(**PAPER | values).key(FINGERPRINT)


def test_the_key_of_the_papers_baseline():
    """Every key of every store changes with the canonical form: if it has to, raise RECIPE_VERSION and pin again."""
    assert key() == "6c0676a68c5ef102b453"


def test_the_key_does_not_depend_on_how_an_experiment_is_written():
    written_out = Experiment(
        seed=0,
        sparsity=None,
        recipe=Recipe(
            labels="true",
            roll="hops",
            mixup_alpha=0.3,
            batch_size=10,
            min_lr=1e-6,
            max_lr=1e-4,
            warmup_epochs=20,
            epochs=250,
        ),
        model=ModelConfig(damping_min=0.1, damped=False, pointwise=1, depth=1, width=32),
        data=DataConfig(seed=0, clips=4, clip_seconds=10, impulse_responses="", root="/data/tau", name="tau2020"),
    )
    assert written_out.key(FINGERPRINT) == key()
    assert Experiment(**{"data": {"root": "/x", "name": "tau2020"}}).key(FINGERPRINT) == key()
    assert key(model=ModelConfig(damping_min=1)) == key(model=ModelConfig(damping_min=1.0))
    assert key(recipe=Recipe(mixup_alpha=0)) == key(recipe=Recipe(mixup_alpha=0.0))


def test_the_key_does_not_depend_on_where_the_recordings_lie():
    elsewhere = DataConfig(name="tau2020", root="/mnt/elsewhere", impulse_responses="/mnt/microphones")
    assert key(data=elsewhere) == key()


def test_synthetic_clips_and_their_seed_are_part_of_the_key():
    assert len({key(data=data) for data in (DataConfig(), DataConfig(clips=3), DataConfig(seed=1))}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"data": DataConfig(name="esc10", root="/data/tau")},
        {"data": DataConfig(name="tau2020", root="/data/tau", clip_seconds=5)},
        {"data": DataConfig(name="esc10", root="/data/tau", fold=1)},
        {"data": DataConfig(name="esc10", root="/data/tau", microphones_each=6)},
        {"model": ModelConfig(width=64)},
        {"model": ModelConfig(depth=2)},
        {"model": ModelConfig(pointwise=2)},
        {"model": ModelConfig(damped=True)},
        {"model": ModelConfig(damping_min=0.01)},
        {"recipe": Recipe(epochs=350)},
        {"recipe": Recipe(warmup_epochs=10)},
        {"recipe": Recipe(max_lr=1e-3)},
        {"recipe": Recipe(min_lr=0)},
        {"recipe": Recipe(batch_size=20)},
        {"recipe": Recipe(mixup_alpha=0)},
        {"recipe": Recipe(roll="off")},
        {"recipe": Recipe(labels="random")},
        {"sparsity": Sparsity(method="static", weights=1000)},
        {"sparsity": Sparsity(method="iterative", weights=1000, start=2)},
        {"sparsity": Sparsity(method="iterative", weights=1000, ramp="cubic")},
        {"sparsity": Sparsity(method="iterative", weights=1000, magnitude="raw")},
        {"sparsity": Sparsity(method="iterative", weights=1000, guard=False)},
        {"seed": 1},
    ],
    ids=str,
)
def test_the_key_changes_with_every_field_that_matters(change):
    assert key(**change) != key()


def test_the_key_changes_with_method_and_number_of_a_sparsity():
    keys = {
        key(sparsity=Sparsity(method=method, weights=weights))
        for method in ("static", "iterative")
        for weights in (1000, 1001)
    }
    assert len(keys) == 4


def test_the_key_changes_with_the_recordings_and_with_the_version_of_the_recipe(monkeypatch):
    assert Experiment(**PAPER).key("f" * 64) != key()
    before = key()
    monkeypatch.setattr(config, "RECIPE_VERSION", config.RECIPE_VERSION + 1)
    assert key() != before


def test_an_experiment_is_read_back_from_its_plain_values():
    experiment = Experiment(
        **PAPER, model=ModelConfig(width=64, damped=True), sparsity=Sparsity(method="static", weights=9), seed=2
    )
    assert Experiment(**experiment.model_dump(mode="json")) == experiment


def test_an_experiment_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Experiment(**PAPER).seed = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelConfig(width=0), "ModelConfig.width = 0: input should be greater than or equal to 1"),
        (lambda: ModelConfig(width=-8), "ModelConfig.width = -8: input should be greater than or equal to 1"),
        (lambda: ModelConfig(width=2.5), "ModelConfig.width = 2.5: input should be a valid integer"),
        (lambda: ModelConfig(width=8.0), "ModelConfig.width = 8.0: input should be a valid integer"),
        (lambda: ModelConfig(width="8"), "ModelConfig.width = '8': input should be a valid integer"),
        (lambda: ModelConfig(width=True), "ModelConfig.width = True: input should be a valid integer"),
        (lambda: ModelConfig(depth=0), "ModelConfig.depth = 0: input should be greater than or equal to 1"),
        (lambda: ModelConfig(pointwise=-1), "ModelConfig.pointwise = -1: input should be greater than or equal to 0"),
        (lambda: ModelConfig(damping_min=0), "ModelConfig.damping_min = 0: input should be greater than 0"),
        (lambda: ModelConfig(depht=2), "ModelConfig.depht = 2: extra inputs are not permitted"),
        (lambda: Recipe(epochs=20), "warmup_epochs (20) must be smaller than epochs (20)"),
        (lambda: Recipe(min_lr=1e-3), "min_lr (0.001) must not be larger than max_lr (0.0001)"),
        (lambda: Recipe(max_lr=float("nan")), "Recipe.max_lr = nan: input should be a finite number"),
        (lambda: Recipe(labels="shuffled"), "Recipe.labels = 'shuffled': input should be 'true' or 'random'"),
        (lambda: Sparsity(method="static"), "Sparsity.weights: field required"),
        (lambda: DataConfig(name="esc10"), "data set 'esc10' needs the folder of its recordings: set data_root"),
        (
            lambda: DataConfig(fold=1),
            "'synthetic' has no folds and no microphones: leave folds, microphones and microphones_each out",
        ),
        (
            lambda: DataConfig(microphones=5),
            "'synthetic' has no folds and no microphones: leave folds, microphones and microphones_each out",
        ),
        (
            lambda: DataConfig(name="esc10", root="data", clips=3),
            "'esc10' holds recordings, not clips that are made here: leave clips and seed out",
        ),
        (
            lambda: DataConfig(name="tau2020", root="data", seed=1),
            "'tau2020' holds recordings, not clips that are made here: leave clips and seed out",
        ),
        (
            lambda: Sparsity(method="static", weights=9, ramp="cubic"),
            "start, ramp, magnitude and guard are for iterative pruning: leave them out for 'static'",
        ),
        (
            lambda: DataConfig(name="dcase"),
            "DataConfig.name = 'dcase': input should be 'synthetic', 'esc10' or 'tau2020'",
        ),
        (
            lambda: Experiment(data=DataConfig(clip_seconds=0.3)),
            "data.clip_seconds = 0.3: must be at least 0.4",
        ),
        (lambda: Experiment(**PAPER, seed=-1), "Experiment.seed = -1: input should be greater than or equal to 0"),
        (lambda: Experiment(**{}), "Experiment.data: field required"),
        (
            lambda: Experiment(**{"data": {"clips": 0}}),
            "DataConfig.clips = 0: input should be greater than or equal to 1",
        ),
        (
            lambda: Experiment(**{"data": {}, "recipe": {"epochs": 3}}),
            "warmup_epochs (20) must be smaller than epochs (3)",
        ),
        (
            lambda: Experiment(**{"data": {}, "sparsity": {"method": "static", "weights": 0}}),
            "Sparsity.weights = 0: input should be greater than or equal to 1",
        ),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(make, message):
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == message


def test_what_is_trained_in_words():
    data = DataConfig(name="esc10", root="/data", fold=3)
    sparse = Experiment(data=data, model=ModelConfig(damped=True), sparsity=Sparsity(method="static", weights=10_248))
    assert sparse.network == "W=32 D=1 K=1, damped, static to 10,248 weights"
    bare = Sparsity(method="iterative", weights=100, guard=False)
    assert Experiment(data=data, sparsity=bare).network == "W=32 D=1 K=1, base, iterative to 100 weights without guard"
    assert Experiment(**PAPER, recipe=Recipe(labels="random")).network == "W=32 D=1 K=1, base, random labels"
    assert Experiment(data=data, seed=2).replicate == (3, 2)
