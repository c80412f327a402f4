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
# # Status
#
# What this build was made from: the runs of its edition, the machines that trained them, the versions that drew the
# pages, and how fast a machine does what the book needs.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
measurement: str = ""  # of `python -m benchmarks`; empty: the store's, or ours
settings: dict = {}  # any other setting of the edition, such as {"epochs": 20}

# %% tags=["hide-input"]
import json
import platform
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display

from repro.edition import open_edition
from repro.figures import page
from repro.figures.markup import EXECUTED, Html
from repro.files.project import project_root
from repro.store.provenance import revision
from repro.store.store import Store
from repro.sweep.available import runs_of

edition = open_edition(edition, **settings)
page.start(edition)

# %% [markdown]
# ## Runs
#
# By study: how many runs there are of those that the edition asks for, and how long they were trained. A run may belong
# to several studies.

# %% tags=["remove-output"]
records = runs_of(edition)

# %% tags=["remove-input"]
by_experiment = {record.experiment.canonical_text(): record for record in records}
rows = {}
for name, study in edition.studies.items():
    if not study:
        continue
    there = [
        by_experiment[text]
        for run in study
        if (text := run.canonical_text()) in by_experiment
    ]
    rows[name] = {
        "asked for": len(study),
        "there": len(there),
        "minutes": round(sum(run.seconds for run in there) / 60, 1),
    }
pd.DataFrame(rows).T.rename_axis("study").astype({"asked for": int, "there": int})

# %% tags=["remove-input"]
pd.Series(
    [record.provenance["device"] for record in records], name="runs", dtype=str
).value_counts().rename_axis("trained on").to_frame("runs")

# %% [markdown]
# ## This build

# %% tags=["remove-input"]
packages = ("torch", "torchaudio", "numpy", "scipy", "librosa", "matplotlib")
pd.Series(
    {"revision": revision(), "python": platform.python_version()}
    | {name: version(name) for name in packages},
    name="",
).to_frame()

# %% [markdown]
# When its pages were executed, how long each took (several ran at once), and how many runs it shows:

# %% tags=["remove-input"]
Html(EXECUTED)

# %% [markdown]
# ## Speed
#
# `python -m benchmarks` measures a machine against plain ways of doing the same, each in turn and again: medians, and
# the ratio's range. *Features* are the batched computation of [Appendix A](A-setup) against librosa, clip by clip.
# *Training* is that of this book against PyTorch's own layers in float32 and its default order of memory, fed by a data
# loader without workers; from the same weights a batch gives both the same loss.

# %% tags=["remove-input"]
path = Path(measurement) if measurement else Store.default().root / "bench.json"
if not (measurement or path.is_file()):
    path = project_root() / "results" / "bench.json"
if path.is_file():
    report = json.loads(path.read_text())
    machine = report["machine"]
    where = f"{machine['gpu'] or machine['cpu']}, {machine['cores']} cores"
    when = f"{report['finished'][:10]}, at revision {str(report['revision'])[:10]}"
    display(Markdown(f"Measured on {where}, {when}."))
    rows = {
        row["what"]: {
            "here": f"{row['ours']:.4g} {row['unit']}",
            "against": f"{row['theirs']:.4g}",
            "by": row["against"],
            "ratio": f"{row['ratio']:.2f} ({row['lowest']:.2f}–{row['highest']:.2f})",
        }
        for row in report["rows"]
    }
    display(pd.DataFrame.from_dict(rows, orient="index"))
else:
    display(
        Markdown("No measurement yet: run `python -m benchmarks` on an idle machine.")
    )

# %% tags=["remove-input"]
page.provenance(records)
