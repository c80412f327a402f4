import math
from dataclasses import replace

import pytest
import tiny
import torch

from repro.config import Recipe, Sparsity
from repro.errors import InputError
from repro.model import CPResNet, count_weights
from repro.train import Epoch, Outcome, Streams, learning_rate, reported_epochs, train, training_labels


@pytest.fixture(scope="module")
def outcome(toy_inputs) -> Outcome:
    return train(tiny.experiment(), toy_inputs)


def timeless(epochs: tuple[Epoch, ...]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in epochs]


def same(first: Outcome, second: Outcome) -> bool:
    return (
        timeless(first.epochs) == timeless(second.epochs)
        and (first.predictions == second.predictions).all()
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


def test_every_epoch_is_recorded_and_the_test_clips_classified_three_times(outcome):
    assert [epoch.epoch for epoch in outcome.epochs] == list(range(6))
    assert [epoch.learning_rate for epoch in outcome.epochs] == [
        learning_rate(epoch, tiny.experiment().recipe) for epoch in range(6)
    ]
    assert [epoch.epoch for epoch in outcome.epochs if epoch.seen is not None] == [1, 3, 5]
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
    classes = model.eval()(toy_inputs.standardised(toy_inputs.train)).argmax(1)
    true = toy_inputs.labels[toy_inputs.split.train]
    drawn = training_labels(true, Recipe(labels="random"), Streams(5).labels)
    hits = {name: int((classes == labels).sum()) for name, labels in (("true", true), ("drawn", drawn))}
    assert memorised.train_accuracy == pytest.approx(hits["drawn"] / 12)
    assert hits["drawn"] != hits["true"], "one cannot be told from the other"


@pytest.mark.parametrize("method", ["static", "iterative"])
def test_a_sparse_training_ends_with_exactly_the_weights_it_was_to_leave(toy_inputs, method):
    dense = count_weights(CPResNet(tiny.experiment().model, 2))
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
    monkeypatch.setattr(toy_inputs, "mean", torch.full_like(toy_inputs.mean, math.nan))
    with pytest.raises(FloatingPointError, match="the loss of epoch 0 is nan"):
        train(tiny.experiment(), toy_inputs)
