# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4 Creating over-parameterized models
#
# One family of networks carries the whole study: a residual network with a small receptive field, known as CP-ResNet
# {cite}`koutini2019receptive`. Three numbers scale it. $W$ is the number of channels of its first stage, $D$ the number
# of 3×3 blocks behind the last pooling, and $K$ the number of 1×1 blocks after those. This page builds it, counts it,
# and asks how much of a training set it can memorise.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # the name shown at the top of the page
dataset: str = "synthetic"  # "synthetic", "esc10" or "tau2020" (the paper's)
data_root: str = (
    ""  # folder of the real recordings; not needed for the synthetic ones
)
impulse_responses: str = ""  # folder of measured microphones, for esc10 only
microphones: int = 0  # esc10 only: how many of them; 0 for all
split: str = "paper"  # or "official", tau2020 only
clip_seconds: float = 4.0  # length that clips are cut to, in s; the paper: 10
clips: int = (
    3  # synthetic only: clips that device a records of every scene in every city
)
seeds: list[int] = [0, 1]  # one run each; the paper: 3 runs
epochs: int = 6  # the paper: 250
warmup_epochs: int = 1  # the paper: 20
max_lr: float = 5e-3  # largest learning rate; the paper: 1e-4
batch_size: int = 10  # the paper does not say; 10 in the group's code
roll: str = "hops"  # of the wave, by whole hops; or "samples", "off"
precision: str = "fp32"  # or "bf16"
fit_widths: list[int] = [
    4,
    8,
]  # W of the networks that are fitted; the paper: 32 and 64
random_label_epochs: int = (
    6  # epochs of training on random labels; the paper does not say
)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd

from repro import studies
from repro.analysis.accuracy import describe
from repro.experiment import ModelConfig
from repro.figures import charts
from repro.figures.page import provenance, start
from repro.network import cp_resnet as model
from repro.network.receptive_field import (
    maximum_receptive_field,
    published_receptive_field,
)
from repro.studies import Setting
from repro.sweep.fetch import fetch
from repro.training.features import SAMPLE_RATE, frames

setting = Setting.of(globals())
start(edition, setting)

# %% [markdown]
# (table-1)=
# ## Table 1: the architecture
#
# Read off the layers of the network that the training below uses. `R` is a residual block: two convolutions, each
# followed by batch normalisation, whose result is added to the block's input. `P` is 2×2 max pooling after the block.

# %%
config = ModelConfig(width=fit_widths[0])
pd.DataFrame(model.architecture(config)).set_index("repeat")

# %% [markdown]
# Weights are counted as the paper counts them, convolutions and classifier without batch normalisation. The widths are
# the paper's; the last column is the share of weights that would have to go to bring a network down to the size of
# $W = 64$, which is what [Section 5.3](05-3-sparsity) does.

# %%
paper_widths = [32, 64, 128, 192, 256, 384, 512]
clip_frames = frames(round(clip_seconds * SAMPLE_RATE))
tables = {
    w: model.layer_table(ModelConfig(width=w), clip_frames) for w in paper_widths
}
weights = {w: sum(row.weights for row in rows) for w, rows in tables.items()}
pd.DataFrame(
    {
        "weights": {w: f"{count:,}" for w, count in weights.items()},
        f"GMAC a clip of {clip_seconds:g} s": {
            w: f"{sum(r.macs for r in tables[w]) / 1e9:.2f}" for w in paper_widths
        },
        "sparsity at the size of W = 64": {
            w: f"{100 * (1 - weights[64] / count):.1f} %" if w >= 64 else ""
            for w, count in weights.items()
        },
    }
).rename_axis("W")

# %% [markdown]
# Layer by layer, for the narrowest network fitted below. Most of the arithmetic happens before the second pooling,
# where the maps are still large, while most of the weights sit at the end.

# %% tags=["hide-input"]
pd.DataFrame(model.layer_table(config, clip_frames)).set_index("layer")

# %% [markdown]
# ## Maximum receptive field
#
# A pixel of the last feature map sees a square of the input whose side follows from kernels and strides alone. It
# starts at 5 with stride $s = 2$; a convolution with kernel $k$ adds $(k - 1)\,s$; a 2×2 pooling adds $s$ and doubles
# it. The group's published formula leaves the pooling's own pixel out, so both are shown. $D$ widens the field,
# $K$ does not: this is the difference between the two ways to deepen the network in [Section 5.2](05-2-depth).

# %%
pd.DataFrame(
    {
        f"D = {d}": {
            "exact": maximum_receptive_field(ModelConfig(depth=d)),
            "by the published formula": published_receptive_field(
                ModelConfig(depth=d)
            ),
        }
        for d in (1, 2, 3, 4)
    }
).rename_axis("side / input pixels")

# %% [markdown]
# ## What the networks can fit
#
# The paper calls its baseline over-parameterized because it reproduces almost every training label, and even labels
# that carry no information: $W = 32$ fits the true labels to 99.99 % and random ones to 85.51 %, $W = 64$ fits random
# labels to 100 %. The test is that of {cite:t}`zhang2017understanding`. Here the final network classifies its own
# training clips without augmentation. For the random labels the training labels are shuffled once and the network is
# trained without augmentation, which would hide what it can memorise ([judgement calls](A-setup)).

# %% tags=["remove-output"]
records = fetch(studies.fit(setting, fit_widths, random_label_epochs))

# %% mystnb={"figure": {"name": "fig-fit", "caption": "Share of the training labels that the trained base network gives back, true labels and shuffled ones. Bars are means over the seeds, dots single seeds; chance is 10 % for ten scenes."}, "image": {"alt": "Bars by width: the share of true training labels reproduced is far above that of random labels."}}
table = pd.DataFrame(
    [{**describe(record), "fitted": record.train_accuracy} for record in records],
    columns=["width", "labels", "seed", "fitted"],
).astype({"fitted": float})
figure = charts.fit_bars(table)
plt.show()

# %%
fitted = (
    table.groupby(["width", "labels"])["fitted"]
    .agg(["mean", "min", "max"])
    .mul(100)
    .round(2)
)
fitted.rename(columns=lambda name: f"{name} / %")

# %% tags=["hide-input"]
provenance(records)

# %% [markdown]
# How to read it: the paper's statement is about 250 epochs on some 10,000 clips. A training as short as the quick
# edition's cannot settle what a network *could* memorise, it only shows how far these epochs take it, so the
# comparison with the paper's numbers belongs to an edition with the paper's recipe.
