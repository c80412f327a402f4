"""Claims 1 to 5 and 17: fitting the labels, and width (Sections 4, 5.1 and 6)."""

from __future__ import annotations

import math
from typing import Any

from repro.analysis.contrasts import Estimate
from repro.analysis.evidence import BOTH, Contrast, Evidence, Group, Network, combine, difference, slope
from repro.analysis.verdicts import Claim, Effect, Kind

FITTED = 99.9  # % of the training labels from which on a network counts as fitting them exactly; the paper has 99.99 %
RANDOM_GAIN = 5.0  # points by which the wider network fits random labels better; a third of the paper's 14.5
WIDTH_GAIN = 5.0  # points from the narrowest to the widest network on unseen devices; half of the paper's 10
PLATEAU = 2.0  # points within which widening beyond the plateau leaves the seen device


def fits_training_labels(evidence: Evidence) -> Claim:
    """Claim 1: the smaller network of Section 4 fits the true labels exactly."""
    width = min(evidence.edition.fit_widths, default=min(evidence.edition.widths))
    fitted = evidence.training_accuracy(Network("base", width), "true")
    return Claim(
        1,
        "4",
        f"The base network of W = {width}, D = 1, K = 1 already fits the training data.",
        f"Training accuracy without augmentation is at least {FITTED:g} % in every run.",
        "99.99 % (W = 32)",
        [Effect(f"training accuracy, W = {width}", fitted, "at least", FITTED, unit="%", paper=99.99)],
        ["fig-fit"],
    )


def fits_random_labels(evidence: Evidence) -> Claim:
    """Claim 2: how well two base networks reproduce random labels."""
    widths = sorted(evidence.edition.fit_widths)
    if len(widths) < 2:
        return Claim(2, "4", "Wider networks fit random labels wholly.", "", "85.51 % (W = 32), 100 % (W = 64)", [], [])
    narrow, wide = Network("base", widths[0]), Network("base", widths[-1])
    fits = [evidence.training_accuracy(network, "random") for network in (narrow, wide)]
    gains = {place: fits[1].values[place] - value for place, value in fits[0].values.items() if place in fits[1].values}
    gain = Estimate(gains, sum(gains.values()) / len(gains) if gains else None, runs=fits[0].runs + fits[1].runs)
    return Claim(
        2,
        "4",
        f"A network of W = {narrow.width} fits random labels in part, one of W = {wide.width} wholly: it is "
        "over-parameterised.",
        f"On random labels W = {wide.width} reaches at least {FITTED:g} % training accuracy in every run, and W = "
        f"{narrow.width} is lower by {RANDOM_GAIN:g} points or more in every run.",
        "85.51 % (W = 32), 100 % (W = 64)",
        [
            Effect(f"random labels, W = {wide.width}", fits[1], "at least", FITTED, unit="%", paper=100.0),
            Effect(f"random labels, W = {wide.width} − W = {narrow.width}", gain, "at least", RANDOM_GAIN, paper=14.49),
        ],
        ["fig-fit"],
    )


def fitting_widths(evidence: Evidence) -> list[int]:
    """The widths from the narrowest that fits in every replicate on; all of them where none does."""
    widths = sorted(evidence.edition.widths)
    narrowest = evidence.narrowest_fitting()
    return [width for width in widths if narrowest is None or width >= narrowest]


def width_helps_unseen(evidence: Evidence) -> Claim:
    """Claim 3: gain on unseen devices over the widths, by its ends and by its slope."""
    widths = fitting_widths(evidence)
    effects = []
    for variant in BOTH:
        ends = difference(Network(variant, widths[-1]), Network(variant, widths[0]))
        trend = slope({math.log2(width): Network(variant, width) for width in widths})
        claimed: tuple[tuple[str, Contrast, dict[str, Any]], ...] = (
            (f"W = {widths[-1]} − W = {widths[0]}", ends, {"margin": WIDTH_GAIN, "paper": 10.0}),
            ("slope over log₂ W", trend, {"negligible": 0.5, "unit": "points per doubling", "paper": 2.5}),
        )
        for name, contrast, options in claimed:
            name = f"{variant}, unseen, {name}"
            effects.append(evidence.effect(name, contrast, "unseen", "increase", ["width"], **options))
    return Claim(
        3,
        "5.1",
        "Widening raises the accuracy on unseen devices, of the base and of the damped network.",
        f"From the narrowest width that fits its training data in every run to the widest it rises by {WIDTH_GAIN:g} "
        "points or more, and its slope over log₂ W is positive, for both.",
        "about +10 points (W = 32 to 512)",
        effects,
        ["fig-3"],
    )


def seen_levels_off(evidence: Evidence) -> Claim:
    """Claim 4: change on the seen device from the plateau to the widest network."""
    widest, plateau = max(evidence.edition.widths), evidence.edition.plateau_width
    effects = []
    for variant in BOTH:
        change = difference(Network(variant, widest), Network(variant, plateau))
        name = f"{variant}, seen, W = {widest} − W = {plateau}"
        effects.append(evidence.effect(name, change, "seen", "equal", ["width"], margin=PLATEAU))
    return Claim(
        4,
        "5.1",
        f"On the seen device widening beyond W = {plateau} changes next to nothing.",
        f"The widest network is within ±{PLATEAU:g} points of W = {plateau}, base and damped (two one-sided tests).",
        "minimal effect beyond W = 128",
        effects,
        ["fig-3"],
    )


def damping_helps(evidence: Evidence) -> Claim:
    """Claim 5: the main effect of damping over widths, and whether any width is reversed."""
    widths = fitting_widths(evidence)
    lead = {width: difference(Network("damped", width), Network("base", width)) for width in widths}
    mean = combine(*((1 / len(widths), contrast) for contrast in lead.values()))
    claimed: list[tuple[str, Contrast, Group, Kind]] = [
        ("unseen, mean over W", mean, "unseen", "increase"),
        *((f"unseen, W = {width}", lead[width], "unseen", "no reversal") for width in widths),
        ("seen, mean over W", mean, "seen", "increase"),
    ]
    effects = [
        evidence.effect(f"damped − base, {name}", contrast, group, kind, ["width"])
        for name, contrast, group, kind in claimed
    ]
    return Claim(
        5,
        "5.1",
        "The damped network is ahead of the base network at every width.",
        "Damped less base is positive on the mean over widths, on unseen devices and on the seen one, and at no single "
        "width significantly negative on unseen devices.",
        "ahead in all settings",
        effects,
        ["fig-3"],
    )


def gains_are_for_unseen(evidence: Evidence) -> Claim:
    """Claim 17: the gain by width on unseen devices less that on the seen one."""
    widths = fitting_widths(evidence)
    effects = []
    for variant in BOTH:
        ends = difference(Network(variant, widths[-1]), Network(variant, widths[0]))
        found = evidence.gap(ends, evidence.networks("width"))
        name = f"{variant}, gain on unseen − gain on seen, W = {widths[0]} to {widths[-1]}"
        effects.append(Effect(name, found, "increase", unfit=evidence.unfit(ends)))
    return Claim(
        17,
        "6",
        "Width helps on unseen devices even where nothing is gained on the seen one.",
        "The gain from the narrowest width that fits in every run to the widest is larger on unseen devices than on "
        "the seen one, base and damped.",
        "gains on unseen devices without gains on the seen one",
        effects,
        ["fig-3"],
    )
