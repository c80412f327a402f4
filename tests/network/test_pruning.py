import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from repro.errors import InputError
from repro.experiment import ModelConfig, Recipe, Sparsity
from repro.network.convolutions import DampedConv2d
from repro.network.cp_resnet import build, convolutions, weight_count
from repro.network.pruning import (
    Pruner,
    add_masks,
    count_remaining,
    layer_targets,
    least_kept,
    remaining_schedule,
    remove_smallest,
)

LAYERS = {"a": 10, "b": 100, "c": 60, "d": 5}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def recipe(epochs, warmup_epochs=0):
    return Recipe(epochs=epochs, warmup_epochs=warmup_epochs)


def sequence(**weights):
    """A network of 1x1 convolutions from one channel, with the given weights."""
    layers = {}
    for name, values in weights.items():
        conv = nn.Conv2d(1, len(values), 1, bias=False)
        conv.weight.data = torch.tensor(values).view(-1, 1, 1, 1)
        layers[name] = conv
    return nn.ModuleDict(layers)


def kept(conv):
    return conv.get_buffer("mask").flatten().tolist()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (175, {"a": 10, "b": 100, "c": 60, "d": 5}),  # nothing to cut
        (160, {"a": 10, "b": 85, "c": 60, "d": 5}),  # the largest alone
        (135, {"a": 10, "b": 60, "c": 60, "d": 5}),  # down to the next largest
        (85, {"a": 10, "b": 35, "c": 35, "d": 5}),  # both together
        (86, {"a": 10, "b": 36, "c": 35, "d": 5}),  # the odd weight goes to the first in the order of the layers
        (22, {"a": 6, "b": 6, "c": 5, "d": 5}),  # three cut, one whole
        (7, {"a": 2, "b": 2, "c": 2, "d": 1}),  # all cut
        (4, {"a": 1, "b": 1, "c": 1, "d": 1}),
    ],
)
def test_water_filling_cuts_the_largest_layers_first(target, expected):
    targets = layer_targets(LAYERS, target)
    assert targets == expected
    assert list(targets) == list(LAYERS)


def test_water_filling_of_the_network_by_hand():
    # W = 8, D = 1, K = 0: 200; 576, 64; 576, 576; 576, 576; 576, 576; 1152, 2304, 128; 160. Of the 8040 weights 4000
    # are to stay. The four smallest layers keep their 552; 3448 are left to 9: 383 each, and one more for the first.
    convs = convolutions(build(ModelConfig(width=8, pointwise=0), generator()))
    counts = {name: conv.weight.numel() for name, conv in convs.items()}
    assert list(counts.values()) == [200, 576, 64, 576, 576, 576, 576, 576, 576, 1152, 2304, 128, 160]
    targets = layer_targets(counts, 4000)
    assert list(targets.values()) == [200, 384, 64, 383, 383, 383, 383, 383, 383, 383, 383, 128, 160]


def test_targets_out_of_reach_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"^sparsity.weights = 176: the network has only 175 conv weights"):
        layer_targets(LAYERS, 176)
    with pytest.raises(InputError, match=r"^sparsity.weights = 3: .* cannot go below 4"):
        layer_targets(LAYERS, 3)
    with pytest.raises(InputError, match="only 100 conv weights"):
        remaining_schedule(100, 101, 10)
    for start in (0, 8):
        with pytest.raises(InputError, match=rf"^sparsity.start = {start}: .* of 10 epochs starts .* by epoch 7"):
            remaining_schedule(100, 10, 10, start)
    model = build(ModelConfig(width=8, pointwise=0), generator())
    # one in a hundred of every layer, rounded up: 2 + 6 + 1 + 6 x 6 + 12 + 24 + 2 + 2
    with pytest.raises(InputError, match="cannot go below 85"):
        Pruner(model, Sparsity(method="iterative", weights=84), recipe(10), generator())
    assert count_remaining(model) == 8040 and not any("mask" in name for name, _ in model.named_buffers())


