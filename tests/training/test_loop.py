import math
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from repro.erf.gradient import effective_receptive_field
from repro.errors import InputError
from repro.experiment import Recipe, Sparsity
from repro.network.cp_resnet import CPResNet, build
from repro.network.pruning import count_remaining
from repro.training.checkpoint import Checkpoints
from repro.training.device import memory_format
from repro.training.loop import (
    Epoch,
    Outcome,
    Streams,
    Training,
    classify,
    learning_rate,
    measured_epochs,
    reported_epochs,
    train,
    training_labels,
)


@pytest.fixture(scope="module")
def outcome(toy_inputs) -> Outcome:
    return train(tiny.experiment(), toy_inputs)


def timeless(epochs: tuple[Epoch, ...]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in epochs]


def same(first: Outcome, second: Outcome) -> bool:
    return (
        timeless(first.epochs) == timeless(second.epochs)
        and np.array_equal(first.predictions, second.predictions)
        and first.train_accuracy == second.train_accuracy
        and first.layer_sparsity == second.layer_sparsity
        and all(torch.equal(value, second.weights[name]) for name, value in first.weights.items())
    )


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 8.624700856e-07),  # 1e-4 exp(-5 (1 - 0.025)^2)
        (1, 1.097099837e-06),  # 1e-4 exp(-5 (1 - 0.05)^2)
        (10, 2.865047969e-05),  # 1e-4 exp(-5 / 4)
        (19, 9.875778005e-05),  # 1e-4 exp(-5 x 0.05^2)
        (20, 1e-4),
        (135, 5.028384279e-05),  # 1e-4 - (1e-4 - 1e-6) x 115 / 229
        (249, 1e-6),
    ],
)
def test_learning_rate_of_the_papers_recipe(epoch, rate):
    assert learning_rate(epoch, Recipe()) == pytest.approx(rate, rel=1e-9)


def test_learning_rate_without_warm_up_and_of_a_single_epoch():
    assert [learning_rate(epoch, Recipe(epochs=3, warmup_epochs=0, min_lr=0)) for epoch in range(3)] == pytest.approx(
        [1e-4, 5e-5, 0]
    )
    assert learning_rate(0, Recipe(epochs=1, warmup_epochs=0)) == 1e-4
    # the one epoch after the warm-up is its summit, not yet the end of the fall
    assert learning_rate(1, Recipe(epochs=2, warmup_epochs=1)) == 1e-4


@pytest.mark.parametrize(
    ("epochs", "reported"),
    [
        (350, range(340, 350)),
        (250, range(240, 250)),
        (100, range(90, 100)),
        (12, range(10, 12)),
        (10, range(9, 10)),
        (5, range(4, 5)),
        (1, range(0, 1)),
    ],
)
def test_reported_epochs(epochs, reported):
    assert reported_epochs(epochs) == reported


@pytest.mark.parametrize(
    ("epochs", "measured"),
    [
        (1, [0]),
        (6, [5]),
        (12, [9, 10, 11]),
        (30, [9, 19, 27, 28, 29]),
        (250, [*range(9, 240, 10), *range(240, 250)]),
        (1000, [*range(39, 990, 40), *range(990, 1000)]),
    ],
)
def test_measured_epochs(epochs, measured):
    assert measured_epochs(epochs) == measured


