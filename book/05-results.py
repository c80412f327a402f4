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
# # 5 Results and discussion
#
# The paper's results come in three parts: [width](05-1-width), [depth](05-2-depth) and
# [width with sparsification](05-3-sparsity). Every network there is trained on one device and tested at places it never
# heard, on that device and on the others. Before comparing networks with each other, this page asks a question that the
# paper does not: what would be reached without one?

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
]  # W of the networks that the probe is compared with (the runs of Section 5.1)

# %% tags=["hide-input"]

from repro import data, studies
from repro.analysis import accuracy
from repro.analysis.probe import linear_probe
from repro.figures.page import provenance, start
from repro.store.store import Store
from repro.studies import Setting
from repro.sweep.fetch import fetch

setting = Setting.of(globals())
start(edition, setting)

# %% [markdown]
# ## A linear probe
#
# The probe knows only the mean spectrum of a clip, 256 numbers, and separates the scenes by a linear function of them
# (multinomial logistic regression). The strength of its penalty is chosen by cross-validation over the training cities.
# What the probe reaches is what the long-term spectrum alone gives away; what a network reaches beyond it has to come
# from patterns in time and frequency.

# %% tags=["remove-output"]
clips_ = data.load(setting.data, Store.default().root)
probe = linear_probe(clips_)
records = fetch(studies.by_width(setting, widths))

# %%
report = accuracy.report(accuracy.accuracies(records)).assign(
    network=lambda t: t["variant"] + ", W = " + t["width"].astype(str)
)
accuracies = (
    report.pivot(index="network", columns="group", values="mean")
    .loc[report["network"].unique()]
    .reindex(columns=["seen", "unseen"])
)
accuracies.loc["linear probe"] = {"seen": probe.seen, "unseen": probe.unseen}
accuracies.loc["chance"] = 1 / len(clips_.scenes)
accuracies.mul(100).round(1).rename_axis(columns="accuracy / %")

# %%
best = accuracies.drop(["linear probe", "chance"])["unseen"].max()
if records:
    print(
        f"on unseen devices the best network is {100 * (best - probe.unseen):+.1f} points from the probe"
    )
print(
    f"from the seen device to the unseen ones the probe moves by {100 * (probe.unseen - probe.seen):+.1f} points"
)

# %% tags=["hide-input"]
provenance(records)
