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
# # 2 Scaling up CNNs for audio classification
#
# How does a network become larger, and what does it cost? In vision, networks gain from width, depth and the resolution
# of their input, and most from all three in balance {cite}`tan2019efficientnet`. Spectrograms are different: their two
# axes mean different things, and networks whose receptive field grows with their depth do worse unless the field is
# held back {cite}`koutini2019receptive,koutini2021receptive`. In audio, depth therefore has to be studied in two forms:
# with the larger field that 3×3 convolutions bring, and without it. Width has two sides, too. {cite:t}`golubeva2021are`
# found that wider networks for vision can be better even if random pruning keeps their number of weights the same.
#
# Before anything is trained, this page shows what each way of scaling does to the network of [Section 4](04-models):
# how many weights it adds, how much arithmetic, and how far the network can then see.

# %% tags=["parameters", "hide-input"]
widths: list[int] = [32, 64, 128, 192, 256, 384, 512]  # W, as in the paper
depths: list[int] = [1, 2, 3, 4, 5]  # D at the first of the widths
pointwise: list[int] = [0, 1, 2, 3, 4]  # K at the first of the widths
clip_seconds: float = 10.0  # length of a clip in s, as in the paper

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown

from repro.data.clips import samples_in
from repro.data.features import frames
from repro.experiment import ModelConfig
from repro.figures.style import use_style
from repro.network.cp_resnet import INPUT_BANDS, layer_table
from repro.network.receptive_field import maximum_receptive_field

use_style()

# %% [markdown]
# ## Counting
#
# A convolution with a kernel of $k \times k$ that maps $c_\text{in}$ channels to $c_\text{out}$ has
#
# $$
# N = k^2\, c_\text{in}\, c_\text{out}
# $$
#
# weights, and uses each of them once for every pixel of its output: $N h w$ multiplications and additions (MAC) for a
# map of $h \times w$ pixels. Almost all channels of this network are multiples of $W$, so both numbers grow about with
# $W^2$. We count convolutions and classifier, and leave out batch normalisation ([judgement call 8](judgement-calls)).

# %%
clip_frames = frames(samples_in(clip_seconds))


def size(model: ModelConfig) -> dict[str, float]:
    layers = layer_table(model, clip_frames)
    return {
        "weights": sum(layer.weights for layer in layers),
        "GMAC a clip": sum(layer.macs for layer in layers) / 1e9,
        "max. RF / pixels": maximum_receptive_field(model),
    }


# %% [markdown]
# ## One step of each kind
#
# What the smallest network grows by if it gets one more 3×3 block ($D$), one more 1×1 block ($K$), or twice as many
# channels ($W$).

# %%
smallest = ModelConfig(width=widths[0])
sizes = pd.DataFrame(
    {
        "before": size(smallest),
        "one more D": size(ModelConfig(width=widths[0], depth=2)),
        "one more K": size(ModelConfig(width=widths[0], pointwise=2)),
        "twice the W": size(ModelConfig(width=2 * widths[0])),
    }
).T
added = sizes.drop("before") - sizes.loc["before"]
growth = 100 * added / sizes.loc["before"]
pd.DataFrame(
    {
        "weights / %": growth["weights"].map("{:+.0f}".format),
        "arithmetic / %": growth["GMAC a clip"].map("{:+.0f}".format),
        "max. RF / pixels": added["max. RF / pixels"].map("{:+.0f}".format),
    }
).rename_axis(f"to W = {widths[0]}")

# %% tags=["hide-input"]
deep, wide = growth.loc["one more D"], growth.loc["twice the W"]
Markdown(
    f"A block of depth D adds {deep['GMAC a clip']:.0f} % to the arithmetic, since it "
    f"works on the smallest maps of the network, but {deep['weights']:.0f} % to the "
    "weights, since it has more channels than the blocks before it. So depth is cheap in "
    f"arithmetic, but not in weights. Doubling the width adds {wide['weights']:.0f} % to "
    f"the weights and {wide['GMAC a clip']:.0f} % to the arithmetic."
)

# %% [markdown]
# ## The whole range
#
# Each way of scaling on its own, at the widths that the paper trains. Of $D$ and $K$ it gives no list: these are ours.
# The clips are as long as the paper's.

# %%
scalings = {
    "width W": [ModelConfig(width=w) for w in widths],
    "depth D": [ModelConfig(width=widths[0], depth=d) for d in depths],
    "depth K": [ModelConfig(width=widths[0], pointwise=k) for k in pointwise],
}
table = pd.DataFrame(
    {"scaling": scaling, "W": m.width, "D": m.depth, "K": m.pointwise, **size(m)}
    for scaling, models in scalings.items()
    for m in models
)
table.assign(
    **{
        "weights": table["weights"].map("{:,}".format),
        "GMAC a clip": table["GMAC a clip"].map("{:.2f}".format),
    }
).set_index("scaling")

# %% mystnb={"image": {"alt": "Left: arithmetic per clip over number of weights for three ways of scaling. Right: side of the maximum receptive field over number of weights."}}
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3))
for scaling, style in zip(scalings, ("o-", "s-", "^-"), strict=True):
    line = table[table["scaling"] == scaling]
    left.plot(line["weights"], line["GMAC a clip"], style, label=scaling)
    right.plot(line["weights"], line["max. RF / pixels"], style, label=scaling)
for ax, label in ((left, "GMAC a clip"), (right, "max. RF / pixels")):
    ax.set_xscale("log")
    ax.set(xlabel="number of weights", ylabel=label)
left.set_yscale("log")
left.legend()
plt.show()

# %% [markdown]
# On the left, width climbs steeply and both kinds of depth stay almost level. On the right, the receptive field tells
# the two kinds of depth apart. Its side is the number of input pixels, mel bands or frames, that one pixel of the last
# map can see ([Section 4](04-models)).

# %% tags=["hide-input"]
over = [
    d for d in depths if size(ModelConfig(depth=d))["max. RF / pixels"] > INPUT_BANDS
]
Markdown(
    f"Each D adds {added.loc['one more D', 'max. RF / pixels']:.0f} pixels to it, K "
    f"adds {added.loc['one more K', 'max. RF / pixels']:.0f}. Of the depths above, "
    f"D = {', '.join(map(str, over)) or 'none'} can see more than the {INPUT_BANDS} mel "
    "bands that the input has."
)
