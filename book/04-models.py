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
# Which network is scaled, and when is it over-parameterised? All of the paper's networks belong to one family: a
# residual network {cite}`he2016deep` with a small receptive field, known as CP-ResNet {cite}`koutini2019receptive`.
# Three numbers scale it. $W$ is the number of channels of its first blocks, $D$ the number of 3×3 blocks behind the
# last pooling, and $K$ the number of 1×1 blocks after those. The *damped* network ([Appendix B](B-damping)) has the
# same layers and as many weights as the *base* network. This page builds the network, counts its weights, and asks how
# many training labels it can memorise.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
fit_widths: list[int] = []  # W of the networks that are fitted; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from repro.analysis import accuracy
from repro.analysis.evidence import Evidence
from repro.data.clips import samples_in
from repro.data.features import frames
from repro.edition import open_edition
from repro.experiment import ModelConfig
from repro.figures import charts, page
from repro.network.cp_resnet import (
    ResidualBlock,
    architecture,
    build,
    layer_name,
    layer_table,
    table_1,
    weight_count,
)
from repro.network.receptive_field import (
    maximum_receptive_field,
    published_receptive_field,
)
from repro.sweep.available import runs_of
from repro.training.loop import training_labels

edition = open_edition(edition, fit_widths=fit_widths, **settings)
page.start(edition)

# %% [markdown]
# (table-1)=
# ## Table 1: the architecture
#
# The input, a spectrogram of 256 mel bands, goes through a 5×5 convolution of stride 2 and a row of residual blocks.
# `R` is such a block with its two kernels, and `P` is 2×2 max pooling after it. A classifier turns the last map into
# one map a class, and the mean over each map is the score of its class. The table is read off the layers of a network
# of $D = 2$ and $K = 3$, the two rows that are repeated.

# %%
rows = architecture(ModelConfig(depth=2, pointwise=3))
pd.DataFrame(rows).set_index("repeat")

# %% [markdown]
# The residual blocks come from this function, in which $D$ and $K$ (`depth`, `pointwise`) are the lengths of two loops.

# %% tags=["remove-input"]
page.code(table_1)

# %% [markdown]
# ## The residual block
#
# Two convolutions $W_1$ and $W_2$ compute what the block adds to its input:
#
# $$
# y = \mathrm{ReLU}\bigl(\mathrm{BN}(W_2 \star \mathrm{ReLU}(\mathrm{BN}(W_1 \star x))) + S(x)\bigr).
# $$
#
# The shortcut $S$ is the identity. Where the number of channels changes it is a 1×1 convolution with batch
# normalisation (BN).

# %% tags=["remove-input"]
page.code(ResidualBlock)

# %% [markdown]
# ## Initialisation
#
# Weights are drawn from He's normal distribution, whose variance suits layers with ReLU. The second convolution of
# every block and the classifier start at zero: a new block adds nothing to its shortcut, and a new network gives all
# classes the same score. The first convolution of every block is scaled down by the square root of the number of blocks
# $L$, as in the group's code. The output does not show it, since batch normalisation follows and undoes any scale. But
# a step of Adam, which is as long for small weights as for large ones, changes small ones by a larger share, and where
# magnitudes decide what is pruned, small ones go first.

# %% tags=["remove-input"]
page.code(build)

# %% [markdown]
# ## Number of weights
#
# Counted are convolutions and classifier, without batch normalisation ([judgement call 8](judgement-calls)). $N(W)$
# grows with the square of the width. Shown are the paper's widths and those of this edition, and the share of weights
# that would have to go to bring a network down to the size of a narrower one, which [Section 5.3](05-3-sparsity) does.

# %%
paper_widths = [32, 64, 128, 192, 256, 384, 512]
shown_widths = sorted({*paper_widths, *edition.widths})
clip_frames = frames(samples_in(edition.clip_seconds))
layers = {w: layer_table(ModelConfig(width=w), clip_frames) for w in shown_widths}
weights = {w: sum(layer.weights for layer in layers[w]) for w in layers}
sizes = pd.DataFrame(
    {
        "weights": {w: f"{count:,}" for w, count in weights.items()},
        f"GMAC a clip of {edition.clip_seconds:g} s": {
            w: f"{sum(layer.macs for layer in layers[w]) / 1e9:.3f}" for w in layers
        },
    }
)
references = {64: paper_widths, edition.reference_width: edition.widths}
for narrow, family in references.items():
    small = weight_count(ModelConfig(width=narrow))
    sizes[f"sparsity at N({narrow})"] = {
        w: f"{100 * (1 - small / weights[w]):.1f} %" for w in family if w > narrow
    }
