"""Claims 9 to 14: sparse width, the effective receptive field, and the count of weights (Section 5.3, Appendix C)."""

from __future__ import annotations

import math

from repro.analysis.accuracy import Group
from repro.analysis.claims import Claim, Effect, Kind, Measured, figures
from repro.analysis.evidence import BOTH, Contrast, Evidence, Method, Network, Variant, difference, minus, slope
from repro.studies import weight_count

SMALL_DROP = 2.0
"""Points by which the accuracy on unseen devices may drop under iterative pruning."""
ERF_CHANGE = 5.0
"""% by which a radius of the effective receptive field at least differs where it is said to differ."""
ERF_SAME = 10.0
"""% within which a radius of the effective receptive field is said to stay."""
SPARSITY, ROUNDING = 98.4, 0.05
"""% of weights removed from W = 512 at N(64), and half the last digit of that number."""

PRUNING: tuple[Method, ...] = ("static", "iterative")
RADII = {
    "50 %": {"frequency": "half_energy_bands", "time": "half_energy_frames"},
    "90 %": {"frequency": "energy_90_bands", "time": "energy_90_frames"},
}


def static_pruning(evidence: Evidence) -> Claim:
    """Claim 9: first gain of static sparse width, and how the last gain compares with it."""
    reference, widths = evidence.grid.reference_width, evidence.grid.sparse_widths
    effects = []
    for variant in BOTH:
        dense = Network(variant, reference)
        sparse = [Network(variant, width, method="static") for width in widths]
        first = difference(sparse[0], dense) if sparse else {}
        fading: Contrast = {}
        if len(sparse) > 1:
            doubling = [slope({math.log2(n.width): n for n in step}) for step in ((dense, sparse[0]), sparse[-2:])]
            fading = minus(doubling[1], doubling[0])
        effects += [
            Effect(
                f"{variant}, unseen, first sparse width − dense W = {reference}",
                evidence.accuracy(first, "unseen"),
                "increase",
            ),
            Effect(
                f"{variant}, unseen, gain of the last step − gain of the first step",
                evidence.accuracy(fading, "unseen"),
                "decrease",
                unit="points per doubling",
            ),
        ]
    return Claim(
        9,
        "5.3",
        f"At the number of weights of W = {reference} and under static random pruning, width helps at first; then "
        "the gain fades.",
        f"On unseen devices the first sparse width is above the dense W = {reference}, and the last step in width "
        "gains less per doubling of W than the first one, base and damped.",
        "",
        effects,
        figures(6),
    )


def iterative_pruning(evidence: Evidence) -> Claim:
    """Claim 10: the widest network under iterative pruning against the dense one of as many weights."""
    reference, widths = evidence.grid.reference_width, evidence.grid.sparse_widths
    effects = []
    claimed: list[tuple[Variant, Group, Kind, float]] = [
        ("base", "unseen", "no less", SMALL_DROP),
        ("damped", "unseen", "no less", SMALL_DROP),
        ("damped", "seen", "decrease", 0.0),
    ]
    for variant, group, kind, margin in claimed:
        dense = Network(variant, reference)
        contrast = difference(Network(variant, widths[-1], method="iterative"), dense) if widths else {}
        name = f"{variant}, {group}, widest sparse − dense W = {reference}"
        effects.append(Effect(name, evidence.accuracy(contrast, group), kind, margin))
    return Claim(
        10,
        "5.3",
        "Under iterative magnitude pruning the unseen accuracy drops very little up to the widest network, while the "
        "damped network drops on the seen device.",
        "The drop is read against the dense network of as many weights, with which Fig. 6 begins. The widest sparse "
        f"network is lower than it by no more than {SMALL_DROP:g} points on unseen devices, base and damped, and "
        "damped is lower on the seen device.",
        "minimal drop (W = 512)",
        effects,
        figures(6),
    )