def test_random_labels_are_the_true_ones_in_a_random_order_drawn_from_the_seed():
    true = torch.arange(10).repeat_interleave(20)
    assert training_labels(true, Recipe(), Streams(0).labels) is true
    random = Recipe(labels="random")
    drawn = [training_labels(true, random, Streams(seed).labels) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(drawn[0].sort().values, true)
    assert 5 < int((drawn[0] == true).sum()) < 35  # 20 of the 200 by chance, standard deviation 4


def test_the_streams_of_a_seed_differ():
    streams = vars(Streams(0)).values()
    assert len({int(torch.randint(2**62, (1,), generator=stream)) for stream in streams}) == 5


def test_an_easy_set_is_learnt(outcome, toy_inputs):
    split = toy_inputs.split
    assert (len(split.train), len(split.seen), len(split.unseen)) == (12, 4, 4)
    last = outcome.epochs[-1]
    assert (last.seen, last.unseen, outcome.train_accuracy) == (1.0, 1.0, 1.0)
    assert last.loss < outcome.epochs[0].loss
    assert outcome.predictions.tolist() == [toy_inputs.labels[split.test].tolist()]
    assert outcome.layer_sparsity == ()


def test_every_epoch_is_recorded_and_the_test_clips_are_classified_at_the_end(outcome):
    assert [epoch.epoch for epoch in outcome.epochs] == list(range(6))
    assert [epoch.learning_rate for epoch in outcome.epochs] == [
        learning_rate(epoch, tiny.experiment().recipe) for epoch in range(6)
    ]
    assert [epoch.epoch for epoch in outcome.epochs if epoch.seen is not None] == [5]
    assert all((epoch.seen is None) == (epoch.unseen is None) for epoch in outcome.epochs)
    assert all(math.isfinite(epoch.loss) and epoch.seconds > 0 for epoch in outcome.epochs)


def test_progress_is_told_every_epoch(toy_inputs):
    told = []
    train(tiny.experiment(epochs=3), toy_inputs, told.append)
    assert told == [0, 1, 2]


@pytest.mark.parametrize(("width", "damped"), [(2, False), (8, True)])
def test_a_seed_gives_the_same_outcome_bit_for_bit_and_another_seed_another(toy_inputs, width, damped):
    first, again, other = (train(tiny.experiment(width, damped, seed=seed, epochs=2), toy_inputs) for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)
    assert first.epochs[0].loss != other.epochs[0].loss


def test_augmentation_and_labels_make_a_difference(toy_inputs):
    plain = tiny.experiment(epochs=2, roll="off", mixup_alpha=0.0)
    losses = {
        name: train(experiment, toy_inputs).epochs[-1].loss
        for name, experiment in {
            "plain": plain,
            "roll": tiny.experiment(epochs=2, mixup_alpha=0.0),
            "mix-up": tiny.experiment(epochs=2, roll="off"),
            "labels": tiny.experiment(epochs=2, roll="off", mixup_alpha=0.0, labels="random"),
        }.items()
    }
    assert len(set(losses.values())) == 4


def test_nothing_is_drawn_from_the_global_generator(toy_inputs, outcome):
    torch.manual_seed(1234)
    assert same(train(tiny.experiment(), toy_inputs), outcome)


def test_the_training_accuracy_is_measured_against_the_labels_that_were_trained_with(toy_inputs):
    memorised = train(tiny.experiment(seed=5, labels="random", mixup_alpha=0.0), toy_inputs)
    model = CPResNet(tiny.experiment().model, 2)
    model.load_state_dict({name: memorised.weights[name] for name in model.state_dict()})
    waveforms = torch.from_numpy(toy_inputs.clips.waveforms[toy_inputs.split.train])
    classes = model.eval()(toy_inputs.standardised(waveforms)).argmax(1)
    true = toy_inputs.labels[toy_inputs.split.train]
    drawn = training_labels(true, Recipe(labels="random"), Streams(5).labels)
    hits = {name: int((classes == labels).sum()) for name, labels in (("true", true), ("drawn", drawn))}
    assert memorised.train_accuracy == pytest.approx(hits["drawn"] / 12)
    assert hits["drawn"] != hits["true"], "one cannot be told from the other"


@pytest.mark.parametrize("method", ["static", "iterative"])
def test_a_sparse_training_ends_with_exactly_the_weights_it_was_to_leave(toy_inputs, method):
    dense = count_remaining(CPResNet(tiny.experiment().model, 2))
    outcome = train(tiny.experiment(sparsity=Sparsity(method=method, weights=200)), toy_inputs)
    masks = {name.removesuffix("mask"): mask for name, mask in outcome.weights.items() if name.endswith(".mask")}
    assert sum(mask.numel() for mask in masks.values()) == dense > 200
    assert sum(int(mask.sum()) for mask in masks.values()) == 200
    for layer, mask in masks.items():
        assert not outcome.weights[f"{layer}weight"][~mask].any()
    assert len(outcome.layer_sparsity) == 6
    removed = [
        sum(share * masks[f"{name}."].numel() for name, share in epoch.items()) for epoch in outcome.layer_sparsity
    ]
    assert removed[-1] == pytest.approx(dense - 200)
    assert removed[0] == pytest.approx(dense - 200 if method == "static" else 0)
    assert removed == sorted(removed)


def test_a_sparsity_out_of_reach_is_refused(toy_inputs):
    with pytest.raises(InputError, match=r"^sparsity.weights = 100000: the network has only \d+ conv weights"):
        train(tiny.experiment(sparsity=Sparsity(method="static", weights=100_000)), toy_inputs)


def test_a_loss_that_is_no_longer_finite_ends_the_training(toy_inputs, monkeypatch):
    batches = toy_inputs.epoch

    def poisoned(*arguments):
        return ((places, inputs * math.nan) for places, inputs in batches(*arguments))

    monkeypatch.setattr(toy_inputs, "epoch", poisoned)
    with pytest.raises(FloatingPointError, match="the loss of epoch 0 is nan"):
        train(tiny.experiment(), toy_inputs)


@pytest.mark.parametrize(
    ("device", "precision", "width", "layout"),
    [
        ("cpu", "fp32", 7, torch.contiguous_format),
        ("cpu", "bf16", 8, torch.channels_last),
        ("cpu", "fp32", 64, torch.channels_last),
        ("cpu", "bf16", 65, torch.contiguous_format),
        ("cuda", "fp32", 8, torch.contiguous_format),
        ("cuda", "bf16", 512, torch.channels_last),
    ],
)
def test_memory_format(device, precision, width, layout):
    assert memory_format(width, precision, torch.device(device)) is layout


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_only_the_arithmetic_of_full_batches_and_of_the_rest_is_in_the_precision(toy_inputs, precision):
    seen = []

    def spy(module, _, output):
        seen.append((module.training, output.dtype))

    training = Training(tiny.experiment(epochs=1, warmup_epochs=0, batch_size=5, precision=precision), toy_inputs)
    training._model.input[0].register_forward_hook(spy)
    training.run_epoch()
    training.outcome()
    arithmetic = torch.bfloat16 if precision == "bf16" else torch.float32
    assert seen == [(True, arithmetic)] * 3 + [(False, torch.float32)] * 4
    # 12 clips in fives; 8 to test on; 12 in tens; the 4 of unseen devices for the receptive field


@pytest.mark.parametrize("width", [2, 8])
def test_bf16_changes_the_loss_a_little_and_the_weights_type_not_at_all(toy_inputs, width):
    exact, coarse = (  # at a rate at which the differences do not multiply
        train(tiny.experiment(width, epochs=2, max_lr=1e-4, precision=precision), toy_inputs)
        for precision in ("fp32", "bf16")
    )
    losses = exact.epochs[-1].loss, coarse.epochs[-1].loss
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], rel=0.05)
    types = [{name: value.dtype for name, value in outcome.weights.items()} for outcome in (exact, coarse)]
    assert types[0] == types[1]
    assert {dtype for name, dtype in types[1].items() if "num_batches" not in name} == {torch.float32}


