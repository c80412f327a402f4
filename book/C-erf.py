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
# # C The effect of scaling on the effective receptive field
#
# The maximum receptive field says what a pixel of the last feature map *can* see. What it *does* see is measured by the
# effective receptive field {cite}`luo2016understanding`: with $z_c$ the channels of the last map before the classifier
# at its centre pixel and $X$ the input,
#
# $$
# \mathrm{ERF}(m, t) = \frac{1}{N} \sum_{n=1}^{N} \Bigl| \frac{\partial}{\partial X_n(m, t)} \sum_c z_c(X_n) \Bigr| ,
# $$
#
# the mean over all $N$ test clips of the unseen devices. The maps below are cropped to the exact maximum receptive
# field, as far as it lies inside the input. Pictures of this kind are easy to read too much into, so each pair comes
# with numbers: the radius along frequency (in mel bands) and along time (in ms) within which half of the gradient lies,
# or 90 % of it, counted from the centre pixel along one axis and summed over the other.

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
erf_deep_width: int = (
    4  # W of the networks with and without 1x1 blocks; the paper: 128
)
erf_pointwise: int = 4  # K of the networks deepened by 1x1 blocks, as in the paper
erf_narrow: int = 4  # W of the narrow networks of Figs 11 and 12; the paper: 32
erf_wide: int = 8  # W of the wide networks; the paper: 512
reference_width: int = (
    4  # W whose number of weights the pruned networks are left; the paper: 64
)
erf_seeds: list[int] = [0]  # seeds that are measured; the maps show the first
sparse_epochs: int = 8  # epochs of the pruned networks; the paper: 350

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt

from repro import studies
from repro.analysis import accuracy
from repro.erf.fields import field_of
from repro.figures import maps
from repro.figures.page import extents_table, provenance, start
from repro.studies import Setting
from repro.sweep.fetch import fetch

setting = replace(Setting.of(globals()), seeds=tuple(erf_seeds))
start(edition, setting)

# %% tags=["remove-output"]
records = fetch(
    studies.for_erf(
        setting,
        erf_deep_width=erf_deep_width,
        erf_pointwise=erf_pointwise,
        erf_narrow=erf_narrow,
        erf_wide=erf_wide,
        reference_width=reference_width,
        sparse_epochs=sparse_epochs,
    )
)
fields = {}
for record in records:
    field = field_of(record, setting.data)
    if record.experiment.seed == erf_seeds[0]:
        row = accuracy.describe(record)
        fields[row["variant"], row["width"], row["pointwise"], row["method"]] = field


def compare(variant, *networks):
    """The fields of two networks, each given as (W, K, method), and their names."""
    names = [
        f"W={w} K={k}" + ("" if method == "dense" else f" {method}")
        for w, k, method in networks
    ]
    return [fields.get((variant, *network)) for network in networks], names


# %% [markdown]
# ## C.1 Depth
#
# Blocks of 1×1 convolutions cannot change what the network is able to see. The paper finds that they let the damped
# network see more all the same, and so work against the damping.

# %% mystnb={"figure": {"name": "fig-9", "caption": "**Figure 9.** Effective receptive field of the damped network without 1×1 blocks (left) and with some (right)."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, at K = 0 and at larger K."}}
pair, names = compare(
    "damped", (erf_deep_width, 0, "dense"), (erf_deep_width, erf_pointwise, "dense")
)
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% mystnb={"figure": {"name": "fig-10", "caption": "**Figure 10.** The same for the base network."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, at K = 0 and at larger K."}}
pair, names = compare(
    "base", (erf_deep_width, 0, "dense"), (erf_deep_width, erf_pointwise, "dense")
)
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% [markdown]
# ## C.2 Width
#
# The paper's wider networks concentrate on the centre of what they can see.

# %% mystnb={"figure": {"name": "fig-11", "caption": "**Figure 11.** Effective receptive field of a narrow (left) and of a wide damped network (right), K = 0."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, narrow and wide."}}
pair, names = compare("damped", (erf_narrow, 0, "dense"), (erf_wide, 0, "dense"))
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% mystnb={"figure": {"name": "fig-12", "caption": "**Figure 12.** The same for the base network."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, narrow and wide."}}
pair, names = compare("base", (erf_narrow, 0, "dense"), (erf_wide, 0, "dense"))
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% [markdown]
# ## C.3 Width with pruning
#
# All networks of this section have the same number of weights: a narrow dense one, and wide ones pruned down to it. In
# the damped network the damped weights are the smallest as used, so magnitude pruning should take them first and leave
# a field that is narrower along frequency; random pruning has no such preference. In the base network no weight is
# damped, and the paper sees no difference.

# %% mystnb={"figure": {"name": "fig-13", "caption": "**Figure 13.** Effective receptive field of the damped network: narrow and dense (left), wide and pruned by magnitude while training (right)."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, dense and iteratively pruned."}}
pair, names = compare(
    "damped", (reference_width, 0, "dense"), (erf_wide, 0, "iterative")
)
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% mystnb={"figure": {"name": "fig-14", "caption": "**Figure 14.** Effective receptive field of the damped network: narrow and dense (left), wide and pruned at random before training (right)."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, dense and statically pruned."}}
pair, names = compare(
    "damped", (reference_width, 0, "dense"), (erf_wide, 0, "static")
)
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% mystnb={"figure": {"name": "fig-15", "caption": "**Figure 15.** Effective receptive field of the base network: narrow and dense (left), wide and pruned by magnitude while training (right)."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, dense and iteratively pruned."}}
pair, names = compare(
    "base", (reference_width, 0, "dense"), (erf_wide, 0, "iterative")
)
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% mystnb={"figure": {"name": "fig-16", "caption": "**Figure 16.** Effective receptive field of the base network: narrow and dense (left), wide and pruned at random before training (right)."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, dense and statically pruned."}}
pair, names = compare("base", (reference_width, 0, "dense"), (erf_wide, 0, "static"))
figure = maps.field_maps(pair, names)
plt.show()

# %%
extents_table(pair, names)

# %% [markdown]
# Claims 11 to 13 of the [ledger](claims) turn these radii into verdicts.

# %% tags=["hide-input"]
provenance(records)
