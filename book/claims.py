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
# effective receptive field is a possible interpretation. This page puts each statement that can be measured to the
# networks of this edition.
#
# A statement is split into effects. An effect is a contrast between networks: a difference, or a slope over width or
# depth. Each has a direction and a margin, written into the code before any accuracy of the edition was looked at
# ([Appendix A](A-setup) lists later changes). Its 95 % interval says how far it could change with other test recordings,
# other microphones and other trainings on the same material; folds share training clips, so it may be too narrow. It has
# up to three parts:
#
# - how runs scatter once the mean of every network, and of every fold within a variant, is taken out. All networks of a
#   study that fit their training data are pooled, as if all of them scattered alike;
# - where base and damped networks are compared, how their difference varies over the folds;
# - for accuracies on unseen devices, how the effect differs from device to device.
#
# Two questions are answered apart. Is there an effect? Its *signal* is present (the interval excludes zero), absent (two
# one-sided tests at 5 %, which is an interval of 90 %, place it within a size that does not matter) or undetermined.
# What does not matter is one point, of a slope one point over the whole range of sizes; and a factor of 1.05 in a radius.
# An effect that is claimed to be *equal* has a margin of its own instead: it is supported where the interval of 90 % lies
# within that margin, although the one of 95 %, which is shown, may reach beyond it.
# And how large is the effect? Its *size* is compared with the value that the paper gives. From both follows the verdict:
#
# - **supported**: the effect is there, in the claimed direction and of the claimed size; or, where only a significant
#   reversal would speak against it, there is none;
# - **direction only**: the mean points the claimed way, but the interval reaches beyond what is claimed, the mean is below
#   the claimed size, or the adjustment for the number of networks tried leaves it open;
# - **inconclusive**: the mean does not point the claimed way, but the interval or the adjustment leaves it open; of a claim
#   about every run, some runs agree;
# - **negligible**: whatever effect there is, it is too small to matter, either way;
# - **contradicted**: it is significantly outside of what is claimed, after Holm's adjustment for a claim's effects; a claim
#   about every run is contradicted where no run agrees;
# - **premise not met**: the paper speaks of networks that fit their training data, and some of these do not (below
#   97.5 % of the training labels in some run): then there is no verdict;
# - **runs missing**: some of the runs that it takes are not there; what the others give is shown all the same;
# - **not asked**: this edition does not train all the networks that it takes.
#
# A claim asserts all its effects and stands as its weakest one. From weak to strong: contradicted, not asked, runs missing,
# premise not met, negligible, inconclusive, direction only, supported. Claim 16 alone asks for some network: one supported
# effect is enough for it, and while runs are missing that could still support it, it waits for them. Effects on
# receptive fields are in log-%, a hundred times the natural logarithm of a ratio. *Detectable* is the smallest
# effect that this edition would have found with a probability of 80 %. Until all runs of a study are there, its pooled
# variance, and with it every interval, can still change.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["hide-input"]
from repro.analysis.evidence import Evidence
from repro.edition import open_edition
from repro.figures import page
from repro.figures.ledger_table import ledger_table
from repro.sweep.available import runs_of

edition = open_edition(edition, **settings)
page.start(edition)

# %% tags=["remove-output"]
evidence = Evidence(edition, tuple(runs_of(edition)))

# %% tags=["hide-input"]
ledger_table(evidence)

# %% [markdown]
# The same as data: `repro claims --edition NAME --json`.

# %% tags=["remove-input"]
page.provenance(evidence.records)
