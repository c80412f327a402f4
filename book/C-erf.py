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
# # C The effect of scaling on the effective receptive field
#
# The maximum receptive field says what a pixel of the last feature map *can* see. What it *does* see is its effective
# receptive field {cite}`luo2016understanding`. Let $z_c$ be the channels of the last map before the classifier at its
# centre pixel, and $X_n$ one of $N$ inputs. Then
#
# $$
# \mathrm{ERF}(m, t) = \frac{1}{N} \sum_{n=1}^{N} \Bigl| \frac{\partial}{\partial X_n(m, t)} \sum_c z_c(X_n) \Bigr|
# $$
#
# says how strongly mel band $m$ in frame $t$ acts on that pixel. The paper compares pictures of it: for networks with
# more layers, more channels, and more channels with fewer weights. This page draws the same pictures and measures them.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
seeds: list[int] = []  # seeds of the trainings; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"erf_wide": 8}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from repro.analysis import radii
from repro.analysis.claims_erf import change
from repro.analysis.evidence import Evidence, Network
from repro.analysis.wording import amount
from repro.edition import VARIANTS, open_edition
from repro.erf.gradient import effective_receptive_field
from repro.experiment import ModelConfig
from repro.figures import charts, maps, page
from repro.figures.explorer import erf_explorer
from repro.figures.markup import unbroken
from repro.network.receptive_field import (
    maximum_receptive_field,
    published_receptive_field,
)
from repro.sweep.available import runs_of

edition = open_edition(edition, seeds=seeds, **settings)
page.start(edition)

# %% [markdown]
# ## The gradient
#
# The mean runs over all test clips of the unseen devices. It is taken at the end of a training and kept with the run.

# %% tags=["remove-input"]
page.code(effective_receptive_field)

# %% [markdown]
# Pictures are easy to read too much into, so every pair of them comes with numbers: the radius within which half of the
# gradient lies, or 90 % of it, counted from the centre pixel along frequency (in mel bands) or along time (in ms) and
# summed over the other axis. The maps show the run of the first fold and seed. The tables have mean and standard
# deviation over all folds and seeds, and in brackets the ratio to the first network, a geometric mean over the folds and
# seeds that both have.
# The sizes of the networks are the edition's:

# %% tags=["hide-input"]
few, many = edition.erf_deep_pointwise
k, deep = edition.erf_pointwise, edition.erf_deep_width
narrow, wide = edition.erf_narrow, edition.erf_wide
reference = edition.reference_width
pd.DataFrame(
    {
        "Figs 9, 10: W": [deep, 128],
        "Figs 9, 10: K": [f"{few} and {many}", "0 and 4"],
        "Figs 11, 12: W": [f"{narrow} and {wide}", "32 and 512"],
        "Figs 13 to 16: W": [f"{reference} and {wide}", "64 and 512"],
        "Figs 11 to 16: K": [k, 0],
    },
    index=["this edition", "the paper"],
).T

# %% tags=["remove-output"]
evidence = Evidence(edition, tuple(runs_of(edition)))

# %% [markdown]
# ## C.1 Depth
#
# Blocks of 1×1 convolutions cannot change what the network is able to see. The paper finds that they let the damped
# network see more all the same, and so work against the damping.

# %% mystnb={"figure": {"name": "fig-9", "caption": "**Figure 9.** Effective receptive field of the damped network with few 1×1 blocks (left) and with many (right). Rectangles as in Figure 8, here and in all figures of this page."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, with few and with many 1 by 1 blocks."}}
pair = [Network("damped", deep, pointwise=blocks) for blocks in (few, many)]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-9")

# %% mystnb={"figure": {"name": "fig-10", "caption": "**Figure 10.** The same for the base network."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, with few and with many 1 by 1 blocks."}}
pair = [Network("base", deep, pointwise=blocks) for blocks in (few, many)]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-10")

# %% tags=["remove-input"]
page.findings(evidence, 11)

