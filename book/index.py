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
# # Over-Parameterization and Generalization in Audio Classification
#
# *The re-executable edition of the paper by Khaled Koutini, Hamid Eghbal-zadeh, Florian Henkel, Jan Schlüter and
# Gerhard Widmer, ICML 2021 Workshop on Overparameterization: Pitfalls & Opportunities* {cite}`koutini2021over`.
#
# A network that recognises acoustic scenes is trained on one recording device and then meets others. The paper asks
# what becomes of such a network when it is made larger than its training set demands: wider, deeper, or wider at the
# same number of weights. It finds that width helps on devices never heard in training, that depth does not, and that
# part of the gain survives when the added weights are pruned away again.
#
# In this book every section of the paper is a notebook that has been run. Each figure comes out of networks that were
# trained for it, by a small package, `repro`, that holds the model, the training loop, the sparsification and the
# effective receptive field. The figures and the table that stand in the paper carry the paper's numbers.

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

# %% tags=["hide-input"]
import pandas as pd

from repro import data
from repro.figures.page import start
from repro.store.store import Store
from repro.studies import Setting

setting = Setting.of(globals())
start(edition, setting)

# %% [markdown]
# ## What this edition was made from
#
# The real recordings of the paper are a download of 27 GB and its trainings take GPUs for days. The book therefore
# comes in editions: the same pages, executed with other parameters.
#
# | edition | recordings | what it is good for |
# | --- | --- | --- |
# | `quick` | synthetic, computed from physical ingredients | seeing every part work, on a laptop, in minutes |
# | `esc10` | real recordings through real microphones | the same questions on real sound |
# | `tau2020` | the paper's set and protocol | the paper's claims |
#
# In the one you are reading:

# %% tags=["remove-output"]
clips_ = data.load(setting.data, Store.default().root)

# %%
pd.DataFrame(
    {
        "clips": clips_.table.groupby("device").size(),
        "scenes": clips_.table.groupby("device")["scene"].nunique(),
        "cities": clips_.table.groupby("device")["city"].nunique(),
        "places": clips_.table.groupby("device")["location"].nunique(),
    }
).T.rename_axis(columns="device")

# %% [markdown]
# ## How to read it
#
# The pages follow the paper. Section 3 lets you hear what a device does to a sound, Section 4 builds the networks,
# Section 5 scales them, and the appendices hold the set-up, the damping and the receptive fields. Code is folded where
# it is only housekeeping; every page ends with the runs it was drawn from. To run a page with other parameters, see the
# project's README.