def test_full_batches_go_through_the_graph_and_the_last_smaller_one_does_not(toy_inputs):
    experiment = tiny.experiment(epochs=2, batch_size=5)
    training, sizes = Training(experiment, toy_inputs), []
    model = training._model
    assert training._step_model is model  # nothing is recorded for a CPU

    class Graph(torch.nn.Module):
        def forward(self, batch):
            sizes.append(len(batch))
            return model(batch)

    training._step_model = Graph()
    while training.epoch < 2:
        training.run_epoch()
    assert sizes == [5, 5] * 2
    assert same(training.outcome(), train(experiment, toy_inputs))


@pytest.mark.parametrize("sparsity", [None, Sparsity(method="iterative", weights=200)])
def test_recording_a_network_changes_nothing(toy_inputs, monkeypatch, sparsity):
    # The CPU stands in for a GPU, with a GPU's order in memory in both trainings; tests/gpu has the real graphs.
    monkeypatch.setattr("repro.training.loop.memory_format", lambda *_: torch.channels_last)
    experiment = tiny.experiment(2, epochs=2, batch_size=4, sparsity=sparsity)
    expected, recorded = train(experiment, toy_inputs), []

    def record(module, samples):
        for _ in range(3):
            module(*samples)
        recorded.append(tuple(samples[0].shape))
        return module

    monkeypatch.setattr("repro.training.loop.is_gpu", lambda device: True)
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    assert same(train(experiment, toy_inputs), expected)
    assert recorded == [(4, 1, 256, toy_inputs.frames)]


CONTINUED = {
    f"{name}-{'damped' if damped else 'base'}-{width}": tiny.experiment(width, damped, sparsity=sparsity, epochs=4)
    for name, sparsity in {
        "dense": None,
        "static": Sparsity(method="static", weights=200),
        "iterative": Sparsity(method="iterative", weights=200),
    }.items()
    for damped, width in ((False, 2), (True, 2), (True, 8))
} | {
    "bf16": tiny.experiment(epochs=4, precision="bf16"),
    "random labels, rolled by samples": tiny.experiment(epochs=4, labels="random", roll="samples", batch_size=5),
    "two reported epochs": tiny.experiment(epochs=12),
}


