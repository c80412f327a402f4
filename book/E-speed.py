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
# # E Speed
#
# How fast one machine does what this book needs, against plain ways of doing the same. `repro bench` measures it, each
# contestant in turn and again, in processes of their own: the table has medians, and ranges in brackets. A timing made
# while other pages are executed would be a wrong one, so this page measures nothing itself. It shows the last
# measurement that the run store holds.

# %% tags=["parameters", "hide-input"]
measurement: str = (
    ""  # a file that `repro bench --json` wrote; "" for the store's last one
)

# %% tags=["hide-input"]
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display

from repro.bench.report import Report, last
from repro.store.store import Store

report = Report.read(Path(measurement)) if measurement else last(Store.default().root)

# %% tags=["hide-input"]
if report is None:
    display(
        Markdown(
            "**No measurement yet.** Run `repro bench` (`--quick`: a short form) while the machine does nothing else, "
            "then `repro book --only E-speed`."
        )
    )
else:
    header, *rows = report.cells()
    display(
        Markdown(report.description()),
        pd.DataFrame(rows, columns=list(header)).set_index("what"),
    )

# %% [markdown]
# What is compared:
#
# - **Features**: the batched computation of [Appendix A](A-setup) against librosa, clip by clip.
# - **Training**: the training of this book against a plain one, base network, $K = 1$, 5 s clips in batches of 10. The
#   plain one keeps every clip's features, too; it feeds them through PyTorch's data loader without workers to a network
#   of PyTorch's own layers in float32 and its default order of memory, with the same mix-up, Adam as it comes, and the
#   loss read after every step. From the same weights, a batch gives both the same loss. On a CPU this book trains one
#   run a core, each on one thread, so that whole machines are compared as well: with one plain training on as many
#   threads as PyTorch takes by itself, and with as many plain trainings of one thread.
#   Where the difference on a CPU comes from: features that are rolled in place of being computed again, channels that
#   lie innermost in memory, batch normalisation in one piece with the ReLU behind it, and memory that stays with the
#   process between two steps. The convolutions themselves are the same, and what they take is a bound on all of it.
# - **Operations**: two for each multiply-accumulate of the convolutions, times three for the forward pass and the two
#   gradients, against what the same processor reaches in a product of two large matrices.
# - **Effective receptive fields**: one map a clip, before the mean over clips is taken.
# - **Peak memory**: of a fresh process that trains, libraries and features included.
