"""Claims 6 to 8 and 15: depth, depth with width, and depth against width (Sections 5 and 5.2)."""

from __future__ import annotations

from typing import Any

from repro.analysis.claims_width import fitting_widths
from repro.analysis.evidence import (
    BOTH,
    GROUPS,
    Contrast,
    Evidence,
    Group,
    Network,
    Variant,
    combine,
    difference,
    slope,
)
from repro.analysis.verdicts import Claim, Kind
from repro.edition import weight_count
from repro.experiment import ModelConfig

SAME_PER_BLOCK = 1.0  # points per 1x1 block within which the unseen devices stay
NEGLIGIBLE_PER_BLOCK = 0.5  # points per block below which a slope over depth does not matter
ON_PAR = 2.0  # points by which a network on a par with another may fall behind it

SLOPE: dict[str, Any] = {"negligible": NEGLIGIBLE_PER_BLOCK, "unit": "points per block"}


def depth_hurts(evidence: Evidence) -> Claim:
    """Claim 6: slopes over D, and how they differ between base and damped."""
    edition = evidence.edition
    trends: dict[str, Contrast] = {
        variant: slope({d: Network(variant, edition.depth_width, d) for d in sorted(edition.depths)})
        for variant in BOTH
    }
    compared = {**trends, "base − damped": combine((1.0, trends["base"]), (-1.0, trends["damped"]))}
    effects = [
        evidence.effect(f"{name}, {group}, slope over D", trend, group, "decrease", ["depth"], **SLOPE)
        for name, trend in compared.items()
        for group in GROUPS
    ]
    return Claim(
        6,
        "5.2",
        "More 3x3 blocks (D) lower the accuracy on seen and unseen devices, that of the base network more.",
        "The slope over D is negative for both networks on both groups of devices, and more so for base than damped.",
        "",
        effects,
        ["fig-4"],
    )


def pointwise_depth(evidence: Evidence) -> Claim:
    """Claim 7: slopes over K."""
    edition = evidence.edition
    claimed: dict[tuple[Variant, Group], tuple[Kind, float]] = {
        ("base", "seen"): ("increase", 0.0),
        ("base", "unseen"): ("equal", SAME_PER_BLOCK),
        ("damped", "seen"): ("decrease", 0.0),
        ("damped", "unseen"): ("decrease", 0.0),
    }
    effects = []
    for (variant, group), (kind, margin) in claimed.items():
        trend = slope({k: Network(variant, edition.depth_width, pointwise=k) for k in sorted(edition.pointwise)})
        name = f"{variant}, {group}, slope over K"
        effects.append(evidence.effect(name, trend, group, kind, ["pointwise"], margin=margin, **SLOPE))
    return Claim(
        7,
        "5.2",
        "More 1x1 blocks (K) help the base network a little on the seen device, not on unseen ones, and hurt the "
        "damped network.",
        f"The slope over K is positive for base on the seen device, within ±{SAME_PER_BLOCK:g} point a block for base "
        "on unseen devices, and negative for damped on both.",
        "",
        effects,
        ["fig-5"],
    )


def width_and_depth_together(evidence: Evidence) -> Claim:
    """Claim 8: every compound network against the widest network of the width study that is no larger."""
    effects = []
    for width, depth in evidence.edition.compound:
        size = weight_count(ModelConfig(width=width, depth=depth))
        smaller = [w for w in evidence.edition.widths if weight_count(ModelConfig(width=w)) <= size]
        for variant in BOTH:
            network, rival = Network(variant, width, depth), Network(variant, max(smaller, default=width))
            contrast = difference(network, rival)
            name = f"{variant}, unseen, W = {width}, D = {depth} − W = {rival.width}"
            studies = ["width", "compound"]
            effects.append(evidence.effect(name, contrast, "unseen", "no less", studies, margin=ON_PAR))
    return Claim(
        8,
        "5",
        "Networks that are widened and deepened together are on a par with the best ones on unseen devices.",
        f"They fall behind by less than {ON_PAR:g} points. The best one is the widest network of the width study that "
        "has no more weights: chosen by its size, not by its result.",
        "on a par with the best case",
        effects,
        ["fig-1", "fig-17"],
    )


def width_beats_depth(evidence: Evidence) -> Claim:
    """Claim 15: the deepest networks against the narrowest ones of the width study with no fewer weights."""
    edition = evidence.edition
    deepest = {
        "D": ModelConfig(width=edition.depth_width, depth=max(edition.depths, default=1)),
        "K": ModelConfig(width=edition.depth_width, pointwise=max(edition.pointwise, default=1)),
    }
    effects = []
    for name, model in deepest.items():
        larger = [w for w in fitting_widths(evidence) if weight_count(ModelConfig(width=w)) >= weight_count(model)]
        study = {"D": "depth", "K": "pointwise"}[name]
        for variant in BOTH:
            deep = Network(variant, model.width, model.depth, model.pointwise)
            wide = Network(variant, min(larger, default=max(edition.widths)))
            value = model.depth if name == "D" else model.pointwise
            effect = f"{variant}, unseen, W = {wide.width} − {name} = {value} at W = {model.width}"
            contrast = difference(wide, deep)
            effects.append(evidence.effect(effect, contrast, "unseen", "increase", ["width", study]))
    return Claim(
        15,
        "5",
        "On unseen devices networks scaled by width are significantly better than networks scaled by depth, with or "
        "without a larger receptive field.",
        "The deepest network of either kind is below the narrowest network of the width study that has no fewer "
        "weights, base and damped.",
        "significantly better",
        effects,
        ["fig-1", "fig-17"],
    )
