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
# Do the results of Figure 1 hold without damping? The paper ends with the counterpart of its
# [first figure](01-introduction): the same ways of scaling, applied to the base network.

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
from repro.figures import charts, page, points
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
# The figure is drawn as Figure 1 is, from the base networks of the same studies. Again the sparse networks are our
# addition.

# %% tags=["remove-output"]
records = runs_of(edition, *accuracy.SCALINGS.values())
evidence = Evidence(edition, tuple(records))

# %% tags=["remove-input"]
page.code(accuracy.scaling_report)

# %% mystnb={"figure": {"name": "fig-17", "caption": "**Figure 17.** Accuracy of the base network over its number of weights, for every way of scaling, on unseen devices (left) and on the seen device (right). Means and standard deviations over the reported epochs of all runs. The sparse networks all have the same number of weights, and beside each stands its width; they are our addition."}, "image": {"alt": "Accuracy over number of weights for the base network, one line a way of scaling, on unseen devices and on the seen one."}}
scalings = accuracy.scaling_report(evidence)
base = scalings[scalings["variant"] == "base"]
figure = charts.accuracy_over_weights(base, "base")
plt.show()

# %% tags=["remove-input"]
shown = [record for record in records if not record.experiment.model.damped]
page.figure_note(shown, "fig-17", base)

# %% [markdown]
# The paper says nothing about this figure in its text. Its claims on width and depth, 8 and 15, are made for its Figure 1,
# of the damped network; [Section 5.2](05-2-depth) asks them of both networks.

# %%
accuracy.scaling_table(base)

# %% [markdown]
# ## Every run by itself
#
# The runs behind both figures, base and damped, one mark a run, with its accuracy on the unseen devices. A mark that is
# pointed at says which run it is; the table has all of them.

# %% tags=["remove-input"]
points.runs(records)

# %% tags=["remove-input"]
page.provenance(records)
