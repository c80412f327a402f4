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
# # B Frequency-damped convolutions
#
# A device changes a spectrogram along frequency. A network that looks at a narrow range of frequencies at a time has
# less opportunity to learn the whole curve of its training device by heart. Frequency damping
# {cite}`koutini2021receptive` pushes a network that way without taking anything off its architecture: every
# convolution's weights $W_n$ are multiplied by constants $C_n$ that are 1 in the kernel's centre row and fall off
# towards its edge along frequency,
#
# $$
# O_n = (W_n \odot C_n) \star Z_{n-1} + B_n .
# $$
#
# A damped weight can still become as large as any other, only it has to be learned against the scale: gradients through
# $C_n$ are damped too.

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
erf_width: int = 8  # W of the two networks of Fig. 8; the paper: 128

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np

from repro import studies
from repro.analysis import accuracy
from repro.erf.fields import field_of
from repro.experiment import ModelConfig
from repro.figures import maps
from repro.figures.page import extents_table, provenance, start
from repro.network.convolutions import damping_kernel
from repro.studies import Setting
from repro.sweep.fetch import fetch

setting = Setting.of(globals())
start(edition, setting)

# %% [markdown]
# ## The constants
#
# $C$ falls linearly from the centre row to a minimum at the edge rows. A 3×3 kernel is left with its middle row and a
# tenth of the others; a 1×1 kernel is not changed at all, which is why the 1×1 blocks counted by $K$ escape the damping.

# %% mystnb={"image": {"alt": "Damping constants of a 1 by 1, a 3 by 3 and a 5 by 5 kernel as grids: one in the centre row, less above and below, constant along time."}}
figure, axes = plt.subplots(1, 3, figsize=(7, 2.8), width_ratios=(1, 3, 5))
for ax, size in zip(axes, (1, 3, 5), strict=True):
    kernel = np.repeat(
        damping_kernel(size, ModelConfig().damping_min).numpy()[:, None], size, axis=1
    )
    ax.imshow(kernel, cmap="Greys", vmin=0, vmax=1.4)
    for (row, column), value in np.ndenumerate(kernel):
        ax.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=9)
    ax.set(title=f"{size}×{size}", xticks=[], yticks=[], xlabel="time")
    ax.grid(False)
axes[0].set_ylabel("frequency")
plt.show()

# %% [markdown]
# ## What damping does to the effective receptive field
#
# The maximum receptive field is the same for both networks. How much of it counts is another matter: the *effective*
# receptive field {cite}`luo2016understanding` is the mean absolute gradient of one pixel of the last feature map with
# respect to the input. [Appendix C](C-erf) defines it in full. Figure 8 of the paper sets the base network beside its
# damped version; both were trained here with the first of the seeds.

# %% tags=["remove-output"]
records = fetch(
    run
    for run in studies.by_width(setting, [erf_width])
    if run.seed == setting.seeds[0]
)
field_by_variant = {
    accuracy.describe(record)["variant"]: field_of(record, setting.data)
    for record in records
}
fields = [field_by_variant.get(variant) for variant in studies.VARIANTS]

# %% mystnb={"figure": {"name": "fig-8", "caption": "**Figure 8.** Effective receptive field of the base network (left) and of its damped version (right), cropped to the maximum receptive field, over all test clips of the unseen devices. The rectangles hold 50 % (solid) and 90 % (dashed) of the gradient along each axis."}, "image": {"alt": "Two heat maps of the mean absolute gradient around the centre pixel, for the base and the damped network."}}
figure = maps.field_maps(
    fields, [f"{variant}, W = {erf_width}" for variant in studies.VARIANTS]
)
plt.show()

# %% [markdown]
# As numbers: the smallest symmetric interval about the centre that holds half of the gradient, or 90 % of it.

# %%
extents_table(fields, list(studies.VARIANTS))

# %% tags=["hide-input"]
provenance(records)