def test_static_masks_have_the_targets_and_never_change():
    model = build(ModelConfig(width=8, pointwise=0), generator())
    pruner = Pruner(model, Sparsity(method="static", weights=4000), recipe(5), generator(1))
    convs = convolutions(model)
    targets = layer_targets({name: conv.weight.numel() for name, conv in convs.items()}, 4000)
    masks = {name: conv.get_buffer("mask").clone() for name, conv in convs.items()}
    assert {name: int(mask.sum()) for name, mask in masks.items()} == targets
    assert count_remaining(model) == 4000
    for epoch in range(5):
        pruner.begin_epoch(epoch)
        for conv in convs.values():
            conv.weight.data.normal_()
        pruner.apply()
        for name, conv in convs.items():
            assert torch.equal(conv.get_buffer("mask"), masks[name])
            assert torch.equal(conv.weight != 0, masks[name])
    sparsity = pruner.sparsity_by_layer()
    assert sparsity["input.0"] == 0
    assert sparsity["blocks.0.conv1"] == pytest.approx(1 - 384 / 576)


def test_static_masks_are_uniform_within_a_layer_and_follow_the_generator():
    def mask(seed):
        model = sequence(a=[1.0] * 20_000)
        Pruner(model, Sparsity(method="static", weights=5_000), recipe(5), generator(seed))
        return model["a"].get_buffer("mask").flatten()

    first = mask(0)
    assert torch.equal(first, mask(0)) and not torch.equal(first, mask(1))
    # hypergeometric: 1250 of 5000 in every quarter, standard deviation 27
    assert all(abs(int(quarter.sum()) - 1250) < 100 for quarter in first.chunk(4))


def test_removed_numbers_decay_exponentially_to_the_exact_target():
    schedule = remaining_schedule(39_879_168, 626_752, 350)
    assert len(schedule) == 350
    assert schedule[0] == 39_879_168
    assert schedule[261] > 626_752 and schedule[262:] == [626_752] * 88  # 262 = floor(3/4 x 350)
    removed = [before - after for before, after in pairwise(schedule[:263])]
    factor = (626_752 / 39_879_168) ** (1 / 262)
    for earlier, later in pairwise(removed):
        assert later / earlier == pytest.approx(factor, abs=1e-3)
    assert remaining_schedule(1000, 10, 9) == [1000, 464, 215, 100, 46, 22, 10, 10, 10]
    assert remaining_schedule(1000, 10, 2) == [1000, 10]
    assert remaining_schedule(10, 10, 4) == [10] * 4


def test_the_first_weights_go_at_the_start_and_the_target_is_met_at_three_quarters():
    # from epoch 3 to epoch 6 = floor(3/4 x 9) a fourth of the way each, by the logarithm
    assert remaining_schedule(10_000, 1, 9, start=3) == [10_000, 10_000, 10_000, 1000, 100, 10, 1, 1, 1]
    assert remaining_schedule(1000, 10, 9, start=6) == [1000] * 6 + [10] * 3


def test_the_cubic_ramp():
    removed = [1000 - left for left in remaining_schedule(1000, 10, 9, ramp="cubic")]
    expected = [990 * math.exp(-((1 - t / 6) ** 3)) for t in range(7)]
    assert removed[0] == 0 and removed[6:] == [990] * 3
    assert removed[1:7] == pytest.approx(expected[1:], abs=1)


@pytest.mark.parametrize(("given", "first"), [(None, 3), (5, 5)])
def test_pruning_starts_after_the_warm_up_unless_told_otherwise(given, first):
    model = sequence(a=[0.1 * n for n in range(1, 101)])
    sparsity = Sparsity(method="iterative", weights=10, start=given)
    pruner = Pruner(model, sparsity, recipe(12, warmup_epochs=3), generator())
    left = []
    for epoch in range(12):
        pruner.begin_epoch(epoch)
        left.append(count_remaining(model))
    assert left[:first] == [100] * first and left[first] < 100
    assert left == remaining_schedule(100, 10, 12, first)


