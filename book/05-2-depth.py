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
# # 5.2 Increasing the depth
#
# A network also gets more weights from more layers. The paper adds them in two ways. More blocks of 3×3 convolutions
# ($D$) let the network see more of the input at a time; more blocks of 1×1 convolutions ($K$) do not. It reports that
# $D$ costs accuracy on seen and unseen devices, and costs the base network more than the damped one. $K$ helps a little
# on the seen device, does not help on the others, and makes the damped network worse.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
depths: list[int] = []  # numbers of 3x3 blocks; empty: the edition's
pointwise: list[int] = []  # numbers of 1x1 blocks; empty: the edition's
compound: list[list[int]] = []  # pairs [W, D] scaled in both; empty: the edition's
seeds: list[int] = []  # seeds of the trainings; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"depth_width": 8}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display

from repro.analysis import accuracy
from repro.analysis.accuracy import NOT_TRAINED
from repro.analysis.evidence import Evidence, Network, difference
from repro.analysis.wording import amount
from repro.data.clips import samples_in
from repro.data.features import frames
from repro.edition import VARIANTS, open_edition
from repro.erf.gradient import crop
from repro.experiment import ModelConfig
from repro.figures import charts, maps, page
from repro.figures.markup import unbroken
from repro.network.cp_resnet import INPUT_BANDS
from repro.network.receptive_field import maximum_receptive_field
from repro.sweep.available import runs_of

edition = open_edition(
    edition,
    depths=depths,
    pointwise=pointwise,
    compound=compound,
    seeds=seeds,
    **settings,
)
page.start(edition)

# %% [markdown]
# ## Two ways to add layers
#
# The blocks of Table 1 are four of width $W$, then $D$ blocks of 3×3 convolutions with $2W$ channels, then $K$ blocks of
# 1×1 convolutions with $4W$ channels ([Section 4](04-models) has the code).
#
# The $D$ blocks work on maps that were halved four times, so one step in such a map is $2^4 = 16$ pixels of the input.
# A block has two convolutions, and each of them reaches one step further to either side. Every block beyond the first
# therefore adds $2 \cdot 2 \cdot 16 = 64$ pixels to the side of the maximum receptive field. How much of a clip can the
# pixel in the middle of the last map see?

# %%
clip_frames = frames(samples_in(edition.clip_seconds))
clip = torch.zeros(INPUT_BANDS, clip_frames)
models = {depth: ModelConfig(depth=depth) for depth in edition.depths}
seen = {depth: crop(clip, model).values.shape for depth, model in models.items()}
pd.DataFrame(
    {
        "side / pixels": {d: maximum_receptive_field(m) for d, m in models.items()},
        f"frames seen, of {clip_frames}": {d: shape[1] for d, shape in seen.items()},
        f"mel bands seen, of {INPUT_BANDS}": {
            d: shape[0] for d, shape in seen.items()
        },
    }
).rename_axis("D")

# %% tags=["hide-input"]
paper_frames = frames(samples_in(10))
needed = next(
    d
    for d in range(1, 99)
    if maximum_receptive_field(ModelConfig(depth=d)) >= paper_frames
)
whole = [depth for depth, shape in seen.items() if shape[1] == clip_frames]
text = f"A clip of {edition.clip_seconds:g} s has {clip_frames} frames. "
text += (
    f"With D ≥ {min(whole)} the pixel in the middle sees all of them. Beyond that, "
    "more blocks add layers, but no view in time. "
    if whole
    else "No network of this edition sees all of them. "
)
text += f"In the paper's clips of 10 s, with {paper_frames} frames, that takes D = {needed}."
Markdown(text)

# %% [markdown]
# So short clips weaken the comparison: the paper explains the loss by the growing receptive field
# {cite}`koutini2021receptive`, of which the part beyond the clip has no effect. How far the *effective* field still grows
# is measured below.
#
# ## Deeper, with a larger receptive field

# %% tags=["hide-input"]
Markdown(
    unbroken(
        f"All networks of this section and of the next one have W = {edition.depth_width}; "
        "D is varied at K = 1, and K at D = 1."
    )
)

# %% tags=["remove-output"]
deeper = runs_of(edition, "depth")

# %% mystnb={"figure": {"name": "fig-4", "caption": "**Figure 4.** Accuracy over the depth D (3×3 blocks, growing receptive field) on unseen devices (left) and on the seen device (right). Large marks: mean and standard deviation over the reported epochs of all runs; small marks: single runs."}, "image": {"alt": "Accuracy over the depth D for the base and the damped network, on unseen devices and on the seen one."}}
table = accuracy.accuracies(deeper)
report, each_run = accuracy.report(table, edition.replicates), accuracy.by_run(table)
figure = charts.accuracy_panels(
    report, each_run, "depth", "depth D", logarithmic=False
)
plt.show()

# %% tags=["remove-input"]
page.figure_note(deeper, "fig-4", each_run)

# %% tags=["remove-input"]
page.findings(Evidence(edition, tuple(deeper)), 6)

# %%
accuracy.percentages(report, "depth").rename_axis("D")

# %% [markdown]
# The claim is about the slope of these lines, in points per block. The paper does not say at which width it deepens its
# networks; ours, which stands above the figure, is a [judgement call](judgement-calls).
#
# ## Deeper, with the same receptive field

