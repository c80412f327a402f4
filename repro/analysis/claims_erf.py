"""Claims 11 to 13 and 18: the effective receptive field (Appendices B and C)."""

from __future__ import annotations

import math

from repro.analysis.evidence import BOTH, Evidence, Method, Network, difference
from repro.analysis.verdicts import Claim, Effect, Kind

ERF_CHANGE = 1.05  # the factor by which a radius of the effective receptive field at least differs where it is said to
ERF_SAME = 1.1  # the factor within which a radius of the effective receptive field is said to stay

RADII = {
    "radius_50_bands": "50 % radius, frequency",
    "radius_50_frames": "50 % radius, time",
    "radius_90_bands": "90 % radius, frequency",
    "radius_90_frames": "90 % radius, time",
}
"""What the radii of `repro.erf.gradient.Extent` are called in the claims."""


def change(
    evidence: Evidence, subject: str, details: tuple[str, str], a: Network, b: Network, radius: str, kind: Kind
) -> Effect:
    """The change of a radius from the network `b` to `a`, as 100 times the logarithm of their ratio."""
    contrast = difference(a, b)
    found = evidence.radius(contrast, radius, ["receptive fields", "damping"])
    bound, negligible = (round(100 * math.log(f), 2) for f in (ERF_SAME if kind == "equal" else ERF_CHANGE, ERF_CHANGE))
    unfit = evidence.unfit(contrast)
    return Effect(subject, found, kind, bound, negligible, "log-%", unfit=unfit, details=details)


def pointwise_erf(evidence: Evidence) -> Claim:
    """Claim 11: 90 % radii of the damped network with few and with many 1x1 blocks."""
    edition = evidence.edition
    few, many = sorted(edition.erf_deep_pointwise)
    a, b = (Network("damped", edition.erf_deep_width, pointwise=k) for k in (many, few))
    pair = f"K = {many} / K = {few}"
    return Claim(
        f"1×1 blocks enlarge the effective receptive field of the damped network (W = {edition.erf_deep_width}).",
        f"From K = {few} to K = {many} its 90 % radius grows by a factor of {ERF_CHANGE:g} or more along both axes.",
        [
            change(evidence, "damped", (pair, RADII[radius]), a, b, radius, "increase")
            for radius in ("radius_90_bands", "radius_90_frames")
        ],
        paper="a larger field in Figure 9",
    )


def width_concentrates_erf(evidence: Evidence) -> Claim:
    """Claim 12: 50 % radii of the wide and the narrow network."""
    edition, k = evidence.edition, evidence.edition.erf_pointwise
    effects = []
    for variant in BOTH:
        a, b = (Network(variant, width, pointwise=k) for width in (edition.erf_wide, edition.erf_narrow))
        for radius in ("radius_50_bands", "radius_50_frames"):
            details = f"W = {a.width} / W = {b.width}", RADII[radius]
            effects.append(change(evidence, variant, details, a, b, radius, "decrease"))
    return Claim(
        "Width concentrates the effective receptive field at its centre, for both networks.",
        f"The 50 % radius shrinks by a factor of {ERF_CHANGE:g} or more along frequency and along time, base and "
        "damped.",
        effects,
        paper="fields focused in the centre, Figures 11 and 12",
    )


def pruning_and_erf(evidence: Evidence) -> Claim:
    """Claim 13: 90 % radius along frequency of pruned wide networks, against dense ones of the same width."""
    edition, k = evidence.edition, evidence.edition.erf_pointwise
    damped, base = (Network(variant, edition.erf_wide, pointwise=k) for variant in ("damped", "base"))
    claimed: list[tuple[Network, Method, Kind]] = [
        (damped, "iterative", "decrease"),
        (damped, "static", "equal"),
        (base, "iterative", "equal"),
    ]
    radius, effects = "radius_90_bands", []
    for dense, method, kind in claimed:
        details = RADII[radius], f"{method} / dense, both W = {dense.width}"
        pruned = dense._replace(method=method)
        effects.append(change(evidence, dense.variant, details, pruned, dense, radius, kind))
    return Claim(
        "Iterative pruning narrows the damped network's effective receptive field along frequency, random pruning does "
        "not; the wide base network's stays as it is.",
        "Compared are wide networks with and without pruning, as the paper does for base, since width alone changes "
        "the field (claim 12). The 90 % radius along frequency shrinks by a factor of "
        f"{ERF_CHANGE:g} or more for damped under iterative pruning, and stays within a factor of {ERF_SAME:g} for "
        "damped under random pruning and for base under iterative pruning. A field that grows there counts against it.",
        effects,
        paper="a smaller field in Figure 13, not in Figures 14 and 15",
    )


def damping_narrows_erf(evidence: Evidence) -> Claim:
    """Claim 18: radii along frequency of the damped and the base network."""
    width = evidence.edition.erf_width
    damped, base = Network("damped", width), Network("base", width)
    effects = [
        change(evidence, "damped / base", (f"W = {width}", RADII[radius]), damped, base, radius, "decrease")
        for radius in ("radius_50_bands", "radius_90_bands")
    ]
    return Claim(
        "Damping narrows the effective receptive field along frequency.",
        f"Its 50 % and 90 % radii along frequency are smaller by a factor of {ERF_CHANGE:g} or more.",
        effects,
        paper="a smaller field in Figure 8",
    )
