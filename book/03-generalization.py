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
# # 3 Aspects of generalization in audio
#
# What does a recording device do to a sound, and how is robustness to the device tested?
# The level, the dynamic range and the response to the different frequencies all differ between devices
# {cite}`koutini2021over`. A network that was trained on one device may take what that device does for a property of the
# sound. The paper uses this mismatch as its test of generalization.

# %% tags=["parameters", "hide-input"]
edition: str = "quick"  # a file of book/editions
settings: dict = {}  # any other setting of the edition, such as {"microphones": 6}

# %% tags=["hide-input"]
from collections import Counter
from itertools import combinations, product

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from repro.analysis import recordings
from repro.data.design import balanced_blocks
from repro.data.esc10 import COMPRESSOR
from repro.edition import open_edition
from repro.errors import InputError
from repro.figures import maps, page, players

edition = open_edition(edition, **settings)
page.start(edition)

# %% [markdown]
# ## The recordings
#
# Every clip has a class, a city, a place within the city and a device. The classes of TAU Urban Acoustic Scenes 2020
# Mobile {cite}`heittola2020acoustic,tau2020mobile`, the paper's set, are ten acoustic scenes; its 64 hours are 40 of
# device a and 3 of each of eight others. The paper names 12 cities; the published development set, which has these hours,
# holds ten of them. The classes of the synthetic set have the same names. ESC-10 {cite}`piczak2015esc` has ten classes of
# sound events and no cities: its five folds, which share no source recording, stand for the cities, and the source
# recordings for the places.
#
# This page is drawn from a summary of the recordings, which holds no waveform and comes with the book, so that the page
# stands where the recordings themselves are not at hand.

# %% tags=["remove-output"]
summary = recordings.summary_of(edition) or recordings.Summary()
clips = recordings.clips_of(edition)

# %%
cells = summary.cells
pd.DataFrame(
    {
        "clips": cells["clips"].sum(),
        "each / s": summary.seconds,
        "all / h": round(cells["clips"].sum() * summary.seconds / 3600, 1),
        "classes": cells["scene"].nunique(),
        "folds" if edition.dataset == "esc10" else "cities": cells["city"].nunique(),
        "places": summary.places,
        "devices": cells["device"].nunique(),
    },
    index=[""],
)

# %% tags=["remove-input"]
absent = InputError("they are not at hand, and results holds no summary of them")
page.without_recordings(edition, absent) if cells.empty else None

# %% [markdown]
# ## What is trained on, and what is tested on
#
# The paper trains on device a alone and tests on two groups: *seen* is device a again, *unseen* are all other devices.
# In both groups no tested clip is of a (city, class) pair that was trained on, so that a good result cannot rest on
# having learned the place. The paper does not say which pairs are tested. Here about 30 % of the cities are kept
# for testing in every scene, in a cycle that keeps every city equally often ([judgement calls](judgement-calls)). What other devices
# recorded of the pairs that are trained on is not used.
#
# With ESC-10 one fold is left out at a time: a network is trained on device a's clips of four folds and tested on all
# devices' clips of the fifth. All five networks together are tested on every recording once.


# %% tags=["hide-input"]
def once(table: pd.DataFrame) -> pd.DataFrame:
    """One row for all folds, where these do not differ."""
    alike = folds and len(table) > 1 and len(table.drop_duplicates()) == 1
    return table.iloc[:1].set_axis(["each fold"]) if alike else table


# %%
official = edition.split == "official"
sides = {fold: summary.sides(fold, official) for fold in edition.folds}
folds = edition.folds != [0]
together = pd.concat(table.assign(fold=fold) for fold, table in sides.items())
used = together.pivot_table(
    values="clips",
    index="fold" if folds else "device",
    columns="side",
    aggfunc="sum",
    fill_value=0,
    margins=not folds and not together.empty,
    margins_name="all",
).reindex(columns=["train", "seen", "unseen", "not used"])
once(used).rename_axis(index="left out" if folds else None, columns="clips")

