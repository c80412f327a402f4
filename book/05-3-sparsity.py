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
# # 5.3 Increasing the width with sparsification
#
# A wider network has more channels and more weights. Which of the two helps? To tell them apart, the paper brings wide
# networks down to the number of weights $N_t$ of a narrow one. In the paper that is $N(W = 64)$, the narrowest network that
# fits random labels wholly, which leaves 1.6 % of the weights of $W = 512$; here it is that of the dense network with which
# Figure 6 begins, whether or not it fits random labels wholly ([Section 4](04-models)). The paper prunes in two ways. With
# static random pruning, more width helps at first and then less and less {cite}`golubeva2021are`. Iterative magnitude
# pruning is expected to do better than that, and than methods that choose weights before training
# {cite}`frankle2021pruning,tanaka2020pruning,lee2019snip`. With it, the accuracy on unseen devices hardly drops even for
# the widest network, while the damped network loses accuracy on the seen device.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
sparse_widths: list[int] = []  # W of the sparse networks; empty: the edition's
widths: list[int] = []  # W of the dense networks behind them; empty: the edition's
seeds: list[int] = []  # seeds of the trainings; empty: the edition's
settings: dict = {}  # any other setting of the edition, such as {"sparse_epochs": 20}

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from repro.analysis import accuracy
from repro.analysis.evidence import Evidence, Network
from repro.edition import VARIANTS, open_edition
from repro.experiment import ModelConfig
from repro.figures import charts, page
from repro.network.cp_resnet import layer_name, layer_weights, weight_count
from repro.network.pruning import (
    draw_masks,
    layer_targets,
    remaining_schedule,
    remove_smallest,
)
from repro.sweep.available import runs_of

edition = open_edition(
    edition, sparse_widths=sparse_widths, widths=widths, seeds=seeds, **settings
)
page.start(edition)

# %% [markdown]
# ## Static random pruning
#
# The weights to remove are drawn before the training and stay zero throughout. The largest layers give first: the largest
# one is cut down to the size of the next, then both together to the size of the one after, and so on until $N_t$ weights
# are left. Layers that are smaller than the others are by then stay whole. Within a layer, all weights are equally likely
# to go.

# %% tags=["remove-input"]
page.code(layer_targets, draw_masks)

# %% [markdown]
# For the widest sparse network of this edition:

# %% tags=["hide-input"]
widest = max(edition.sparse_widths, default=edition.reference_width)
target = weight_count(ModelConfig(width=edition.reference_width))
sizes = layer_weights(ModelConfig(width=widest))
layers = pd.DataFrame({"weights": sizes, "left": layer_targets(sizes, target)})
layers = layers.rename(layer_name)
layers.loc["all"] = layers.sum()
layers["left / %"] = (100 * layers["left"] / layers["weights"]).round(1)
layers.rename_axis(f"W = {widest}")

# %% [markdown]
# ## Iterative magnitude pruning
#
# Here the training starts with all $N$ weights, and the smallest ones are removed epoch by epoch. The paper has the number
# removed decay exponentially and gives no rate. We take the same share of what is left every time, which needs none: in
# epoch $e$ there remain
#
# $$
# N_e = N \left( \frac{N_t}{N} \right)^{t_e},
# \qquad
# t_e = \frac{e - s + 1}{n - s + 1}
# \qquad (s \le e \le n).
# $$
#
# Pruning starts at $s$, the end of the warm-up. Before that, magnitudes say nothing: the second convolution of
# every block and the classifier start at zero and have not had time to grow. It ends at $n$, three quarters of the epochs;
# the rest, with the reported epochs, trains the sparse network.

# %% tags=["remove-input"]
page.code(remaining_schedule)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Number of remaining weights over epochs: all until the end of the warm-up, then an exponential fall to the target, constant in the last quarter."}}
start = edition.pruning_start or max(1, edition.warmup_epochs)
schedule = remaining_schedule(
    sum(sizes.values()), target, edition.sparse_epochs, start, edition.pruning_ramp
)
figure, ax = plt.subplots(figsize=(6, 2.6))
ax.step(range(len(schedule)), schedule, where="post")
ax.axhline(target, color="black", lw=1, ls=":")
ax.set(xlabel="epoch", ylabel=f"weights left, W = {widest}", ylim=(0, None))
plt.show()

# %% [markdown]
# One threshold holds for the whole network. The magnitude that is compared is that of the weight *as used*, so damped
# weights tend to go first. The paper excludes layers that are more than 99 % sparse from further pruning, so that none
# is emptied; here, `least` keeps one weight in a hundred of every layer.

# %% tags=["remove-input"]
page.code(remove_smallest)

# %% [markdown]
# ## The runs
#
# The lines begin at the dense network that has $N_t$ weights, trained for as many epochs as the sparse ones.

# %% tags=["remove-output"]
dense = runs_of(edition, "width")
sparse = runs_of(edition, "sparse reference", "static pruning", "iterative pruning")

# %% mystnb={"figure": {"name": "fig-6", "caption": "**Figure 6.** Accuracy over the width of sparse networks that all have the same number of weights, on unseen devices (left) and on the seen device (right). Static: random masks drawn before training; iterative: magnitude pruning. The narrowest point is the dense network to whose number of weights all others are pruned. Faint: dense networks of Section 5.1. The second table below says which networks do not fit their training data."}, "image": {"alt": "Accuracy over width of sparse networks, by pruning method and variant, on unseen devices and on the seen one; dense networks faint."}}
table = accuracy.accuracies(sparse)
report, each_run = accuracy.report(table, edition.replicates), accuracy.by_run(table)
figure = charts.sparse_panels(
    report,
    edition.reference_width,
    accuracy.report(accuracy.accuracies(dense), edition.replicates),
)
plt.show()

