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
# In vision, networks gain from width, depth and input resolution, and most from all three in balance
# {cite}`tan2019efficientnet`. Spectrograms are different. Their two axes mean different things, and a network whose
# receptive field grows with its depth does worse, unless the field is held back {cite}`koutini2019receptive,koutini2021receptive`.
# Depth in audio therefore has to be looked at in two forms: with the larger field that deeper stacks of 3×3
# convolutions bring, and without it. Width has a second side too. {cite:t}`golubeva2021are` found that wider networks of
# vision can be better even if random pruning keeps their number of weights the same.
#
# Before anything is trained, this page shows what each way of scaling does to the network of [Section 4](04-models): how
# many weights it adds, how much arithmetic, and how far the network can then see.

# %% tags=["parameters", "hide-input"]
widths: list[int] = [32, 64, 128, 192, 256, 384, 512]  # W, as in the paper
depths: list[int] = [1, 2, 3, 4, 5]  # D at the first of the widths
pointwise: list[int] = [0, 1, 2, 3, 4]  # K at the first of the widths
clip_seconds: float = 10.0  # length of a clip in s, as in the paper

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd

from repro.experiment import ModelConfig
from repro.figures import charts
from repro.network.cp_resnet import layer_table
from repro.network.receptive_field import maximum_receptive_field
from repro.training.features import SAMPLE_RATE, frames

charts.use_style()

# %%
scalings = {
    "width W": [ModelConfig(width=w) for w in widths],
    "depth D": [ModelConfig(width=widths[0], depth=d) for d in depths],
    "depth K": [ModelConfig(width=widths[0], pointwise=k) for k in pointwise],
}
length = frames(round(clip_seconds * SAMPLE_RATE))
rows = []
for scaling, models in scalings.items():
    for model in models:
        layers = layer_table(model, length)
        rows.append(
            {
                "scaling": scaling,
                "W": model.width,
                "D": model.depth,
                "K": model.pointwise,
                "weights": sum(layer.weights for layer in layers),
                "GMAC a clip": sum(layer.macs for layer in layers) / 1e9,
                "max. RF / pixels": maximum_receptive_field(model),
            }
        )
table = pd.DataFrame(rows)
table.assign(
    **{
        "weights": [f"{count:,}" for count in table["weights"]],
        "GMAC a clip": table["GMAC a clip"].round(2),
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
# Width is by far the most expensive way: both the weights and the arithmetic grow with its square. Depth of either kind
# comes almost for nothing, since the added blocks sit where the maps are smallest. The side of the receptive field tells
# the two kinds apart: each $D$ adds 64 pixels, $K$ adds none. From $D = 3$ on a pixel of the last map can see more than
# the 256 mel bands that there are.
