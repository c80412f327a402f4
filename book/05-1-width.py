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
# # 5.1 Increasing the width
#
# Does a network that already fits its training set gain anything from more channels? The paper widens the baseline
# from $W = 32$ to $512$ at $D = 1$, $K = 1$, once as it is (*base*) and once with frequency-damped convolutions
# ([Appendix B](B-damping)). It reports that the seen device stops gaining at about $W = 128$, while the unseen devices
# keep gaining, by about ten points over the whole range, and that the damped network is ahead at every width.

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
]  # channels W; the paper: 32, 64, 128, 192, 256, 384, 512

# %% tags=["hide-input"]
import matplotlib.pyplot as plt

from repro import studies
from repro.analysis import accuracy
from repro.figures import charts
from repro.figures.page import provenance, start
from repro.studies import Setting
from repro.sweep.fetch import fetch

setting = Setting.of(globals())
start(edition, setting)

# %% [markdown]
# ## The runs
#
# One training for every width, variant and seed. Accuracies follow the paper's rule: the mean over the last epochs of
# all seeds (the last ten of 250, or the last tenth of a shorter training), with the standard deviation of the same
# values.

# %% tags=["remove-output"]
records = fetch(studies.by_width(setting, widths))

# %% mystnb={"figure": {"name": "fig-3", "caption": "**Figure 3.** Accuracy over the width W on unseen devices (left) and on the seen device (right). Large marks: mean and standard deviation over the reported epochs of all seeds; small marks: single seeds."}, "image": {"alt": "Accuracy over width for the base and the damped network, on unseen devices and on the seen one."}}
table = accuracy.accuracies(records)
report, each_seed = accuracy.report(table), accuracy.by_seed(table)
figure = charts.accuracy_panels(
    report, each_seed, "width", "width W", logarithmic=True
)
plt.show()

# %%
accuracy.percentages(report, "width").rename_axis("W")

# %% [markdown]
# ## What the widening brings
#
# The gain from the narrowest to the widest network and the lead of the damped network, both as differences between
# runs of the same seed, so that what the seeds share drops out.

# %%
paired = accuracy.side_by_side(each_seed, "width", widths, setting.seeds)
narrow, wide = min(widths), max(widths)
gain = paired.xs(wide, level="width") - paired.xs(narrow, level="width")
gain.round(1).rename_axis(columns=f"gain from W = {narrow} to {wide} / points")

# %%
lead = (paired["damped"] - paired["base"]).unstack("width")
lead.round(1).rename_axis(columns="lead of damped over base / points, by W")

# %% [markdown]
# The paper's gain on the unseen devices is about ten points from $W = 32$ to $512$, four doublings. Whether the
# differences above agree with it, and how sure one can be with so many seeds, is worked out in the
# [claims ledger](claims): claims 3, 4 and 5.
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
    f"{accuracy.describe(r)['variant']}, W = {wide}": [
        s for s in records if s.experiment.model == r.experiment.model
    ]
    for r in records
    if r.experiment.model.width == wide
}
figure = charts.confusions(
    {name: accuracy.confusion(runs) for name, runs in ends.items()}
)
plt.show()

# %% tags=["hide-input"]
provenance(records)