@pytest.mark.parametrize("name", CONTINUED)
def test_a_training_continued_after_any_epoch_ends_in_the_same_bits(toy_inputs, tmp_path, name):
    experiment = CONTINUED[name]
    undisturbed = train(experiment, toy_inputs)
    training, last = Training(experiment, toy_inputs), experiment.recipe.epochs
    for epoch in range(max(1, last - 3), last):
        while training.epoch < epoch:
            training.run_epoch()
        Checkpoints(tmp_path / str(epoch)).save(training.state())
    for folder in sorted(tmp_path.iterdir()):
        saved = Checkpoints(folder).latest()
        assert saved is not None and str(saved.epoch) == folder.name
        continued = Training(experiment, toy_inputs)
        continued.restore(saved)
        while continued.epoch < last:
            continued.run_epoch()
        assert same(continued.outcome(), undisturbed), saved.epoch
    assert len(undisturbed.predictions) == (2 if last == 12 else 1)


def test_predictions_come_back_in_their_order(toy_inputs, tmp_path):
    training, restored = (Training(tiny.experiment(), toy_inputs) for _ in range(2))
    training.run_epoch()
    training._predictions = [torch.full((8,), epoch, dtype=torch.uint8) for epoch in range(11)]
    Checkpoints(tmp_path / "run").save(training.state())
    saved = Checkpoints(tmp_path / "run").latest()
    assert saved is not None
    restored.restore(saved)
    assert torch.stack(restored._predictions)[:, 0].tolist() == list(range(11))


class Interrupted(BaseException):
    """Stands for a keyboard interrupt or a killed process."""


def test_train_saves_every_due_epoch_but_the_last_and_continues_where_it_was_interrupted(toy_inputs, tmp_path):
    experiment = tiny.experiment(epochs=5)
    told: list[int] = []

    def interrupt(epoch: int) -> None:
        told.append(epoch)
        if epoch == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(experiment, toy_inputs, interrupt, Checkpoints(tmp_path / "run", 0.0))
    assert told == [0, 1, 2]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["00003"]
    told.clear()
    continued = train(experiment, toy_inputs, told.append, Checkpoints(tmp_path / "run", 0.0))
    assert told == [0, 1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["00004"]
    assert same(continued, train(experiment, toy_inputs))


def test_a_checkpoint_is_what_the_training_continues_from(toy_inputs, tmp_path):
    """Of the epochs that were trained before, those measured then are told: they are not trained again."""
    experiment, checkpoints = tiny.experiment(epochs=3), Checkpoints(tmp_path / "run", 0.0)
    first = train(experiment, toy_inputs, checkpoints=checkpoints)
    second = train(experiment, toy_inputs, checkpoints=checkpoints)
    assert [epoch.seconds for epoch in second.epochs[:2]] == [epoch.seconds for epoch in first.epochs[:2]]
    assert second.epochs[2].seconds != first.epochs[2].seconds


def test_nothing_is_saved_before_it_is_due(toy_inputs, tmp_path):
    train(tiny.experiment(epochs=2), toy_inputs, checkpoints=Checkpoints(tmp_path / "run", 1e9))
    assert not (tmp_path / "run").exists()


def test_the_outcome_carries_the_receptive_field_and_the_weights_left(toy_inputs, outcome):
    assert (outcome.erf.shape, outcome.erf.dtype) == ((256, toy_inputs.frames), np.float16)
    assert outcome.erf.min() >= 0 and outcome.erf.max() == 1
    network = build(tiny.experiment().model, torch.Generator(), 2)
    network.load_state_dict(
        {
            name: value
            for name, value in outcome.weights.items()
            if not name.startswith("input.m") and name != "input.deviation"
        }
    )
    expected = effective_receptive_field(network.eval(), toy_inputs.unseen_batches())
    np.testing.assert_allclose(outcome.erf, (expected / expected.max()).numpy(), atol=1e-3)
    # W = 2, D = 1, K = 0: 5x5 input; 3x3 and 1x1; three blocks of two 3x3; two 3x3 and a shortcut to 4; classifier
    assert list(outcome.layer_weights.values()) == [50, 36, 4, 36, 36, 36, 36, 36, 36, 72, 144, 8, 8]
    sparse = train(tiny.experiment(sparsity=Sparsity(method="static", weights=200)), toy_inputs)
    assert sum(sparse.layer_weights.values()) == 200


def test_classifying_leaves_the_mode_of_the_network_as_it_was(toy_inputs):
    network = build(tiny.experiment().model, torch.Generator(), 2)
    for training in (True, False):
        classify(network.train(training), toy_inputs.test_batches())
        assert network.training is training