@pytest.mark.parametrize("epochs", range(2, 41))
def test_the_reported_last_tenth_of_the_epochs_is_at_the_target(epochs):
    tenth = -(-epochs // 10)
    assert set(remaining_schedule(1000, 10, epochs)[-tenth:]) == {10}


def test_the_smallest_magnitudes_of_the_whole_network_go():
    model = sequence(a=[0.5, -0.1, 3.0, 0.7], b=[-0.2, 0.6, 0.05, -2.0])
    pruner = Pruner(model, Sparsity(method="iterative", weights=5), recipe(2), generator())
    pruner.begin_epoch(0)
    assert count_remaining(model) == 8  # nothing goes before the first epoch is trained
    pruner.begin_epoch(1)
    assert kept(model["a"]) == [True, False, True, True]
    assert kept(model["b"]) == [False, True, False, True]
    assert model["b"].weight.flatten().tolist() == pytest.approx([0.0, 0.6, 0.0, -2.0])
    assert pruner.sparsity_by_layer() == {"a": 0.25, "b": 0.5}


def test_equal_magnitudes_go_in_the_order_of_the_layers():
    model = sequence(a=[1.0, 1.0, 1.0], b=[1.0, 1.0, 1.0])
    Pruner(model, Sparsity(method="iterative", weights=3), recipe(2), generator()).begin_epoch(1)
    assert kept(model["a"]) == [False, False, True]  # one weight of a layer stays
    assert kept(model["b"]) == [False, True, True]


def test_a_layer_stops_at_99_percent_and_the_others_lose_what_it_is_spared():
    assert [least_kept(count) for count in (1, 64, 100, 101, 200)] == [1, 1, 1, 2, 2]
    small = torch.linspace(0.001, 0.002, 200).tolist()
    large = torch.linspace(1, 2, 50).tolist()
    model = sequence(small=small, large=large)
    pruner = Pruner(model, Sparsity(method="iterative", weights=42), recipe(2), generator())
    pruner.begin_epoch(1)
    assert count_remaining(model) == 42
    assert kept(model["small"]) == [False] * 198 + [True] * 2
    assert kept(model["large"]) == [False] * 10 + [True] * 40
    assert pruner.sparsity_by_layer()["small"] == pytest.approx(0.99)


def test_damped_weights_go_first():
    conv = DampedConv2d(1, 1, 3, padding=1, bias=False, damping_min=0.1)
    conv.weight.data = torch.tensor([[[[5.0, 6.0, 7.0], [1.0, 1.1, 1.2], [8.0, 9.0, 9.5]]]])
    model = nn.Sequential(conv)
    Pruner(model, Sparsity(method="iterative", weights=3), recipe(2), generator()).begin_epoch(1)
    assert conv.get_buffer("mask").tolist() == [[[[False] * 3, [True] * 3, [False] * 3]]]  # 0.95 as used against 1


def test_raw_magnitudes_leave_the_damping_out():
    conv = DampedConv2d(1, 1, 3, padding=1, bias=False, damping_min=0.1)
    conv.weight.data = torch.tensor([[[[5.0, 6.0, 7.0], [1.0, 1.1, 1.2], [8.0, 9.0, 9.5]]]])
    model = nn.Sequential(conv)
    Pruner(model, Sparsity(method="iterative", weights=6, magnitude="raw"), recipe(2), generator()).begin_epoch(1)
    assert conv.get_buffer("mask").tolist() == [[[[True] * 3, [False] * 3, [True] * 3]]]


def test_without_the_guard_a_layer_may_lose_everything():
    model = sequence(small=[0.001] * 4, large=[1.0] * 4)
    Pruner(model, Sparsity(method="iterative", weights=4, guard=False), recipe(2), generator()).begin_epoch(1)
    assert kept(model["small"]) == [False] * 4 and kept(model["large"]) == [True] * 4


@pytest.mark.parametrize("seed", range(20))
def test_the_removed_weights_are_those_that_a_list_of_all_gives(seed):
    # few different magnitudes, so that many are equal
    draw = torch.randint(1, 5, (3, 40), generator=generator(seed)).float()
    model = sequence(**{name: row.tolist() for name, row in zip("abc", draw, strict=True)})
    add_masks(model)
    convs, least = convolutions(model), {"a": 1, "b": 30, "c": 0}
    for conv in convs.values():
        conv.get_buffer("mask")[::7] = False
    removable = []
    for order, (name, conv) in enumerate(convs.items()):
        weights = enumerate(conv.weight.flatten().tolist())
        left = sorted((value, order, place) for place, value in weights if kept(conv)[place])
        removable += left[: len(left) - least[name]]
    goes = {(order, place) for _, order, place in sorted(removable)[:25]}
    expected = [
        [was and (order, place) not in goes for place, was in enumerate(kept(conv))]
        for order, conv in enumerate(convs.values())
    ]
    remove_smallest(convs, 25, least)
    assert [kept(conv) for conv in convs.values()] == expected


def test_removed_weights_stay_zero_through_adams_momentum():
    model = build(ModelConfig(width=4, pointwise=0, damped=True), generator())
    pruner = Pruner(model, Sparsity(method="iterative", weights=300), recipe(8), generator())
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = remaining_schedule(count_remaining(model), 300, 8)
    inputs, labels = torch.randn(4, 1, 256, 24, generator=generator(1)), torch.arange(4)
    gone = {}
    for epoch in range(8):
        pruner.begin_epoch(epoch)
        assert count_remaining(model) == schedule[epoch]
        for _ in range(2):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimiser.step()
            pruner.apply()
        for name, conv in convolutions(model).items():
            mask = conv.get_buffer("mask")
            assert not conv.weight[~mask].any()
            assert not (mask & gone.get(name, torch.zeros_like(mask))).any(), "a removed weight came back"
            gone[name] = ~mask
    remaining_nonzero = sum(int((conv.weight != 0).sum()) for conv in convolutions(model).values())
    assert count_remaining(model) == remaining_nonzero == 300
    # the momentum is there: without the mask the next step would move them
    first = convolutions(model)["input.0"]
    assert optimiser.state[first.weight]["exp_avg"][~first.get_buffer("mask")].abs().max() > 0


def test_masks_do_not_depend_on_the_memory_format():
    masks = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        model = build(ModelConfig(width=4), generator())
        for conv in convolutions(model).values():
            nn.init.normal_(conv.weight, generator=generator(2))
        model.to(memory_format=memory_format)
        Pruner(model, Sparsity(method="iterative", weights=500), recipe(2), generator()).begin_epoch(1)
        assert count_remaining(model) == 500
        masks.append([conv.get_buffer("mask") for conv in convolutions(model).values()])
    assert all(torch.equal(one, other) for one, other in zip(*masks, strict=True))


def test_masks_are_saved_loaded_and_resumed():
    config, sparsity = ModelConfig(width=4, pointwise=0), Sparsity(method="iterative", weights=400)
    model = build(config, generator())
    pruner = Pruner(model, sparsity, recipe(4), generator())
    pruner.begin_epoch(2)
    halfway = {name: value.clone() for name, value in model.state_dict().items()}
    pruner.begin_epoch(3)

    resumed = build(config, generator(9))
    again = Pruner(resumed, sparsity, recipe(4), generator(9))
    resumed.load_state_dict(halfway)
    again.begin_epoch(3)
    for conv, other in zip(convolutions(model).values(), convolutions(resumed).values(), strict=True):
        assert torch.equal(conv.get_buffer("mask"), other.get_buffer("mask"))
        assert torch.equal(conv.weight, other.weight)

    loaded = build(config, generator(9))
    assert count_remaining(loaded) == weight_count(config)
    add_masks(loaded)
    loaded.load_state_dict(model.state_dict())
    assert count_remaining(loaded) == 400


def test_masks_move_with_the_model():
    model = sequence(a=[1.0, 2.0, 3.0])
    Pruner(model, Sparsity(method="static", weights=2), recipe(2), generator())
    model.to("meta")
    assert model["a"].get_buffer("mask").device.type == "meta"