# %% [markdown]
# No pair may be on both sides: then a test with device a is one of new surroundings, and a test with the other devices one
# of new surroundings and a new device. Counted over the clips of device a:


# %%
def pairs(table: pd.DataFrame) -> dict[str, int]:
    of_side = table.groupby("side")[["city", "scene"]].apply(
        lambda rows: {*zip(rows["city"], rows["scene"], strict=True)}
    )
    trained, tested = (of_side.get(side, set()) for side in ("train", "seen"))
    both = len(trained & tested)
    return {"trained on": len(trained), "tested on": len(tested), "both": both}


counts = {
    f"fold {fold}" if fold else edition.split: pairs(table)
    for fold, table in sides.items()
}
if cells["official"].isin(["train"]).any():
    for split in ("paper", "official"):
        counts[split] = pairs(summary.sides(official=split == "official"))
once(pd.DataFrame(counts).T).rename_axis(
    index="left out" if folds else "split", columns="(city, class) pairs"
)

# %% tags=["hide-input"]
OFFICIAL = """
**Why not the official split.** The set comes with lists of its own for training and
testing, the row *official* where these lists were among the recordings. They serve
another question: of nine devices, three are kept for the test and the others are on
both sides. And a network trained by these lists has heard every scene of every city
before, if not every place.
"""
Markdown(OFFICIAL) if edition.dataset == "tau2020" else None

# %% mystnb={"image": {"alt": "Grid of classes by cities; a square is the darker, the larger the share of the pair's clips that is tested on."}}
if not folds:
    of_a = together[together["device"] == "a"]
    of_a = of_a.assign(tested=of_a["clips"].where(of_a["side"] == "seen", 0))
    of_pair = of_a.groupby(["scene", "city"])[["tested", "clips"]].sum()
    share = (of_pair["tested"] / of_pair["clips"]).unstack()
    figure = maps.pairs(share)
    plt.show()

# %% tags=["hide-input"]
SHARE = """
Which share of device a's clips of a pair is tested on. Under the paper's split a
square is either dark, a pair that is only tested on, or white, one that is only
trained on.
"""
Markdown(SHARE) if not folds else None

# %% [markdown]
# ## The devices
#
# - **TAU 2020 Mobile**: device a is a binaural microphone, b and c are phones that recorded beside it. s1 to s6 are
#   simulated: device a's recording is convolved with a measured impulse response and compressed.
# - **Synthetic**: nine devices of the same kinds, made of a frequency response, a gain and noise, and most with a
#   compressor ([their curves](synthetic)).
# - **ESC-10**: device a is the recording as published, made with one of many unknown devices. The unseen devices are
#   simulated: every recording is convolved with impulse responses that the Microphone Impulse Response Project measured
#   {cite}`micirp`, and brought back to its level. Every third microphone, in the order of the names, also compresses.
#
# For measured microphones, their magnitude responses tell how far each is from device a, which would be a flat line. The
# number behind a name is the standard deviation of the curve from 100 Hz to 10 kHz.

# %% mystnb={"image": {"alt": "Measured magnitude responses of the microphones over frequency; the three flattest and the three least flat ones are coloured and named with their deviations, all others grey."}}
if edition.dataset == "esc10":
    figure = maps.responses(summary.responses, summary.deviations)
    plt.show()

# %% tags=["hide-input"]
deviations = summary.deviations
if deviations.size:
    median, flattest = deviations.median(), deviations.index[0]
    uneven = deviations.index[deviations > 2 * median]
    display(
        Markdown(
            f"Half of the {len(deviations)} microphones deviate from flat by less than "
            f"{median:.1f} dB, the flattest ({flattest}) by {deviations.iloc[0]:.1f} dB. "
            f"Far from flat, by more than twice the median, are "
            f"{', '.join(uneven) or 'none'}; the last of all deviates by "
            f"{deviations.iloc[-1]:.1f} dB. {len(summary.compressed)} of the "
            f"microphones compress, too, all alike: {COMPRESSOR.ratio:g}:1 above "
            f"{COMPRESSOR.threshold:g} dBFS, attack {1000 * COMPRESSOR.attack:g} ms, "
            f"release {1000 * COMPRESSOR.release:g} ms."
        )
    )

