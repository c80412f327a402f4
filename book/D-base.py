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
# # D All ways of scaling the base network
#
# The paper closes with the counterpart of its [first figure](01-introduction): the same ways of scaling, applied to the
# base network. It is drawn from the same runs.

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

# %% mystnb={"figure": {"name": "fig-17", "caption": "**Figure 17.** Accuracy of the base network over its number of weights, for every way of scaling, on unseen devices (left) and on the seen device (right). Means and standard deviations over the reported epochs of all seeds."}, "image": {"alt": "Accuracy over number of weights for the base network, one line a way of scaling, on unseen devices and on the seen one."}}
report = accuracy.scaling_report(groups)
figure = charts.accuracy_over_weights(report, "base")
plt.show()

# %%
report[report["variant"] == "base"].pipe(accuracy.scaling_table)

# %% tags=["hide-input"]
provenance(record for records in groups.values() for record in records)