# %% tags=["remove-input"]
page.figure_note(sparse, "fig-6", each_run)

# %% tags=["remove-input"]
page.machines(sparse)

# %% tags=["remove-input"]
unguarded = runs_of(edition, "unguarded pruning")
evidence = Evidence(edition, tuple(dense + sparse + unguarded))
page.findings(evidence, 9, 10, 16, 14)

# %%
accuracy.percentages(report, ["method", "width"]).rename_axis(index=["method", "W"])

# %% [markdown]
# Do the sparse networks still fit their training data? Only then does a claim say anything about them. The guard against
# emptied layers keeps one weight in a hundred of each. In a narrow network this can leave the classifier hardly more
# weights than there are classes, or fewer. A class without a weight has the same score for every clip, so that of all
# such classes one at most is ever given. The last column counts the classes that a network gives to no test clip. If it
# never gives one of ten equally frequent classes, it can reach nine tenths of the training labels; if it never gives
# three, seven tenths. A training accuracy near this bound is that of a network that lost classes, which is another fault
# than being sparse. Networks that do not fit take no part in the verdicts.

# %%
accuracy.worst_fit(sparse)

# %% [markdown]
# ## Which weights are left
#
# Both methods leave the same number of weights, but not in the same layers. The share that is left of each layer, a mean
# over all runs of the widest network that was trained with both methods and in both variants:


# %%
def pruned_at(width):
    return {
        f"{method}, {variant}": evidence.runs(Network(variant, width, method=method))
        for method in ("static", "iterative")
        for variant in VARIANTS
    }


trained = [width for width in edition.sparse_widths if all(pruned_at(width).values())]
shown = max(trained, default=widest)
pruned, sizes = pruned_at(shown), layer_weights(ModelConfig(width=shown))
left = {
    name: pd.DataFrame([run.layer_weights for run in runs.values()]).mean()
    for name, runs in pruned.items()
    if runs
}
left = 100 * pd.DataFrame(left, index=list(sizes)).div(pd.Series(sizes), axis="index")
left.round(1).rename(layer_name).rename_axis(columns=f"W = {shown}, left / %")

# %% [markdown]
# And when iterative pruning took them, in the run of the first fold and seed. The second convolution of every block
# starts at zero, so what has not grown by the end of the warm-up goes first.

# %% mystnb={"image": {"alt": "Share of removed weights by layer and epoch, for the iteratively pruned base and damped network."}}
first = edition.folds[0], edition.seeds[0]
for variant in VARIANTS:
    run = pruned[f"iterative, {variant}"].get(first)
    removed = None if run is None else run.layer_sparsity.rename(columns=layer_name)
    charts.layer_sparsity(removed, f"{variant}, W = {shown}")
    plt.show()

# %% [markdown]
# A possible explanation that the paper offers for the drop of the damped network on the seen device: the damped weights
# are small, so they would go first, and leave a receptive field that is narrower along frequency. [Appendix C](C-erf)
# measures that field.
#
# ## Without the guard
#
# The paper reports significant drops from $W = 192$ on where layers are *not* protected from being emptied. The same
# networks with the guard (iterative) and without (unguarded):


# %% tags=["hide-input"]
def emptiest(network):
    full = layer_weights(ModelConfig(width=network.width))
    kept = [
        100 * number / full[name]
        for run in evidence.runs(network).values()
        for name, number in run.layer_weights.items()
    ]
    return f"{min(kept):.2f}" if kept else accuracy.NOT_TRAINED


compared = unguarded + [
    run
    for run in runs_of(edition, "iterative pruning")
    if run.experiment.model.width in edition.unguarded_widths
]
if not edition.unguarded_widths:
    display(Markdown("This edition does not train them."))
elif not compared:
    display(Markdown("No run of these networks is there yet."))
else:
    report = accuracy.report(accuracy.accuracies(compared), edition.replicates)
    table = accuracy.percentages(report, ["width", "method"])
    display(table.rename_axis(index=["W", "pruning"]))
    rows = [
        {"W": width, "pruning": method}
        | {v: emptiest(Network(v, width, method=method)) for v in VARIANTS}
        for width in edition.unguarded_widths
        for method in ("iterative", "unguarded")
    ]
    shares = pd.DataFrame(rows).set_index(["W", "pruning"])
    display(
        Markdown("Was any layer emptied? The smallest share that one keeps:"),
        shares.rename_axis(columns="weights left / %"),
    )

# %% tags=["remove-input"]
page.findings(evidence, 19)

# %% [markdown]
# ## By device and by class
#
# The dense network with which the lines of Figure 6 begin and the pruned ones of "Which weights are left", on every unseen
# device and in every class. A network that lacks runs is shown by those that it has.

# %% mystnb={"image": {"alt": "Accuracy on every unseen device, one dot a device, by network."}}
begin = [evidence.runs(evidence.reference(variant)) for variant in VARIANTS]
page.breakdown(run for runs in [*begin, *pruned.values()] for run in runs.values())

# %% tags=["remove-input"]
page.provenance(dense + sparse + unguarded)
