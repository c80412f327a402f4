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
# **The question.** A network is trained on the sound of one recording device and then meets others. What helps it there:
# more channels, more layers, or neither? And if more channels help, is it the added weights that do it? The paper finds
# that width helps on devices never heard in training, that depth does not, and that part of the gain survives when the
# added weights are pruned away again. The repository that it names for its code holds only a README; here every result
# comes from networks that this project trained.
#
# **The words.** The *width* W of a network is its number of channels; the *depths* D and K count its blocks of 3×3 and of
# 1×1 convolutions. The *damped* network is the *base* network with convolutions that are weakened along frequency. *Dense*
# networks have all their weights; of *sparse* ones most are removed, at random before training (*static*) or the smallest
# ones while training goes on (*iterative*).

# %% tags=["parameters", "remove-input"]
edition: str = "quick"  # a file of book/editions
beside: str = "quick"  # an edition whose verdicts stand beside
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["remove-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from repro.analysis import accuracy
from repro.analysis.answer import answer, outcomes
from repro.analysis.evidence import Evidence
from repro.edition import open_edition
from repro.figures import charts, page
from repro.figures.ledger_table import summary_table
from repro.figures.markup import unbroken
from repro.store.store import Store
from repro.sweep.available import available, runs_of

edition = open_edition(edition, **settings)
page.start(edition)

# %% tags=["remove-cell"]
evidence = Evidence(edition, tuple(runs_of(edition)))

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
Markdown(unbroken("\n".join([edition.description, "", *answer(evidence)])))

# %% tags=["remove-input"] mystnb={"image": {"alt": "Accuracy over width for the base and the damped network, on unseen devices and on the seen one."}}
widened = evidence.of_study("width")
table = accuracy.accuracies(widened)
figure = charts.accuracy_panels(
    accuracy.report(table, edition.replicates),
    accuracy.by_run(table),
    "width",
    "width W",
    logarithmic=True,
)
plt.show()

# %% [markdown]
# Accuracy over the width of the network, on unseen devices (left) and on the seen one (right): Figure 3 of the paper,
# explained in [Section 5.1](05-1-width).

# %% tags=["remove-input"]
page.machines(widened)

# %% [markdown]
# ## Claim by claim
#
# The criteria, all intervals and the runs behind each line are in the [ledger](claims). The widths are those of this
# edition, and so are the verdicts: "contradicted" is said of its networks. Which width stands for which of the paper's is a
# [judgement call](judgement-calls).

# %% tags=["remove-input"]
other = None
if beside and beside != edition.name:
    second = open_edition(beside)
    found = available(second.experiments(), Store.default(), note=False)
    other = Evidence(second, tuple(found)) if found else None
summary_table(evidence, other)

# %% [markdown]
# ## Report
#
# **Scope.** Every figure, table and measurable statement of the paper.
#
# **Method.** The paper's network, features and augmentation, written from its text and from the group's published code
# for earlier networks; where both are silent, a numbered [judgement call](judgement-calls). The schedule has the paper's
# shape; its numbers of epochs, its learning rate and the widths are the edition's, beside the paper's in
# [Appendix A](A-setup). We had the paper's text, not its pictures: values that only a picture shows are not compared. The
# claims were turned into effects with margins before any result was looked at; what was changed later is a
# [list](amendments).

# %% tags=["remove-input"]
kinds = outcomes(evidence)
parts = []
for kind, name in (
    ("held", "held"),
    ("did not hold", "did not hold"),
    ("open", "stays open, in part or in whole"),
):
    claims = [f"- Claim {claim.number}: {claim.statement}" for claim in kinds[kind]]
    parts.append("\n".join([f"**What {name}** ({len(claims)} of 19)", "", *claims]))
for kind, name in (
    ("runs missing", "waits for runs"),
    ("not asked", "is not asked here"),
):
    if kinds[kind]:
        numbers = ", ".join(str(claim.number) for claim in kinds[kind])
        parts.append(f"**What {name}:** claims {numbers}.")
Markdown(unbroken("\n\n".join(parts)))

# %% [markdown]
# **What was easy.** The architecture: Table 1 has its kernels, widths and poolings, the group's code the rest, and the
# sparsity computed from it agrees with the paper's.
#
# **What was difficult.** The split, the batch size, the pruning schedule and the width of the deepened networks are not
# in the paper. Iterative pruning removes convolutions that are initialised to zero unless it waits for the warm-up.
#
# **What this is evidence for, and what not.** The edition on real recordings is about sound events (ESC-10
# {cite}`piczak2015esc`). Its *seen device* is the recordings as published, made with many unknown devices; an unseen
# device is such a recording convolved with the measured response of a microphone, and compressed for every third one.
# It says nothing about acoustic scenes (TAU Urban Acoustic Scenes 2020 Mobile), whose recordings are a download of 27
# GB and whose trainings take GPUs for days; the edition `tau2020` holds that protocol, ready to run. The quick edition
# shows the machinery at work on sounds that this repository makes, and is no evidence about the paper at all.
#
# ## How to read it
#
# The pages follow the paper. Section 3 lets you see, and hear where the recordings are at hand, what a device does to a
# sound; Section 4 builds the networks; Section 5 scales them; the appendices hold the set-up, the damping and the
# receptive fields. Set-up code is folded; pages with results end with the runs that they were drawn from. To run a
# page with other parameters, or the whole book on other recordings, see the project's README.
#
# ## How to cite
#
# The paper {cite}`koutini2021over`, and this edition by the `CITATION.cff` of its repository.

# %% tags=["remove-input"]
page.provenance(evidence.records)
