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
# # 5.2 Increasing the depth
#
# A network can also be given more weights by stacking more blocks. The paper does this in two ways. More blocks of 3×3
# convolutions ($D$) widen the maximum receptive field as they go; more blocks of 1×1 convolutions ($K$) leave it as it
# is. It reports that $D$ costs accuracy on seen and unseen devices, the base network more than the damped one, and that
# $K$ helps a little on the seen device, not on the others, and hurts the damped network.

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
depth_width: int = 4  # W of the networks that are deepened; the paper does not say: 32 is its baseline
depths: list[int] = [1, 2, 3]  # D of Fig. 4, at K = 1
pointwise: list[int] = [0, 1, 4]  # K of Fig. 5, at D = 1
compound: list[list[int]] = [
    [8, 2]
]  # (W, D) of the networks scaled in both; D is 1 elsewhere

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd

from repro import editions, studies
from repro.analysis import accuracy
from repro.erf.fields import field_of
from repro.experiment import ModelConfig
from repro.figures import charts, maps
from repro.figures.page import extents_table, provenance, start
from repro.network.receptive_field import maximum_receptive_field
from repro.studies import Setting
from repro.sweep.fetch import fetch

setting = Setting.of(globals())
start(edition, setting)

# %% [markdown]
# ## Deeper and with a larger receptive field
#
# Each block beyond the first adds $2 \cdot 2 \cdot 16 = 64$ input pixels to the side of the maximum receptive field.

# %%
pd.Series(
    {
        f"D = {depth}": maximum_receptive_field(ModelConfig(depth=depth))
        for depth in depths
    },
    name="side / input pixels",
).to_frame()

# %% tags=["remove-output"]
deeper = fetch(studies.by_depth(setting, depth_width, depths))
pointwise_runs = fetch(studies.by_pointwise(setting, depth_width, pointwise))
both_ways = fetch(studies.by_width_and_depth(setting, compound))
records = list(
    {record.key: record for record in deeper + pointwise_runs + both_ways}.values()
)

# %% mystnb={"figure": {"name": "fig-4", "caption": "**Figure 4.** Accuracy over the depth D (3×3 blocks, growing receptive field) on unseen devices (left) and on the seen device (right). Large marks: mean and standard deviation over the reported epochs of all seeds; small marks: single seeds."}, "image": {"alt": "Accuracy over the depth D for the base and the damped network, on unseen devices and on the seen one."}}
table = accuracy.accuracies(deeper)
figure = charts.accuracy_panels(
    accuracy.report(table),
    accuracy.by_seed(table),
    "depth",
    "depth D",
    logarithmic=False,
)
plt.show()

# %%
accuracy.percentages(accuracy.report(table), "depth").rename_axis("D")

# %% [markdown]
# ## Deeper at the same receptive field

# %% mystnb={"figure": {"name": "fig-5", "caption": "**Figure 5.** Accuracy over the number K of 1×1 blocks, which leave the maximum receptive field as it is, on unseen devices (left) and on the seen device (right)."}, "image": {"alt": "Accuracy over the number of 1 by 1 blocks for the base and the damped network, on unseen devices and on the seen one."}}
table = accuracy.accuracies(pointwise_runs)
figure = charts.accuracy_panels(
    accuracy.report(table),
    accuracy.by_seed(table),
    "pointwise",
    "1×1 blocks K",
    logarithmic=False,
)
plt.show()

# %%
accuracy.percentages(accuracy.report(table), "pointwise").rename_axis("K")

# %% [markdown]
# The slopes of these lines over $D$ and $K$, seed by seed, decide claims 6 and 7 of the [ledger](claims). The paper does
# not give the width at which it deepens its networks; see the [judgement calls](A-setup).
#
# ## Wider and deeper together
#
# The paper adds that networks scaled in both directions are about as good as the best others (claim 8). Here they stand
# beside the networks that were only deepened.

# %%
accuracy.percentages(
    accuracy.report(accuracy.accuracies(both_ways)).assign(network="W, D"), "width"
).rename_axis("W")

# %% [markdown]
# ## What the receptive field makes of it
#
# The paper looks for the reason in the effective receptive field. Its Figure 7 sets several scaled variants of the
# damped network side by side, all cropped to the maximum receptive field at $D = 1$; which variants, its text leaves
# open. Here: the baseline, the deepest, the one with most 1×1 blocks, and the widened and deepened one, of the first
# seed. The definition is in [Appendix C](C-erf).

# %% tags=["remove-output"]
scaled = editions.ends_of_depth(setting, depth_width, depths, pointwise, compound)
compared = fetch(scaled)
field_by_model = {r.experiment.model: field_of(r, setting.data) for r in compared}
models = [run.model for run in scaled]
fields = [field_by_model.get(model) for model in models]
names = [f"W={m.width} D={m.depth} K={m.pointwise}" for m in models]

# %% mystnb={"figure": {"name": "fig-7", "caption": "**Figure 7.** Effective receptive fields of scaled variants of the damped network, over all test clips of the unseen devices, cropped to the maximum receptive field at D = 1. The rectangles hold 50 % (solid) and 90 % (dashed) of the gradient along each axis."}, "image": {"alt": "Heat maps of the mean absolute gradient around the centre pixel for four damped networks."}}
figure = maps.field_maps(fields, names, depth=1)
plt.show()

# %%
extents_table(fields, names)

# %% [markdown]
# The radii count the whole of each network's own maximum receptive field, which for $D > 1$ is larger than the crop.
#
# ## By device and by scene
#
# "Unseen" lumps different devices together. Accuracy in % on each of them, and how far they lie apart; then every scene,
# over the unseen devices.

# %%
accuracy.device_table(records)

# %%
accuracy.scene_table(records)

# %% mystnb={"image": {"alt": "Two confusion matrices, base and damped network, true scene against given scene, for the unseen devices."}}
ends = {
    f"{accuracy.describe(r)['variant']}, D = {max(depths)}": [
        s for s in records if s.experiment.model == r.experiment.model
    ]
    for r in deeper
    if r.experiment.model.depth == max(depths)
}
figure = charts.confusions(
    {name: accuracy.confusion(runs) for name, runs in ends.items()}
)
plt.show()

# %% tags=["hide-input"]
provenance(records + compared)
