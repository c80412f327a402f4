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
# What are the sounds of the quick edition made of? The paper's recordings cannot be shipped with a book, so the quick
# edition is trained on sounds that were computed. They are built from physical ingredients: noise shaped like wind,
# ventilation or tyres; engines and inverters as harmonic series that follow a speed; steps, knocks and beeps; voices as
# pulse trains through formants, at syllable rate; birds, chimes, squealing rails; and rooms with reverberation. A scene
# says which sources there are, how often they occur and at which sound pressure level. A city decides what its
# vehicles, rails, chimes and rooms are like, a place within it the balance of the sources, and every clip draws its own
# events.
#
# Scenes share their sources as the real ones do. Bus, tram and metro have engines and rails in common, airport and
# shopping mall voices and ventilation, and streets and squares traffic, steps and talk. All of these choices were made
# on acoustic grounds before any network was trained on the result. The set lets every part of the book run. What is
# found on it is no evidence about the paper.

# %% tags=["parameters", "hide-input"]
city: str = "vienna"  # the city to listen to

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.signal import freqz

from repro import data
from repro.data.devices import SYNTHETIC, apply, compress, response_filter
from repro.edition import open_edition
from repro.figures import page, players
from repro.figures.style import use_style
from repro.store.store import Store

use_style()

# %% tags=["remove-output"]
clips = data.load(open_edition("quick").data(), Store.default().root)
table = clips.table

# %% [markdown]
# ## Ten scenes
#
# One clip of every scene in one city, through device a and the devices that recorded beside it. Every player brings its
# sound to full scale and keeps the differences in level between the devices. The spectrograms are the network's input.

# %% tags=["hide-input"]
here = table[(table["city"] == city) & (table["device"] == "a")]
moments = here.drop_duplicates("scene").index.tolist()
players.players(players.sounds_of(clips, moments))

# %% [markdown]
# How loud they are: the level of every clip of device a. Where the ranges of two scenes overlap, loudness alone does not
# tell them apart.

# %% mystnb={"image": {"alt": "Range of clip levels by scene, from the quietest scene to the loudest."}}
seen = table.index[table["device"] == "a"]
deviations = clips.waveforms[seen].astype(np.float64).std(axis=1)
levels = pd.Series(20 * np.log10(deviations.clip(1) / 32768), seen)
by_scene = {
    name.replace("_", " "): of_scene.to_numpy()
    for name, of_scene in levels.groupby(table["scene"])
}
by_scene = dict(sorted(by_scene.items(), key=lambda item: np.median(item[1])))
figure, ax = plt.subplots(figsize=(7, 3.4))
ax.boxplot(list(by_scene.values()), orientation="horizontal")
ax.set_yticks(range(1, len(by_scene) + 1), list(by_scene))
ax.invert_yaxis()
ax.set_xlabel("level / dB re full scale")
plt.show()

# %% [markdown]
# ## Nine devices
#
# A device is a frequency response, a gain and a noise floor, and most have a compressor. The simulated devices of the
# TAU set are a response and a compressor. Devices b and c record the scene beside a, up to 50 ms late; s1 to s6 are made from a's recording.
# A compressor takes the peak of every millisecond; above its threshold the level is to rise by only one part of its
# ratio, and the gain follows with the time constants of attack and release.

# %% tags=["remove-input"]
page.code(apply, compress)

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
    compression, times = "none", ""
    if compressor := device.compressor:
        compression = f"{compressor.ratio:g}:1 above {compressor.threshold:g} dBFS"
        times = f"{1000 * compressor.attack:g}, {1000 * compressor.release:g}"
    rows[name] = {
        "compression": compression,
        "attack, release / ms": times,
        "gain / dB": device.gain,
        "noise / dBFS": device.noise,
    }
pd.DataFrame(rows).T.rename_axis("device")

# %% [markdown]
# The same set can be written as files in the format of the TAU archives, 44.1 kHz and 24 bit with a `meta.csv`, so that
# the loader of the real set can be run on it: `repro data synthesize FOLDER`.