# %% tags=["remove-input"]
DESIGN = """
**Many microphones at the price of a few.** All recordings through all microphones
would take long to classify. Six microphones alone would say little about
microphones in general. So every recording is heard through a few of them, by a
cyclic design: the recordings of a fold and class take a few base blocks in turn,
shifted by the place of their fold and class. `base_blocks` chooses the blocks so
that pairs of microphones come together about equally often.
"""
if edition.microphones_each:
    display(Markdown(DESIGN), page.code(balanced_blocks))

# %% tags=["hide-input"]
if edition.microphones_each and not cells.empty:
    recorded = cells[cells["device"] == "a"]
    units = [*zip(recorded["city"], recorded["scene"], strict=True)]
    units = [
        unit
        for unit, n in zip(units, recorded["clips"], strict=True)
        for _ in range(n)
    ]
    blocks = balanced_blocks(
        units, cells["device"].nunique() - 1, edition.microphones_each
    )
    heard = Counter(number for block in blocks for number in block)
    in_cell = Counter(dict.fromkeys(product(units, heard), 0))
    in_cell.update(
        (unit, number)
        for unit, block in zip(units, blocks, strict=True)
        for number in block
    )
    shared = Counter(pair for block in blocks for pair in combinations(block, 2))
    ranges = {
        "recordings of a microphone": heard.values(),
        "of these in one fold and class": in_cell.values(),
        "recordings that two microphones share": shared.values(),
    }
    display(
        pd.DataFrame(
            {name: (min(n), max(n)) for name, n in ranges.items()}, ["least", "most"]
        ).T
    )

# %% [markdown]
# ## The same sound through two devices
#
# The paper's Figure 2 shows one recording as two devices deliver it. The second device here is the one in the middle
# when all are sorted by how much they change the mean spectrum: half of them change it more.

# %% tags=["remove-input"]
SOUNDS = """
The first of these sounds is that recording, the others are of other classes. Each can be
heard through device a and through devices from little to much change; the differences in
level between devices are kept. For this page they are compressed as MP3, which the
networks' recordings are not.
"""
moment = summary.moment
if clips is None or moment is None:
    absent = InputError("the two sounds cannot be played without them")
    display(page.without_recordings(edition, absent))
