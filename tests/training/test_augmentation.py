import math

import numpy as np
import pytest
import torch
from scipy import stats

from repro.training.augmentation import Mixup, draw_shifts, roll


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.int16, torch.float32])
def test_roll_against_numpy(dtype):
    waves = (torch.randn(6, 101, generator=generator()) * 1000).to(dtype)
    shifts = torch.tensor([0, 1, 50, 100, 101, 250])
    rolled = roll(waves, shifts)
    assert rolled.dtype == dtype
    for wave, shift, result in zip(waves, shifts, rolled, strict=True):
        np.testing.assert_array_equal(result.numpy(), np.roll(wave.numpy(), int(shift)))


def test_shifts_are_uniform_over_the_whole_clip():
    shifts = draw_shifts(20_000, 1000, generator())
    assert shifts.dtype == torch.int64 and int(shifts.min()) == 0 and int(shifts.max()) == 999
    counts = np.bincount(shifts.numpy() // 50, minlength=20)
    assert stats.chisquare(counts).pvalue > 0.01
    assert torch.equal(shifts, draw_shifts(20_000, 1000, generator()))
    assert not torch.equal(shifts, draw_shifts(20_000, 1000, generator(1)))


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_share_is_a_folded_beta_draw_for_every_example(alpha):
    share = Mixup.draw(5000, alpha, generator()).share
    assert share.shape == (5000,) and share.dtype == torch.float32
    assert float(share.min()) >= 0.5 and float(share.max()) <= 1.0
    beta = stats.beta(alpha, alpha)
    # of a symmetric draw X, max(X, 1 - X) <= x as often as 1 - x <= X <= x
    assert stats.kstest(share.double().numpy(), lambda x: beta.cdf(x) - beta.cdf(1 - x)).pvalue > 0.01


def test_a_tiny_alpha_gives_numbers():
    assert torch.isfinite(Mixup.draw(10_000, 0.05, generator()).share).all()


def test_partners_are_a_permutation():
    mixup = Mixup.draw(50, 0.3, generator())
    assert mixup.partner.dtype == torch.int64
    assert sorted(mixup.partner.tolist()) == list(range(50))
    again = Mixup.draw(50, 0.3, generator())
    assert torch.equal(mixup.partner, again.partner) and torch.equal(mixup.share, again.share)


def test_alpha_zero_mixes_nothing():
    mixup = Mixup.draw(4, 0.0, generator())
    features, labels = torch.randn(4, 3, 5, generator=generator()), torch.arange(4)
    logits = torch.randn(4, 6, generator=generator())
    assert torch.equal(mixup.inputs(features), features)
    torch.testing.assert_close(mixup.loss(logits, labels), torch.nn.functional.cross_entropy(logits, labels))


def test_inputs_and_loss_are_the_same_mixture_by_hand():
    mixup = Mixup(torch.tensor([0.75, 0.5, 1.0]), torch.tensor([2, 0, 1]))
    features = torch.tensor([[[[4.0, 8.0]]], [[[0.0, 2.0]]], [[[8.0, 0.0]]]])
    mixed = mixup.inputs(features)
    assert mixed.shape == (3, 1, 1, 2)
    assert mixed.view(3, 2).tolist() == [[5.0, 6.0], [2.0, 5.0], [8.0, 0.0]]

    # three examples, two classes; softmax of (ln a, ln b) is (a, b) / (a + b)
    logits = torch.log(torch.tensor([[1.0, 3.0], [1.0, 1.0], [4.0, 1.0]]))
    labels = torch.tensor([0, 1, 1])
    first = 0.75 * -math.log(1 / 4) + 0.25 * -math.log(3 / 4)  # labels 0 and, of clip 2, 1
    second = 0.5 * -math.log(1 / 2) + 0.5 * -math.log(1 / 2)  # labels 1 and, of clip 0, 0
    third = -math.log(1 / 5)  # its own label alone
    assert float(mixup.loss(logits, labels)) == pytest.approx((first + second + third) / 3, rel=1e-6)


def test_a_roll_is_of_the_shifts_device():
    waves, shifts = torch.empty(2, 5, device="meta"), torch.empty(2, dtype=torch.int64, device="meta")
    assert roll(waves, shifts).device.type == "meta"


def test_a_draw_moves_to_a_device():
    moved = Mixup.draw(3, 0.3, generator()).to(torch.device("meta"))
    assert moved.share.device.type == moved.partner.device.type == "meta"