def pointwise_erf(evidence: Evidence) -> Claim:
    """Claim 11: 90 % radii of the damped network with and without 1x1 blocks."""
    width, k = evidence.grid.erf_deep_width, evidence.grid.erf_pointwise
    pair = Network("damped", width, pointwise=k), Network("damped", width, pointwise=0)
    return Claim(
        11,
        "C.1",
        f"K = {k} more 1x1 blocks enlarge the effective receptive field of the damped network.",
        f"Its 90 % radius grows by {ERF_CHANGE:g} % or more along frequency and along time.",
        "seen in the figures",
        _radii(evidence, f"damped, K = {k} / K = 0", pair, "90 %", "increase"),
        figures(9, 10),
    )


def width_concentrates_erf(evidence: Evidence) -> Claim:
    """Claim 12: 50 % radii of the wide and the narrow network."""
    narrow, wide = evidence.grid.erf_narrow, evidence.grid.erf_wide
    effects = []
    for variant in BOTH:
        pair = Network(variant, wide, pointwise=0), Network(variant, narrow, pointwise=0)
        effects += _radii(evidence, f"{variant}, W = {wide} / W = {narrow}", pair, "50 %", "decrease")
    return Claim(
        12,
        "C.2",
        "Width concentrates the effective receptive field at its centre, for both networks.",
        f"The 50 % radius shrinks by {ERF_CHANGE:g} % or more along frequency and along time, base and damped.",
        "seen in the figures",
        effects,
        figures(11, 12),
    )


def pruning_and_erf(evidence: Evidence) -> Claim:
    """Claim 13: 90 % radius along frequency of the pruned wide and the dense narrow network."""
    narrow, wide = evidence.grid.reference_width, evidence.grid.erf_wide
    effects = []
    for variant in ("damped", "base"):
        for method in PRUNING:
            pair = Network(variant, wide, pointwise=0, method=method), Network(variant, narrow, pointwise=0)
            narrower = variant == "damped" and method == "iterative"
            kind: Kind = "decrease" if narrower else "equal"
            change = evidence.extent_change(*pair, RADII["90 %"]["frequency"])
            name = f"{variant}, 90 % radius, frequency, {method} W = {wide} / dense W = {narrow}"
            effects.append(Effect(name, change, kind, ERF_CHANGE if narrower else ERF_SAME, "%"))
    return Claim(
        13,
        "C.3",
        "Iterative pruning narrows the damped network's effective receptive field along frequency, random pruning does "
        "not; the base network's stays with either.",
        f"Against the dense network of as many weights the 90 % radius along frequency shrinks by {ERF_CHANGE:g} % or "
        f"more for damped under iterative pruning and stays within ±{ERF_SAME:g} % in the three other cases.",
        "seen in the figures",
        effects,
        figures(13, 14, 15, 16),
    )


def sparsity(evidence: Evidence) -> Claim:
    """Claim 14: the share of weights removed, from the networks alone, and the weights left in every sparse run."""
    reference, widths = evidence.grid.reference_width, evidence.grid.sparse_widths
    paper = 100 * (1 - weight_count(64) / weight_count(512))
    sparse = [Network(variant, width, method=method) for variant in BOTH for method in PRUNING for width in widths]
    surplus = evidence.surplus_weights(sparse, weight_count(reference))
    return Claim(
        14,
        "5.3",
        f"The network of W = 512 is {SPARSITY:g} % sparse at the number of weights of W = 64.",
        f"Counted in the networks, 1 − N(64) / N(512) is {SPARSITY:g} % to the digit given; and every sparse network "
        f"of this edition has exactly as many weights left as W = {reference} has, counted in its stored masks.",
        f"{SPARSITY:g} %",
        [
            Effect(
                f"1 − N(64) / N(512) = {paper:.2f} %, less {SPARSITY:g} %",
                Measured({0: paper - SPARSITY}),
                "exact",
                ROUNDING,
                "points",
            ),
            Effect(f"remaining weights − N({reference})", surplus, "exact", unit="weights"),
        ],
        figures(6),
    )


def _radii(evidence: Evidence, name: str, pair: tuple[Network, Network], share: str, kind: Kind) -> list[Effect]:
    """The change of a radius along frequency and along time from the second network of the pair to the first."""
    return [
        Effect(f"{name}, {share} radius, {axis}", evidence.extent_change(*pair, column), kind, ERF_CHANGE, "%")
        for axis, column in RADII[share].items()
    ]