sizes.fillna("–").rename_axis("W")

# %% [markdown]
# Layer by layer for the paper's baseline, $W = 32$, $D = 1$, $K = 1$. Blocks are counted from the input on, in the
# order of Table 1. The first block does most of the arithmetic, on maps that are still large. The last two blocks have
# most of the weights.

# %%
baseline = pd.DataFrame(layers[32]).drop(columns="stride")
baseline["layer"] = baseline["layer"].map(layer_name)
for column in ("weights", "macs"):
    share = 100 * baseline[column] / baseline[column].sum()
    baseline[f"{column} / %"] = share.round(1)
baseline.set_index("layer").drop(columns="macs")

# %% [markdown]
# ## Maximum receptive field
#
# One pixel of the last map sees a square of the input. Its side $r$ follows from kernels and strides alone. After the
# first convolution $r = 5$ and the stride is $s = 2$; then
#
# $$
# r \leftarrow r + (k - 1)\, s \quad \text{(convolution)}, \qquad
# r \leftarrow r + s,\;\; s \leftarrow 2 s \quad \text{(2×2 pooling)}.
# $$
#
# The formula that the group has published leaves out the $s$ pixels that a pooling adds, so both values are shown. $D$
# widens the field, and $K$ does not: for a 1×1 convolution $k - 1 = 0$. This is the difference between the two ways of
# deepening the network in [Section 5.2](05-2-depth).

# %%
models = {f"D = {d}": ModelConfig(depth=d) for d in (1, 2, 3, 4, 5)}
pd.DataFrame(
    {
        "exact": {d: maximum_receptive_field(m) for d, m in models.items()},
        "published formula": {
            d: published_receptive_field(m) for d, m in models.items()
        },
    }
).T.rename_axis("side / pixels")

# %% [markdown]
# ## What the networks can fit
#
# The paper calls its networks over-parameterised because they can give back their training labels even where these say
# nothing about the recordings, a test by {cite:t}`zhang2017understanding`. Its baseline $W = 32$ fits the true labels
# to 99.99 % and random ones to 85.51 %; $W = 64$ fits random labels to 100 %.
#
# Random labels are the true ones in an order that is drawn once:

# %% tags=["remove-input"]
page.code(training_labels)

# %% [markdown]
# With true labels the network is trained as everywhere else. With random labels it is trained without augmentation,
# which would hide what it can memorise ([judgement calls](judgement-calls)). In both cases the final network classifies its own
# training clips without augmentation.

# %% tags=["remove-output"]
records = runs_of(edition, "fit")

# %% mystnb={"figure": {"name": "fig-fit", "caption": "Share of the training labels that the trained base network gives back, true labels and shuffled ones. Bars are means over the runs, dots single runs; chance is 10 % for ten classes."}, "image": {"alt": "Bars by width: the share of the true training labels, and of shuffled ones, that the trained base network gives back."}}
table = accuracy.fitted(records)
figure = charts.fit_bars(table)
plt.show()

# %% tags=["remove-input"]
page.figure_note(records, "fig-fit", table)

# %% tags=["remove-input"]
page.findings(Evidence(edition, tuple(records)), 1, 2)

# %%
fits = table.groupby(["width", "labels"])["fitted"].agg(["mean", "min", "max"])
columns = {"mean": "mean / %", "min": "lowest run / %", "max": "highest run / %"}
(100 * fits).round(2).rename(columns=columns).rename_axis(["W", "labels"])

# %% tags=["hide-input"]
Markdown(
    "How to read it: a network that gives back all random labels can memorise its "
    "training set. One that does not may only lack epochs. This edition trains on true "
    f"labels for {edition.epochs} epochs and on random ones for "
    f"{edition.random_label_epochs}; the paper trains on true labels for 250 and does not "
    "say for how many on random ones. The size of the training set matters, too: fewer "
    "clips are easier to memorise, and under our split of the paper's set some 10,000 "
    "are trained on."
)

# %% tags=["remove-input"]
page.provenance(records)
