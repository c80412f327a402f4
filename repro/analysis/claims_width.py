"""Claims 1 to 5 and 17: fitting the labels, and width (Sections 4, 5.1 and 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from repro.analysis.contrasts import Estimate
from repro.analysis.evidence import BOTH, Contrast, Evidence, Group, Network, Variant, combine, difference, slope
from repro.analysis.verdicts import NEGLIGIBLE, Claim, Effect, Kind

FITTED = 99.9  # % of the training labels from which on a network counts as fitting them exactly; the paper has 99.99 %
RANDOM_GAIN = 5.0  # points by which the wider network fits random labels better; a third of the paper's 14.5
WIDTH_GAIN = 5.0  # points from the narrowest to the widest network on unseen devices; half of the paper's 10
PAPER_FACTOR = 16  # by which the paper widens: from W = 32 to 512
PAPER_SLOPE = 2.5  # points per doubling of the width: the paper's 10 from W = 32 to 512
PLATEAU = 2.0  # points within which widening beyond the plateau leaves the seen device


def fits_training_labels(evidence: Evidence) -> Claim:
    """Claim 1: the smaller network of Section 4 fits the true labels exactly."""
    width = min(evidence.edition.fit_widths, default=min(evidence.edition.widths))
    fitted = evidence.training_accuracy(Network("base", width), "true")
    return Claim(
        f"The base network of W = {width}, D = 1, K = 1 already fits the training data.",
        f"Training accuracy without augmentation is at least {FITTED:g} % in every run.",
        [Effect("training accuracy", fitted, "at least", FITTED, unit="%", paper=99.99, details=(f"W = {width}",))],
        paper="99.99 % (W = 32)",
    )


def fits_random_labels(evidence: Evidence) -> Claim:
    """Claim 2: how well two base networks reproduce random labels."""
    paper = "85.51 % (W = 32), 100 % (W = 64)"
    widths = sorted(evidence.edition.fit_widths)
    if len(widths) < 2:
        return Claim("Wider networks fit random labels wholly.", "", [], paper)
    narrow, wide = widths[0], widths[-1]
    less, more = (evidence.training_accuracy(Network("base", width), "random") for width in (narrow, wide))
    gains = {place: more.values[place] - value for place, value in less.values.items() if place in more.values}
    gain = Estimate.of(gains, less.runs + more.runs, less.missing + more.missing)
    pair = f"W = {wide} − W = {narrow}"
    return Claim(
        f"A network of W = {narrow} fits random labels in part, one of W = {wide} wholly: it is over-parameterised.",
        f"On random labels W = {wide} reaches at least {FITTED:g} % training accuracy in every run, and W = {narrow} "
        f"is lower by {RANDOM_GAIN:g} points or more in every run.",
        [
            Effect("random labels", more, "at least", FITTED, unit="%", paper=100.0, details=(f"W = {wide}",)),
            Effect("gain on random labels", gain, "at least", RANDOM_GAIN, paper=14.49, details=(pair,)),
        ],
        paper,
    )


def width_helps_unseen(evidence: Evidence) -> Claim:
    """Claim 3: gain on unseen devices over the widths, by its ends and by its slope."""
    widths = evidence.fitting_widths()
    doublings = math.log2(widths[-1] / widths[0])
    per_doubling = {"negligible": NEGLIGIBLE / (doublings or 1), "unit": "points per doubling", "paper": PAPER_SLOPE}
    effects = []
    for variant in BOTH:
        ends = difference(Network(variant, widths[-1]), Network(variant, widths[0]))
        trend = slope({math.log2(width): Network(variant, width) for width in widths})
        claimed: tuple[tuple[str, Contrast, dict[str, Any]], ...] = (
            (f"W = {widths[-1]} − W = {widths[0]}", ends, {"margin": WIDTH_GAIN, "paper": PAPER_SLOPE * doublings}),
            ("slope over log₂ W", trend, per_doubling),
        )
        effects += [
            evidence.effect(variant, "unseen", compared, contrast, "increase", ["width"], **options)
            for compared, contrast, options in claimed
        ]
    return Claim(
        "Widening raises the accuracy on unseen devices, of the base and of the damped network.",
        f"From the narrowest width that fits its training data in every run to the widest it rises by {WIDTH_GAIN:g} "
        "points or more, and its slope over log₂ W is positive, for both.",
        effects,
        paper="a 10 % increase, read as points (W = 32 to 512)",
    )


def seen_levels_off(evidence: Evidence) -> Claim:
    """Claim 4: change on the seen device from the plateau to the widest network."""
    widest, plateau = max(evidence.edition.widths), evidence.edition.plateau_width
    pair = f"W = {widest} − W = {plateau}"
    effects = []
    for variant in BOTH:
        ends = difference(Network(variant, widest), Network(variant, plateau))
        effects.append(evidence.effect(variant, "seen", pair, ends, "equal", ["width"], margin=PLATEAU))
    return Claim(
        f"On the seen device widening beyond W = {plateau} changes next to nothing.",
        f"The widest network is within ±{PLATEAU:g} points of W = {plateau}, base and damped (two one-sided tests).",
        effects,
        paper="minimal effect beyond W = 128",
    )


def damping_helps(evidence: Evidence) -> Claim:
    """Claim 5: the main effect of damping over widths, and whether any width is reversed."""
    widths = evidence.fitting_widths()
    lead = {width: difference(Network("damped", width), Network("base", width)) for width in widths}
    mean = combine(*((1 / len(widths), contrast) for contrast in lead.values()))
    claimed: list[tuple[Group, str, Contrast, Kind]] = [
        ("unseen", "mean over W", mean, "increase"),
        *(("unseen", f"W = {width}", lead[width], "no reversal") for width in widths),
        ("seen", "mean over W", mean, "increase"),
    ]
    effects = [evidence.effect("damped − base", *found, ["width"]) for found in claimed]
    return Claim(
        "The damped network is ahead of the base network at every width.",
        "Over the widths from the narrowest that fits its training data in every run, damped minus base is positive on "
        "the mean, on unseen devices and on the seen one, and at none of them significantly negative on unseen ones.",
        effects,
        paper="ahead in all settings",
    )


def gain(evidence: Evidence, variant: Variant, widths: Sequence[int], groups: Mapping[Group, float]) -> Effect:
    """What the first of these widths gains by becoming the last, on groups of devices added with these factors."""
    ends = difference(Network(variant, widths[-1]), Network(variant, widths[0]))
    return Effect(variant, evidence.accuracy(ends, groups, ["width"]), "increase", unfit=evidence.unfit(ends))


def gains_are_for_unseen(evidence: Evidence) -> Claim:
    """Claim 17: the gain by width on unseen devices less that on the seen one."""
    widths = evidence.fitting_widths()
    details = "gain on unseen − gain on seen", f"W = {widths[0]} to {widths[-1]}"
    gains = [gain(evidence, variant, widths, {"unseen": 1.0, "seen": -1.0}) for variant in BOTH]
    effects = [replace(found, details=details) for found in gains]
    return Claim(
        "Width gains more points on unseen devices than on the seen one.",
        "The gain from the narrowest width that fits in every run to the widest is larger on unseen devices than on "
        "the seen one, in points, base and damped.",
        effects,
        paper="gains on unseen devices without gains on the seen one",
    )
