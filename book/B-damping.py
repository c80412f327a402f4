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
# The damped network of every page is the base network with one change to its convolutions. Their weights are made
# smaller away from the centre of the kernel, along frequency only {cite}`koutini2021receptive`:
#
# $$
# O_n = (W_n \odot C_n) \star Z_{n-1} + B_n ,
# $$
#
# where $Z_{n-1}$ is the output of the layer before, $W_n$ its convolution's weights, $\star$ the convolution, $\odot$
# the product of elements and $B_n$ a bias, which our convolutions do not have. $C_n$ is 1 in the middle row of the
# kernel and falls off towards its first and last row. The paper gives one reason: it is an inductive bias for
# spectrograms, since fitting what lies far from the centre of the receptive field becomes harder. It does not say why
# along frequency. Our own reading is that a recording device is for the most part a filter and changes a spectrogram along
# frequency, so that a network with a narrow view of frequency can learn less of the curve of its training device.
# [Section 5.1](05-1-width) puts this to measured microphones.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
seeds: list[int] = []  # seeds of the trainings; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"erf_width": 8}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from repro.analysis.evidence import Evidence, Network
from repro.edition import open_edition
from repro.experiment import ModelConfig
from repro.figures import maps, page
from repro.network.convolutions import DampedConv2d, damping_kernel, used_weight
from repro.sweep.available import runs_of

edition = open_edition(edition, seeds=seeds, **settings)
page.start(edition)

# %% [markdown]
# ## The constants and the convolution
#
# $C$ falls linearly to a minimum in the outer rows, which is a [judgement call](judgement-calls): the paper gives no numbers.

# %% tags=["remove-input"]
page.code(damping_kernel, DampedConv2d)

# %% [markdown]
# A 3×3 kernel keeps its middle row as it is. A 1×1 kernel has no other row, so that the 1×1 blocks counted by $K$ are not
# damped at all.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Damping constants of a 1 by 1, a 3 by 3 and a 5 by 5 kernel as grids: one in the centre row, less above and below, constant along time."}}
minimum = ModelConfig().damping_min
figure, axes = plt.subplots(1, 3, figsize=(7, 2.8), width_ratios=(1, 3, 5))
for ax, size in zip(axes, (1, 3, 5), strict=True):
    kernel = np.tile(damping_kernel(size, minimum).numpy()[:, None], size)
    ax.imshow(kernel, cmap="Greys", vmin=0, vmax=2)
    for (row, column), value in np.ndenumerate(kernel):
        ax.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=9)
    ax.set(title=f"{size}×{size}", xticks=[], yticks=[], xlabel="time")
    ax.grid(False)
axes[0].set_ylabel("frequency")
plt.show()

# %% [markdown]
# ## What it does to training
#
# Damping forbids nothing: a weight can still grow until $W \odot C$ is as large as one likes. It only takes longer. The
# gradient with respect to $W$ is $C$ times that with respect to $W \odot C$, but Adam {cite}`kingma2015adam` divides
# every gradient by its own size, so this factor cancels and all weights $W$ move at the same rate. The weight that the
# convolution uses is $W \odot C$, and that moves $C$ times as far. One step of Adam on a damped kernel of five rows, all
# of whose used weights have the same gradient:

# %%
conv = DampedConv2d(1, 1, (5, 1), damping_min=minimum, bias=False)
before = conv.weight.detach().clone(), used_weight(conv).detach().clone()
optimiser = torch.optim.Adam(conv.parameters(), lr=1e-3)
used_weight(conv).sum().backward()
optimiser.step()
moved = [
    (now.detach() - then).abs().flatten() / 1e-3
    for now, then in zip((conv.weight, used_weight(conv)), before, strict=True)
]
pd.DataFrame(
    {
        "C": conv.damping.flatten(),
        "gradient of W": conv.weight.grad.flatten(),
        "step of W / learning rate": moved[0],
        "step of W ⊙ C / learning rate": moved[1],
    }
).round(2).rename_axis("row of the kernel")

# %% [markdown]
# ## What it does to the effective receptive field
#
# Both networks *can* see the same part of the input, their maximum receptive field. How much each part of it counts is
# the *effective* receptive field {cite}`luo2016understanding`: the mean absolute gradient of one pixel of the last
# feature map with respect to the input ([Appendix C](C-erf)). Figure 8 of the paper compares the base network of
# $W = 128$, $D = 1$, $K = 1$ with its damped version.

# %% tags=["remove-output"]
evidence = Evidence(edition, tuple(runs_of(edition, "damping", "receptive fields")))

# %% mystnb={"figure": {"name": "fig-8", "caption": "**Figure 8.** Effective receptive field of the base network (left) and of its damped version (right), cropped to the maximum receptive field, over all test clips of the unseen devices; runs of the first fold and seed. The rectangles hold 50 % (solid) and 90 % (dashed) of the gradient along each axis."}, "image": {"alt": "Two heat maps of the mean absolute gradient around the centre pixel, for the base and the damped network."}}
networks = Network("base", edition.erf_width), Network("damped", edition.erf_width)
figure = maps.network_fields(evidence, networks)
plt.show()

# %% [markdown]
# As numbers: half the width of the smallest interval, symmetric about the centre, that holds half of the gradient, or
# 90 % of it. Means over all folds and seeds.

# %% tags=["remove-input"]
page.radii_note(evidence, networks, "fig-8")

# %% tags=["remove-input"]
page.findings(evidence, 18)

# %% tags=["remove-input"]
page.provenance(evidence.records)
