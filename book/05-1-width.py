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
# from $W = 32$ to $512$ at $D = 1$ and, as we read it, $K = 1$, once as it is (*base*) and once with frequency-damped
# convolutions ([Appendix B](B-damping)). It reports that the seen device gains little beyond $W = 128$, that accuracy on
# unseen devices rises by ten per cent over the whole range, and that the damped network is ahead at every width.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
widths: list[int] = []  # channels W; empty: the edition's
seeds: list[int] = []  # seeds of the trainings; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from repro.analysis import accuracy, recordings
from repro.analysis.answer import later_gain
from repro.analysis.breakdown import less_lost, lost_by_compression
from repro.analysis.evidence import Evidence
from repro.edition import open_edition
from repro.figures import charts, page, points
from repro.figures.markup import unbroken
from repro.sweep.available import runs_of

edition = open_edition(edition, widths=widths, seeds=seeds, **settings)
page.start(edition)

# %% [markdown]
# ## The runs
#
# One training for every width, variant, fold and seed. As in the paper, an accuracy is the mean over the last ten epochs
# of all runs (over the last tenth of a training of fewer than 100 epochs), and the bar is the standard deviation of the
# same values. Where runs are folds, most of it is that some folds are harder than others for every network. The claims
# compare networks within a fold, so their intervals are narrower than the bars suggest.

# %% tags=["remove-output"]
records = runs_of(edition, "width")
evidence = Evidence(edition, tuple(records))

# %% mystnb={"figure": {"name": "fig-3", "caption": "**Figure 3.** Accuracy over the width W on unseen devices (left) and on the seen device (right). Large marks: mean and standard deviation over the reported epochs of all runs; small marks: single runs."}, "image": {"alt": "Accuracy over width for the base and the damped network, on unseen devices and on the seen one."}}
table = accuracy.accuracies(records)
report, each_run = accuracy.report(table, edition.replicates), accuracy.by_run(table)
figure = charts.accuracy_panels(
    report, each_run, "width", "width W", logarithmic=True
)
plt.show()

# %% tags=["remove-input"]
page.figure_note(records, "fig-3", each_run)

# %% tags=["remove-input"]
page.findings(evidence, 3, 4, 5, 17)

# %%
accuracy.percentages(report, "width").rename_axis("W")

# %% [markdown]
# The claims above are about the widths whose networks fit their training data, if there are any: those that give back at
# least 97.5 % of their training labels in every run. Narrower ones are drawn, but take no part in them. From the narrowest
# width that fits to the widest there may be fewer doublings than the paper's four; the [ledger](claims) also has the gain
# per doubling.

# %%
accuracy.training_fit(records, "width").rename_axis("W")

# %% tags=["remove-input"]
gain = later_gain(evidence)
Markdown(unbroken(gain)) if gain else None

# %% tags=["remove-input"]
RELATIVE = """
Claim 17 counts points. On the seen device there are fewer errors, so the same part of
them is fewer points there. The errors at either end of the
widths compared, in % of the clips, and the part of them that is left:
"""
compared = evidence.fitting_widths()
ends = report[report["width"].isin([compared[0], compared[-1]])]
errors = 100 - 100 * ends.pivot_table("mean", ["group", "variant"], "width")
if errors.shape[1] > 1:
    errors["left / %"] = 100 * errors.iloc[:, 1] / errors.iloc[:, 0]
    errors.columns = [f"W = {width}" for width in errors.columns[:2]] + ["left / %"]
    display(Markdown(RELATIVE), errors.round(1))

# %% tags=["remove-input"]
page.machines(records)

# %% [markdown]
# ## By device and by class
#
# "Unseen" lumps different devices together. How far apart do they lie, and which classes are lost on them? One dot is one
# device, the bar the mean over the devices. The table has the accuracy on a class, in %, on the seen device and, behind the
# arrow, on the unseen ones.

# %% tags=["remove-input"] mystnb={"image": {"alt": "Accuracy on every unseen device, one dot a device, by network."}}
page.breakdown(records)

# %% [markdown]
# ## By microphone
#
# Where the unseen devices are measured microphones (ESC-10): are networks less accurate through those whose response is
# far from flat? One place along the axis is one microphone, with the mean accuracy of the base and of the
# damped networks above. Below the plot stands the measured response of the microphone that is pointed at, its mean level
# taken off. How far it is from flat is its standard deviation from 100 Hz to 10 kHz ([Section 3](03-generalization)). The
# table has the rank correlation of that distance and accuracy, of all microphones and apart for those that also compress
# and those that do not. An interval that contains zero leaves open whether the distance tells anything. Damped minus base
# puts a reading of ours to the test: if damping helps because a microphone's response acts along frequency
# ([Appendix B](B-damping)), the damped network should be the farther ahead the farther the response is from flat.

# %% tags=["remove-input"]
summary = recordings.summary_of(edition) or recordings.Summary()
microphones = points.by_microphone(records)
points.microphones(
    microphones, summary.responses, summary.deviations, summary.compressed
)

# %% tags=["remove-input"]
table = points.by_response(microphones, summary.deviations, summary.compressed)
if len(table):
    display(
        table, Markdown(points.reading_of_damping(microphones, summary.deviations))
    )

# %% tags=["remove-input"]
LOST = """
Does width help against what a response does, or against what a compressor does? Points of
accuracy lost from the seen device to microphones that compress, and to those that do not:
"""
lost = lost_by_compression(records, summary.compressed)
if len(lost):
    shown = lost.round(1).astype(object).fillna(accuracy.NOT_TRAINED)
    display(Markdown(LOST), shown.rename_axis("W"))
    display(Markdown(unbroken(less_lost(lost, compared[0], compared[-1]))))

# %% tags=["remove-input"]
page.provenance(records)
