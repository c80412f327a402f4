"""Claims 11 to 13 and 18: the effective receptive field (Appendices B and C)."""

from __future__ import annotations

import math

from repro.analysis.evidence import BOTH, Evidence, Network, difference
from repro.analysis.verdicts import Claim, Effect, Kind

ERF_CHANGE = 5.0  # % by which a radius of the effective receptive field at least differs where it is said to differ
ERF_SAME = 10.0  # % within which a radius of the effective receptive field is said to stay

RADII = {
    "50 %": {"frequency": "half_energy_bands", "time": "half_energy_frames"},
    "90 %": {"frequency": "energy_90_bands", "time": "energy_90_frames"},
}


def _effect(evidence: Evidence, name: str, a: Network, b: Network, radius: str, kind: Kind) -> Effect:
    """The change of a radius from the network `b` to `a`, as 100 times the logarithm of their ratio."""
    contrast = difference(a, b)
    pool = [network for study in ("receptive fields", "damping") for network in evidence.networks(study)]
    bound = 100 * math.log1p((ERF_SAME if kind == "equal" else ERF_CHANGE) / 100)
    found = evidence.radius(contrast, radius, pool)
    return Effect(name, found, kind, round(bound, 2), ERF_CHANGE, "log-%", unfit=evidence.unfit(contrast))


def _along_both_axes(evidence: Evidence, name: str, a: Network, b: Network, share: str, kind: Kind) -> list[Effect]:
    return [
        _effect(evidence, f"{name}, {share} radius, {axis}", a, b, radius, kind)
        for axis, radius in RADII[share].items()
    ]


def pointwise_erf(evidence: Evidence) -> Claim:
    """Claim 11: 90 % radii of the damped network with few and with many 1x1 blocks."""
    edition = evidence.edition
    few, many = sorted(edition.erf_deep_pointwise)
    a, b = (Network("damped", edition.erf_deep_width, pointwise=k) for k in (many, few))
    return Claim(
        11,
        "C.1",
        "1x1 blocks enlarge the effective receptive field of the damped network.",
        f"From K = {few} to K = {many} its 90 % radius grows by {ERF_CHANGE:g} % or more along both axes.",
        "seen in the figures",
        _along_both_axes(evidence, f"damped, K = {many} / K = {few}", a, b, "90 %", "increase"),
        ["fig-9", "fig-10"],
    )


def width_concentrates_erf(evidence: Evidence) -> Claim:
    """Claim 12: 50 % radii of the wide and the narrow network."""
    edition, k = evidence.edition, evidence.edition.erf_pointwise
    effects = []
    for variant in BOTH:
        a, b = (Network(variant, width, pointwise=k) for width in (edition.erf_wide, edition.erf_narrow))
        name = f"{variant}, W = {a.width} / W = {b.width}"
        effects += _along_both_axes(evidence, name, a, b, "50 %", "decrease")
    return Claim(
        12,
        "C.2",
        "Width concentrates the effective receptive field at its centre, for both networks.",
        f"The 50 % radius shrinks by {ERF_CHANGE:g} % or more along frequency and along time, base and damped.",
        "seen in the figures",
        effects,
        ["fig-11", "fig-12"],
    )


def pruning_and_erf(evidence: Evidence) -> Claim:
    """Claim 13: 90 % radius along frequency of pruned wide networks."""
    edition, k = evidence.edition, evidence.edition.erf_pointwise
    radius = RADII["90 %"]["frequency"]
    narrow = Network("damped", edition.reference_width, pointwise=k)
    effects = []
    for method, kind in (("iterative", "decrease"), ("static", "equal")):
        wide = Network("damped", edition.erf_wide, pointwise=k, method=method)  # type: ignore[arg-type]
        name = f"damped, 90 % radius, frequency, {method} W = {wide.width} / dense W = {narrow.width}"
        effects.append(_effect(evidence, name, wide, narrow, radius, kind))  # type: ignore[arg-type]
    wide = Network("base", edition.erf_wide, pointwise=k)
    name = f"base, 90 % radius, frequency, iterative / dense, both W = {wide.width}"
    effects.append(_effect(evidence, name, wide._replace(method="iterative"), wide, radius, "equal"))
    return Claim(
        13,
        "C.3",
        "Iterative pruning narrows the damped network's effective receptive field along frequency, random pruning does "
        "not; the wide base network's stays as it is.",
        f"Against the dense network of as many weights the 90 % radius along frequency shrinks by {ERF_CHANGE:g} % or "
        f"more for damped under iterative pruning and stays within ±{ERF_SAME:g} % under random pruning. For base the "
        f"wide network is compared with and without iterative pruning, as the paper does: within ±{ERF_SAME:g} %.",
        "seen in the figures",
        effects,
        ["fig-13", "fig-14", "fig-15", "fig-16"],
    )


def damping_narrows_erf(evidence: Evidence) -> Claim:
    """Claim 18: radii along frequency of the damped and the base network."""
    width = evidence.edition.erf_width
    damped, base = Network("damped", width), Network("base", width)
    effects = [
        _effect(
            evidence,
            f"damped / base, W = {width}, {share} radius, frequency",
            damped,
            base,
            radii["frequency"],
            "decrease",
        )
        for share, radii in RADII.items()
    ]
    return Claim(
        18,
        "B",
        "Damping narrows the effective receptive field along frequency.",
        f"Its 50 % and 90 % radii along frequency are smaller by {ERF_CHANGE:g} % or more.",
        "seen in the figures",
        effects,
        ["fig-8"],
    )
