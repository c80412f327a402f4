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
# A statement is split into effects. Each has a direction and a margin, written into the code before any accuracy of the
# edition was looked at ([Appendix A](A-setup) lists later changes). An effect is a contrast between networks: a
# difference, or a slope over width or depth. Its 95 % interval says how far it could change with other test recordings,
# other microphones and other trainings on the same material. It is made of what is left of the differences between runs
# once the means of networks, and of each variant's folds, are taken out, pooled over those networks of a study that fit
# their training data, as if all of them varied alike; of how the difference between base and damped varies over the folds, where these two are compared;
# and of what single devices add.
#
# Two questions are answered apart. Is there an effect? Its *signal* is present (the interval excludes zero), absent (two
# one-sided tests at 5 %, which is an interval of 90 %, place it within a size that does not matter) or undetermined.
# What does not matter is one point, of a slope one point over the whole range of sizes; and a factor of 1.05 in a radius.
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
# A claim asserts all its effects and stands as its weakest one, unless it asks for some network alone: then as its
# strongest. From weak to strong: contradicted, not asked, runs missing, premise not met, negligible, inconclusive, direction
# only, supported. Effects on receptive fields are in log-%, a hundred times the natural logarithm of a ratio. *Detectable* is the
# smallest effect that this edition would have found with a probability of 80 %. Until all runs of a study are there, its
# pooled variance, and with it every interval, can still change.

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
