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
# Convolutional networks dominate audio classification. In other fields larger networks are better networks, even beyond
# the size at which they fit their training set completely and are called *over-parameterised*
# {cite}`belkin2019reconciling,nakkiran2020deep,neyshabur2019role,kaplan2020scaling`. Whether this holds for audio was
# open when the paper {cite}`koutini2021over` was written. It matters there for two reasons. A classifier of acoustic
# scenes is used with recording devices that it was not trained on, and this costs it much of its accuracy. And the
# devices that it should run on are small.
#
# The paper asks two questions. Which way of making a network larger, if any, helps on devices that it was not trained
# on? And is it the added weights that help, or something else that comes with adding them? It scales one architecture,
# [CP-ResNet](04-models), in two variants and in four ways:
#
# 1. in width $W$, the number of channels ([Section 5.1](05-1-width)),
# 2. in depth $D$, by 3×3 blocks, which enlarge the receptive field ([Section 5.2](05-2-depth)),
# 3. in depth $K$, by 1×1 blocks, which do not ([Section 5.2](05-2-depth)),
# 4. in width at a constant number of weights, by pruning ([Section 5.3](05-3-sparsity)).
#
# Every network is trained in two variants: as it is (*base*), and with convolutions that are damped along frequency
# (*damped*, [Appendix B](B-damping)).

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
widths: list[int] = []  # W of the networks only widened; empty: the edition's
depths: list[int] = []  # D of those deepened by 3x3 blocks; empty: the edition's
pointwise: list[int] = []  # K of those deepened by 1x1 blocks; empty: the edition's
compound: list[list[int]] = []  # (W, D) of those scaled in both; empty: the edition's
sparse_widths: list[int] = []  # W of the sparse networks; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt

from repro.analysis import accuracy
from repro.analysis.evidence import Evidence
from repro.edition import open_edition
from repro.figures import charts, page
from repro.sweep.available import runs_of

edition = open_edition(
    edition,
    widths=widths,
    depths=depths,
    pointwise=pointwise,
    compound=compound,
    sparse_widths=sparse_widths,
    **settings,
)
page.start(edition)

# %% [markdown]
# ## All ways of scaling in one figure
#
# The paper opens with a summary: the accuracy of the damped network over its number of weights, one line a way of
# scaling. The sparse networks are our addition to it: its caption does not name them. They all keep as many
# weights as one narrow dense network has, and therefore stand above one another. A network that is both wider and deeper
# than the baseline can stand in two lines, that of depth and that of width and depth.
# [Section 5.1](05-1-width) explains how accuracies are averaged.

# %% tags=["remove-output"]
records = runs_of(edition, *accuracy.SCALINGS.values())
evidence = Evidence(edition, tuple(records))

# %% mystnb={"figure": {"name": "fig-1", "caption": "**Figure 1.** Accuracy of the damped network over its number of weights, for every way of scaling, on unseen devices (left) and on the seen device (right). Means and standard deviations over the reported epochs of all runs. The sparse networks all have the same number of weights, and beside each stands its width; they are our addition."}, "image": {"alt": "Accuracy over number of weights for the damped network, one line a way of scaling, on unseen devices and on the seen one."}}
scalings = accuracy.scaling_report(evidence)
damped = scalings[scalings["variant"] == "damped"]
figure = charts.accuracy_over_weights(damped, "damped")
plt.show()

# %% tags=["remove-input"]
shown = [record for record in records if record.experiment.model.damped]
page.figure_note(shown, "fig-1", damped)

# %% tags=["remove-input"]
page.findings(evidence, 8, 15)

# %% [markdown]
# The paper says of its figure that networks scaled by width are significantly better on unseen devices than those scaled
# by depth, and that width and depth together are on a par with the best. Figure 17 is the same plot of the base network
# ([Appendix D](D-base)), and the [claims ledger](claims) has all of the paper's statements one by one.

# %%
accuracy.scaling_table(damped)

# %% tags=["remove-input"]
page.provenance(records)
