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
# # The synthetic recordings
#
# The quick edition is trained on sounds that were computed, because the paper's recordings cannot be shipped with a
# book. They are built from physical ingredients: noise shaped like wind, ventilation or tyres; engines and inverters as
# harmonic series that follow a speed; steps, knocks and beeps; voices as pulse trains through formants, at syllable
# rate; birds, chimes, squealing rails; and rooms with reverberation. A scene says which sources there are, how often
# they occur and at which sound pressure level. A city decides what its vehicles, rails, chimes and rooms are like, a
# place within it the balance of the sources, and every clip draws its own events.
#
# Scenes share their sources as the real ones do. Bus, tram and metro have engines and rails in common, airport and
# shopping mall voices and ventilation, and streets and squares traffic, steps and talk. All of these choices were made
# on acoustic grounds before any network was trained on the result. What the set is for is to let every part of the book
# run; what is found on it is no evidence about the paper.

# %% tags=["parameters", "hide-input"]
clip_seconds: float = 4.0  # length of the clips in s
clips: int = 3  # clips that device a records of every scene in every city
city: str = "vienna"  # the city to listen to

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Audio, Markdown, display
from scipy.signal import freqz

from repro import data
from repro.data.devices import SYNTHETIC, response_filter
from repro.experiment import DataConfig
from repro.figures import charts
from repro.store.store import Store

charts.use_style()

# %% tags=["remove-output"]
clips_ = data.load(
    DataConfig(clip_seconds=clip_seconds, clips=clips), Store.default().root
)

# %% [markdown]
# ## Ten scenes
#
# One clip of every scene in one city, through device a.

# %% tags=["hide-input"]
here = clips_.table[
    (clips_.table["city"] == city) & (clips_.table["device"] == "a")
].drop_duplicates("scene")
for row, scene in here["scene"].items():
    display(Markdown(f"{scene.replace('_', ' ')}:"))
    display(
        Audio(clips_.waveforms[row] / 32768, rate=data.SAMPLE_RATE, normalize=False)
    )

# %% [markdown]
# How loud they are: the level of every clip of device a. Scenes overlap, so that loudness alone does not give them away.

# %% mystnb={"image": {"alt": "Range of clip levels by scene; the ranges overlap."}}
seen = clips_.table.index[clips_.table["device"] == "a"]
levels = 20 * np.log10(
    clips_.waveforms[seen].astype(np.float64).std(axis=1).clip(1) / 32768
)
figure, ax = plt.subplots(figsize=(7, 3.4))
names = list(clips_.scenes)
ax.boxplot(
    [levels[(clips_.table.loc[seen, "scene"] == name).to_numpy()] for name in names],
    orientation="horizontal",
)
ax.set_yticks(range(1, len(names) + 1), [name.replace("_", " ") for name in names])
ax.invert_yaxis()
ax.set_xlabel("level / dB re full scale")
plt.show()

# %% [markdown]
# ## Nine devices
#
# A device is a frequency response, a compressor, a gain and a noise floor, as the simulated devices of the TAU set are.
# Devices b and c record the scene beside a, a moment late; s1 to s6 are made from a's recording.

# %% mystnb={"image": {"alt": "Frequency responses of the nine devices; device a is nearly flat, the others rise and fall by up to 30 decibels."}}
figure, ax = plt.subplots(figsize=(7, 3.6))
colours = iter(plt.get_cmap("viridis")(np.linspace(0, 0.95, len(SYNTHETIC) - 1)))
for number, (name, device) in enumerate(SYNTHETIC.items()):
    frequencies, response = freqz(
        response_filter(device.response, data.SAMPLE_RATE),
        worN=2048,
        fs=data.SAMPLE_RATE,
    )
    style = (
        {"color": "black", "lw": 2.4}
        if name == "a"
        else {"color": next(colours), "ls": ["-", "--"][number % 2]}
    )
    ax.plot(
        frequencies[4:] / 1000,
        20 * np.log10(np.abs(response[4:]).clip(1e-4)),
        label=name,
        **style,
    )
ax.set_xscale("log")
ax.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
ax.set(xlabel="frequency / kHz", ylabel="response / dB", ylim=(-35, 12))
ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %%
rows = {}
for name, device in SYNTHETIC.items():
    compressor = device.compressor
    rows[name] = {
        "compression": f"{compressor.ratio:g}:1 above {compressor.threshold:g} dBFS"
        if compressor
        else "none",
        "attack, release / ms": f"{1000 * compressor.attack:g}, {1000 * compressor.release:g}"
        if compressor
        else "",
        "gain / dB": device.gain,
        "noise / dBFS": device.noise,
    }
pd.DataFrame(rows).T.rename_axis("device")

# %% [markdown]
# The same set can be written out in the format of the TAU archives, 44.1 kHz and 24 bit with a `meta.csv`, so that the
# loader of the real set can be run on it: `repro data synthesize FOLDER`.