else:
    at_a = clips.table[clips.table["device"] == "a"].drop_duplicates("scene")
    others = at_a.index[at_a["scene"] != moment.scene]
    more = max(1, int(10 // summary.seconds))  # longer ones would make a heavy page
    others = others[:: max(1, len(others) // more)][:more].tolist()
    order = summary.shift.std().sort_values().index.tolist()
    sounds = players.sounds_of(clips, [moment.rows[0]], order, kept=moment.device)
    sounds += players.sounds_of(clips, others, order, most=3)
    display(Markdown(SOUNDS), players.players(sounds))

# %% mystnb={"figure": {"name": "fig-2", "caption": "**Figure 2.** Spectrograms of one moment through the seen device a (left) and an unseen device (middle), on the network's own scale: 256 mel bands of perceptually weighted levels. Right: the difference between the two, which is what the device does."}, "image": {"alt": "Two spectrograms of the same recording side by side, and their difference, which shows where the second device raises or lowers the level."}}
figure = maps.moment(moment)
plt.show()

# %% [markdown]
# A response raises or lowers whole rows of the spectrogram. A compressor changes loud moments against quiet ones: whole
# columns. A device's own noise fills what was silent.

# %% tags=["hide-input"]
if moment is not None:
    rows, columns = moment.shares
    kind = (
        "mostly along frequency"
        if rows > 2 * columns
        else "not along frequency alone"
    )
    display(
        Markdown(
            f"Of the variance of the difference, {100 * rows:.0f} % lies between the "
            f"frequencies (rows) and {100 * columns:.0f} % between the moments "
            f"(columns): this device acts {kind}."
        )
    )

# %% [markdown]
# The damped network of [Appendix B](B-damping) is held back along frequency, the axis along which responses act. That
# this is how damping could help with unseen devices is our interpretation, which [Section 5.1](05-1-width) puts to
# measured microphones. The paper says that the bias suits audio tasks, and gives no such reason.
#
# ## All devices at once
#
# One moment may be an exception. The figures below take up to 40 recordings of every unseen device, spread evenly over
# classes and places, and device a's recordings of the same moments. First the mean spectra, and by how much each unseen
# device departs from a: if those curves lay on zero there would be no device shift to generalize over. Where there are
# more devices than a figure can tell apart, some of them are named and the others grey.

# %% mystnb={"image": {"alt": "Left: mean level over frequency by device. Right: difference of each unseen device from device a, over frequency."}}
figure = maps.device_spectra(dict(summary.spectra), dict(summary.shift))
plt.show()

# %% [markdown]
# The mean of a curve on the right is how much louder or quieter the device is on average over the bands; its standard
# deviation over frequency is what remains of the difference once that is made up for. The mean need not be zero where clips
# were brought back to their level: the level is that of the wave, and here all bands count alike.

# %% tags=["output_scroll"]
pd.DataFrame(
    {
        "mean / dB": summary.shift.mean(),
        "standard deviation over frequency / dB": summary.shift.std(ddof=0),
    }
).sort_values("standard deviation over frequency / dB").astype(float).round(2)

# %% [markdown]
# ## The shift in the features
#
# What does this do to the network's input? Averaged over time, a clip is a point with 256 coordinates, one for each mel
# band. The figure shows the plane in which these points differ most, their first two principal components; in brackets
# each one's share of the variance. Both panels hold the same points.

# %% mystnb={"image": {"alt": "Two scatter plots of the same clips in the plane of their first two principal components, coloured by device on the left and by class on the right."}}
points = summary.points
first, second = (100 * share for share in summary.variance)
figure = maps.clip_maps(
    points[["first", "second"]].to_numpy(float),
    points["device"].to_numpy(str),
    points["scene"].to_numpy(str),
    (f"component 1 / dB ({first:.0f} %)", f"component 2 / dB ({second:.0f} %)"),
)
plt.show()

# %% [markdown]
# A sample of the clips is drawn. The black points are of device a, the only device that is trained on. Where a colour of
# the left panel lies beside the black points rather than among them, that device's clips are unlike those that the
# network is trained on.
#
# Two numbers say how far apart the groups lie. The *share of the variance* between the means of the groups tells how
# large the differences are, over all 256 bands and along either component. How often a *linear discriminant*, fitted to
# some of the places and asked about the others, names the group of a clip tells whether they can be found, however
# small.

# %%
separation = summary.separation.round(1)
separation.rename_axis(columns="in %, between")

# %% tags=["hide-input"]
if not separation.empty:
    between = separation.loc["share of the variance, all bands"]
    random = separation.loc["of as many groups drawn at random"]
    named = separation.loc["named by a linear discriminant"]
    guessed = separation.loc["by guessing"]
    larger = "less" if between["devices"] < between["classes"] else "more"
    text = (
        f"Between the devices lies {between['devices']:.1f} % of the variance (between "
        f"random groups {random['devices']:.1f} %), {larger} than the "
        f"{between['classes']:.1f} % between the classes. The discriminant "
        f"names the device of {named['devices']:.0f} % of the clips, where guessing "
        f"would give {guessed['devices']:.0f} %. "
    )
    if named["devices"] > 2 * guessed["devices"]:
        text += (
            "Devices therefore leave a mark that can be found. Whether it misleads a "
            "network is what Section 5 measures."
        )
    display(Markdown(text))