# %% tags=["remove-input"]
pair = [Network("damped", edition.depth_width, pointwise=n) for n in (few, many)]
of_runs = radii.radii(evidence, pair if edition.depth_width != deep else ())
if len(of_runs):
    text = (
        "The same two numbers of blocks at the width of the depth studies in "
        f"Section 5.2, W = {edition.depth_width}; the claim was not put to it."
    )
    details, radius = (f"K = {many} / K = {few}", "90 %"), "radius_90_bands"
    grown = change(evidence, "damped", details, pair[1], pair[0], radius, "increase")
    if told := amount(grown):
        text += f" There the 90 % radius along frequency changes by {told}."
    display(Markdown(unbroken(text)), radii.radii_table(of_runs))

# %% [markdown]
# ## C.2 Width
#
# The paper reads from its pictures that width concentrates the gradient at the centre of the field.

# %% mystnb={"figure": {"name": "fig-11", "caption": "**Figure 11.** Effective receptive field of a narrow (left) and of a wide damped network (right)."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, narrow and wide."}}
pair = [Network("damped", width, pointwise=k) for width in (narrow, wide)]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-11")

# %% mystnb={"figure": {"name": "fig-12", "caption": "**Figure 12.** The same for the base network."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, narrow and wide."}}
pair = [Network("base", width, pointwise=k) for width in (narrow, wide)]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-12")

# %% tags=["remove-input"]
page.findings(evidence, 12)

# %% [markdown]
# ## C.3 Width with pruning
#
# The two networks of each pair have the same number of weights: a narrow dense one, and a wide one brought down to it.
# In the damped network the damped weights are the smallest ones as used. Magnitude pruning should therefore take them
# first and leave a field that is narrower along frequency. Random pruning has no such preference.

# %% mystnb={"figure": {"name": "fig-13", "caption": "**Figure 13.** Effective receptive field of the damped network: narrow and dense (left), wide and pruned by magnitude while training (right)."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, dense and iteratively pruned."}}
dense = Network("damped", reference, pointwise=k)
pair = [dense, dense._replace(width=wide, method="iterative")]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-13")

# %% mystnb={"figure": {"name": "fig-14", "caption": "**Figure 14.** Effective receptive field of the damped network: narrow and dense (left), wide and pruned at random before training (right)."}, "image": {"alt": "Two heat maps of the damped network's mean absolute gradient, dense and statically pruned."}}
dense = Network("damped", reference, pointwise=k)
pair = [dense, dense._replace(width=wide, method="static")]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-14")

# %% [markdown]
# Width alone changes the field, too (C.2). What pruning does to it shows between networks of one width. The ratios below are
# to the dense one:

# %% tags=["hide-input"]
tables = []
for width in sorted({wide, *edition.sparse_widths}):
    dense = Network("damped", width, pointwise=k)
    pruned = [dense._replace(method=method) for method in ("iterative", "static")]
    if width == wide or any(map(evidence.runs, pruned)):
        found = radii.radii(evidence, [dense, *pruned])
        tables.append(radii.radii_table(found, [dense, *pruned]))
pd.concat(tables)

# %% tags=["hide-input"]
dense = Network("damped", wide, pointwise=k)
changes = {
    method: change(
        evidence,
        "damped",
        (f"{method} / dense", "90 %"),
        dense._replace(method=method),
        dense,
        "radius_90_bands",
        "decrease",
    )
    for method in ("iterative", "static")
}
model = ModelConfig(width=wide, pointwise=k)
poolings = maximum_receptive_field(model) - published_receptive_field(model)
text = (
    f"If every kernel had only its middle row left, poolings alone would widen the view, to {1 + poolings} bands. "
    "No radius could then be larger than half of that."
)
if told := [
    f"{method} pruning by {amount(changes[method])}"
    for method in changes
    if amount(changes[method])
]:
    text += f" At W = {wide} the 90 % radius along frequency changes under {' and under '.join(told)}."
if (interval := changes["static"].estimate.interval()) and interval[0] > 0:
    text += (
        " Random pruning widens the field. The paper says only that it does not narrow it; our criterion has it stay, "
        "so this counts against claim 13."
    )
Markdown(unbroken(text))

# %% [markdown]
# In the base network no weight is damped, and pruning has no reason to prefer the outer rows of a kernel.

