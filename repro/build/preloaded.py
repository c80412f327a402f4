"""What the kernels' server imports: most of what the pages do. It must start no thread and use no GPU."""

# ruff: noqa: F401
from __future__ import annotations

import gc
import io
import sys

import ipykernel.ipkernel
import ipykernel.kernelapp
import librosa.core.convert
import librosa.filters
import matplotlib.pyplot
import scipy.signal
import scipy.stats
from matplotlib.figure import Figure

import repro.analysis.accuracy
import repro.analysis.ledger
import repro.analysis.probe
import repro.editions
import repro.figures.maps
import repro.figures.page
from repro.studies import weight_count

weight_count(1)  # for the first network without memory torch imports half as much again
Figure().savefig(io.BytesIO(), format="svg")  # finds the fonts
# It hooks into IPython when it is imported: to be done in every kernel, where there is one.
sys.modules.pop("matplotlib_inline.backend_inline", None)
gc.freeze()  # else the first collection in every kernel would copy all of this