# %% tags=["remove-output"]
pointwise_runs = runs_of(edition, "pointwise")

# %% mystnb={"figure": {"name": "fig-5", "caption": "**Figure 5.** Accuracy over the number K of 1×1 blocks, which leave the maximum receptive field as it is, on unseen devices (left) and on the seen device (right). Marks as in Figure 4."}, "image": {"alt": "Accuracy over the number of 1 by 1 blocks for the base and the damped network, on unseen devices and on the seen one."}}
table = accuracy.accuracies(pointwise_runs)
report, each_run = accuracy.report(table, edition.replicates), accuracy.by_run(table)
figure = charts.accuracy_panels(
    report, each_run, "pointwise", "1×1 blocks K", logarithmic=False
)
plt.show()

# %% tags=["remove-input"]
page.figure_note(pointwise_runs, "fig-5", each_run)

# %% tags=["remove-input"]
page.findings(Evidence(edition, tuple(pointwise_runs)), 7)

# %%
accuracy.percentages(report, "pointwise").rename_axis("K")

# %% [markdown]
# ## Depth against width, and both together
#
# More layers and more channels both cost weights. Which of them are spent better? The table has all dense networks of
# Sections 5.1 and 5.2 by their number of weights: the widened ones ($D = K = 1$), the deepened ones, and those that were
# scaled in width and depth together, which the paper finds on a par with the best.

# %%
records = runs_of(edition, "width", "depth", "pointwise", "compound")
accuracy.size_table(accuracy.report(accuracy.accuracies(records), edition.replicates))

# %% tags=["remove-input"]
evidence = Evidence(edition, tuple(records))
page.findings(evidence, 8, 15)

# %% tags=["remove-input"]
page.machines(records)

# %% [markdown]
# ## The same at another width
#
# Does it depend on the width? The first and the last network of both depth studies were trained again at another width. What
# the accuracy changes by from the first to the last, in points, within folds and seeds, with intervals as in the ledger; no
# claim is put to it:

# %% tags=["remove-output"]
wider = runs_of(edition, "wider depth")
evidence = Evidence(edition, tuple(records + wider))


# %% tags=["hide-input"]
def change(variant: str, width: int, group: str, **ends: tuple[int, int]) -> str:
    (size, (first, last)) = ends.popitem()
    few, many = (Network(variant, width, **{size: n}) for n in (first, last))
    studies = "width", "depth", "pointwise", "wider depth"
    contrast = difference(many, few)
    found = evidence.effect(variant, group, "", contrast, "decrease", studies)
    return amount(found).replace(" points", "")


ends = {
    f"{symbol} = {min(sizes)} to {max(sizes)}": {size: (min(sizes), max(sizes))}
    for symbol, size, sizes in (
        ("D", "depth", edition.depths),
        ("K", "pointwise", edition.pointwise),
    )
    if sizes
}
rows = {
    (name, variant, group): {
        f"W = {width}": change(variant, width, group, **sizes)
        for width in (edition.depth_width, edition.deep_width)
    }
    for name, sizes in ends.items()
    for variant in VARIANTS
    for group in ("unseen", "seen")
}
if edition.deep_width:
    display(pd.DataFrame.from_dict(rows, orient="index").replace("", NOT_TRAINED))
else:
    display(Markdown("This edition does not train them."))

# %% [markdown]
# ## What the networks look at
#
# The paper looks for the reason in the effective receptive field, the part of the input that the network responds to
# ([Appendix C](C-erf)). The damped network loses by more 1×1 blocks, it argues, because they enlarge the field that
# damping has narrowed. Its Figure 7 shows scaled variants of the damped network, all cropped to the maximum receptive
# field at $D = 1$; its caption does not say which. Here they are the baseline, the network with the most 3×3 blocks, the
# one with the most 1×1 blocks and, where the edition has one, the largest that was scaled in both.

# %% mystnb={"figure": {"name": "fig-7", "caption": "**Figure 7.** Effective receptive fields of scaled variants of the damped network, over all test clips of the unseen devices, cropped to the maximum receptive field at $D = 1$; runs of the first fold and seed. The rectangles hold 50 % (solid) and 90 % (dashed) of the gradient along each axis."}, "image": {"alt": "Heat maps of the mean absolute gradient around the centre pixel for variants of the damped network."}}
width = edition.depth_width
variants = [
    Network("damped", width),
    Network("damped", width, depth=max(edition.depths, default=1)),
    Network("damped", width, pointwise=max(edition.pointwise, default=1)),
    *[Network("damped", *sizes) for sizes in edition.compound[-1:]],
]
figure = maps.network_fields(evidence, variants, depth=1)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, variants, "fig-7")

# %% [markdown]
# The radii are means over the folds and seeds that a network has. They count the whole of each network's own maximum
# receptive field, which for $D > 1$ is larger than what the map shows.
#
# ## By device and by class
#
# The same networks, damped and base, on every unseen device and in every class. A network that lacks runs is shown by
# those that it has.

# %% mystnb={"image": {"alt": "Accuracy on every unseen device, one dot a device, by network."}}
both = [n._replace(variant=variant) for n in variants for variant in VARIANTS]
page.breakdown(run for network in both for run in evidence.runs(network).values())

# %% tags=["remove-input"]
page.provenance(records + wider)