# %% mystnb={"figure": {"name": "fig-15", "caption": "**Figure 15.** Effective receptive field of the base network: narrow and dense (left), wide and pruned by magnitude while training (right)."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, dense and iteratively pruned."}}
dense = Network("base", reference, pointwise=k)
pair = [dense, dense._replace(width=wide, method="iterative")]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-15")

# %% [markdown]
# The paper does not compare these two with each other. Its text sets the pruned network of Figure 15 beside the wide
# *dense* one of [Figure 12](fig-12) and calls their fields similar, with and without iterative pruning:

# %% tags=["hide-input"]
dense = Network("base", wide, pointwise=k)
alike = [dense, dense._replace(method="iterative")]
radii.radii_table(radii.radii(evidence, alike), alike)

# %% [markdown]
# Of the last pair its text says nothing.

# %% mystnb={"figure": {"name": "fig-16", "caption": "**Figure 16.** Effective receptive field of the base network: narrow and dense (left), wide and pruned at random before training (right)."}, "image": {"alt": "Two heat maps of the base network's mean absolute gradient, dense and statically pruned."}}
dense = Network("base", reference, pointwise=k)
pair = [dense, dense._replace(width=wide, method="static")]
figure = maps.network_fields(evidence, pair)
plt.show()

# %% tags=["remove-input"]
page.radii_note(evidence, pair, "fig-16")

# %% tags=["remove-input"]
page.findings(evidence, 13)

# %% [markdown]
# ## To try: every network
#
# One network at a time, by its width, depth, 1×1 blocks, pruning and variant. The picture is the mean over its runs, on
# the scale of the figures above and on the same axes for all networks. The solid rectangle holds half of the gradient
# along either axis, the dashed one 90 %, and the dotted one is the solid one of the network shown before. The table has
# the radii of all of them.

# %% tags=["hide-input"]
erf_explorer(evidence)

# %% [markdown]
# ## What the paper does not show
#
# The paper offers the effective receptive field as a possible interpretation of its results, from pairs of pictures.
# With the field of every run at hand we can ask more: over *all* networks of the edition, does the reach along frequency
# tell how well a network does on unseen devices? One point is one network, dense or sparse, of which no run is missing;
# both values are means over its folds and seeds.

# %% mystnb={"image": {"alt": "Scatter plot of accuracy on unseen devices over the 90 percent radius along frequency, one point a network, base and damped."}}
networks = radii.reach_and_accuracy(evidence)
figure = charts.reach_panel(networks)
plt.show()

# %% [markdown]
# Spearman's rank correlation asks only whether one quantity rises or falls with the other. The intervals come from a
# bootstrap over networks. Damping changes both quantities, and so does a network that is too small for its training
# data, so the table repeats the question within each variant and among the networks that fit.

# %% tags=["hide-input"]
groups = {
    "all": networks,
    "base": networks[networks["variant"] == "base"],
    "damped": networks[networks["variant"] == "damped"],
    "that fit their training data": networks[networks["fits"]],
}
found = {
    name: radii.rank_correlation(rows["radius"], rows["accuracy"])
    for name, rows in groups.items()
}
pd.DataFrame(
    {
        name: {
            "networks": value.pairs,
            "rank correlation": value.told,
            "95 % interval": value.interval,
        }
        for name, value in found.items()
    }
).T.rename_axis("among")


# %% tags=["hide-input"]
def reading(among: radii.Correlation) -> str:
    if among.low > 0:
        return "those that see more of the frequency axis are more accurate"
    if among.high < 0:
        return "those that see less of the frequency axis are more accurate"
    if among.low <= 0 <= among.high:
        return "there is no clear relation"
    return "they are too few for an answer"


Markdown(
    "\n".join(
        f"- Among the {found[variant].pairs} {variant} networks: {reading(found[variant])}."
        for variant in VARIANTS
    )
)

# %% [markdown]
# Such a correlation is no cause. Width, depth and damping change the accuracy and the field together, and networks of one
# family are no independent draws, so the interval is rather too narrow.

# %% tags=["remove-input"]
page.provenance(evidence.records)
