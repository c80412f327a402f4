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
# # 6 Conclusion, and the claims ledger
#
# The paper concludes that width plays the largest part in generalizing to unseen devices, even where nothing more is to
# be gained on the seen one; that widening still helps without adding weights; that depth can hurt; and that the
# effective receptive field offers an explanation. In support it makes fourteen statements that can be measured. This
# page puts each of them to the networks of this edition.
#
# A statement is split into effects. Each has a direction and a margin, written into the code before any result was
# looked at, and is measured seed by seed, as a paired difference or as a slope. The verdict follows from Student's
# 95 % interval over the seeds:
#
# - **supported**: the interval lies in the claimed direction, and the mean reaches the margin;
# - **direction only**: the mean points the claimed way, but the seeds leave it open or the margin is missed;
# - **inconclusive**: the mean does not point the claimed way, but the seeds leave it open;
# - **contradicted**: the interval lies in the opposite direction;
# - **not run in this edition**: the networks it needs are not part of the edition.
#
# With two or three seeds an interval is wide; "direction only" is then the most that a true statement can hope for. The
# uncertainty from the finite test set is given apart, by a bootstrap over recording locations.

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
plateau_width: int = (
    8  # W beyond which the seen device should gain nothing (claim 4); the paper: 128
)
fit_widths: list[int] = [4, 8]  # W of the networks of Section 4; the paper: 32 and 64
random_label_epochs: int = 6  # epochs of training on random labels
erf_deep_width: int = 4  # W of the networks of Figs 9 and 10
erf_pointwise: int = 4  # K of the deepened networks of Figs 9 and 10
erf_narrow: int = 4  # W of the narrow networks of Figs 11 and 12
erf_wide: int = 8  # W of the wide networks of Figs 11 to 16
erf_seeds: list[int] = [0]  # seeds of Appendix C

# %% tags=["hide-input"]
from IPython.display import HTML

from repro.analysis import ledger
from repro.analysis.evidence import gather
from repro.figures.page import provenance, start
from repro.studies import Setting

setting = Setting.of(globals())
start(edition, setting)

# %% tags=["remove-output"]
evidence = gather(globals(), train=True)

# %% tags=["hide-input"]
HTML(ledger.as_html(evidence))

# %% [markdown]
# The same as data: `repro claims --edition NAME --json`.

# %% tags=["hide-input"]
provenance(evidence.records)
