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
# The paper's results come in three parts:
#
# - [5.1](05-1-width): do wider networks generalize better to unseen devices?
# - [5.2](05-2-depth): do deeper ones, with and without a larger receptive field?
# - [5.3](05-3-sparsity): do wider networks that keep the same number of weights?
#
# [Figure 1](fig-1) sums them up.
#
# Every network is trained on recordings of one device, with ESC-10 on the recordings as published. It is tested on
# other recordings, of that device (*seen*) and of devices that it never met in training (*unseen*,
# [Section 3](03-generalization)). Before networks are compared with each other, this page asks a question that the
# paper does not: how much of their accuracy would a linear model reach?

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
widths: list[int] = []  # W of the networks beside the probe; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["hide-input"]
from IPython.display import Markdown

from repro.analysis import accuracy
from repro.analysis.probe import (
    beside_networks,
    compared,
    linear_probe,
    probe_by_fold,
    shipped_probe,
)
from repro.edition import open_edition
from repro.errors import InputError
from repro.figures import page
from repro.store.store import Store
from repro.sweep.available import runs_of

edition = open_edition(edition, widths=widths, **settings)
page.start(edition)

# %% [markdown]
# ## A linear probe
#
# The probe sees of a clip only its mean spectrum. It averages the networks' features $X(m, t)$ over the $T$ frames,
# which leaves one number for each of the 256 mel bands, and decides for the class with the largest linear score:
#
# $$
# \bar x_m = \frac{1}{T} \sum_t X(m, t), \qquad \hat c = \arg\max_c \, (A \bar x + b)_c .
# $$
#
# $A$ and $b$ are fitted to the networks' training clips by multinomial logistic regression. The strength of its L2
# penalty is chosen on these clips, too, by cross-validation over cities, or of ESC-10 over folds. The order of the
# frames plays no part in it. So what a network reaches beyond the probe has to come from patterns in time and
# frequency, or from a decision that is not linear.

# %% tags=["remove-input"]
page.code(linear_probe)

# %% tags=["remove-input", "remove-output"]
records = runs_of(edition, "width")
probe, notice = None, None
try:
    probe = probe_by_fold(edition, Store.default().root)
except InputError as error:
    probe = shipped_probe(edition)
    notice = page.without_recordings(edition, error) if probe is None else None

# %% tags=["remove-input"]
notice

# %% [markdown]
# ## Networks against the probe
#
# The networks are those of [Section 5.1](05-1-width), which explains how their accuracies are averaged. Where an
# edition leaves out several folds in turn, the probe is fitted and tested for each of them, and its accuracy is the
# mean.

# %%
table = accuracy.accuracies(records)
beside_networks(accuracy.report(table, edition.replicates), probe)

# %% tags=["remove-input"]
Markdown(compared(accuracy.by_run(table), probe)) if probe is not None else None

# %% [markdown]
# The best network is picked by the accuracies that it is then compared with, so its lead is a little too large. Where
# there are several folds, the probe's accuracy in each of them:

# %% tags=["remove-input"]
several = probe is not None and len(probe) > 1
(
    (100 * probe[["unseen", "seen"]]).round(1).rename_axis(columns="probe / %")
    if several
    else None
)

# %% tags=["remove-input"]
page.provenance(records)
