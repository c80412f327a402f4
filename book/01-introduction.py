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
# # 1 Introduction
#
# Convolutional networks dominate audio classification, and in other fields making them larger keeps making them better,
# even past the size at which they fit their training set completely {cite}`belkin2019reconciling,nakkiran2020deep,neyshabur2019role,kaplan2020scaling`.
# Whether that carries over to audio was open when the paper was written. The question matters twice over there. What a
# classifier of acoustic scenes has to generalize to is new recording devices, a shift that costs such networks much of
# their accuracy; and the devices it should run on are small.
#
# So the paper asks two things. Which way of scaling a network up, if any, helps on devices that it was not trained on?
# And is it the added weights that help, or something that comes with adding them? It scales one architecture in four
# ways, each with and without damping:
#
# 1. in width $W$ ([Section 5.1](05-1-width)),
# 2. in depth, with 3×3 blocks that enlarge the receptive field ([Section 5.2](05-2-depth)),
# 3. in depth, with 1×1 blocks that do not ([Section 5.2](05-2-depth)),
# 4. in width at a constant number of weights, by pruning ([Section 5.3](05-3-sparsity)).
#
# Its first figure is the summary of it all, and it is the first figure here.

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
widths: list[int] = [
    4,
    8,
    16,
]  # W of the networks that are only widened; the paper: 32 to 512
depth_width: int = (
    4  # W of the networks that are only deepened; the paper does not say
)
depths: list[int] = [1, 2, 3]  # D of the networks deepened by 3x3 blocks
pointwise: list[int] = [0, 1, 4]  # K of the networks deepened by 1x1 blocks
compound: list[list[int]] = [[8, 2]]  # (W, D) of the networks scaled in both
reference_width: int = (
    4  # the sparse networks are left the weights of this width; the paper: 64
)
sparse_widths: list[int] = [8]  # W of the sparse networks; the paper: 128 to 512
sparse_epochs: int = 8  # epochs of the sparse networks; the paper: 350

# %% tags=["hide-input"]
import matplotlib.pyplot as plt

from repro import studies
from repro.analysis import accuracy
from repro.figures import charts
from repro.figures.page import provenance, start
from repro.studies import Setting
from repro.sweep.fetch import fetch_groups

setting = Setting.of(globals())
start(edition, setting)

# %% tags=["remove-output"]
groups = fetch_groups(studies.scalings(setting, globals()))

# %% mystnb={"figure": {"name": "fig-1", "caption": "**Figure 1.** Accuracy of the damped network over its number of weights, for every way of scaling, on unseen devices (left) and on the seen device (right). Means and standard deviations over the reported epochs of all seeds. The sparse networks all have the same number of weights and therefore stand above one another."}, "image": {"alt": "Accuracy over number of weights for the damped network, one line a way of scaling, on unseen devices and on the seen one."}}
report = accuracy.scaling_report(groups)
figure = charts.accuracy_over_weights(report, "damped")
plt.show()

# %% [markdown]
# In the paper's version of this figure, the lines of width and of width together with depth end clearly above those of
# the two kinds of depth on unseen devices. Figure 17, the same for the base network, is in
# [Appendix D](D-base). Which of the paper's statements the networks of this edition bear out, and how
# firmly, is listed in the [claims ledger](claims).

# %% tags=["hide-input"]
report[report["variant"] == "damped"].pipe(accuracy.scaling_table)

# %% tags=["hide-input"]
provenance(record for records in groups.values() for record in records)
