"""Claims 6 to 8 and 15: depth, depth with width, and depth against width (Sections 5 and 5.2)."""

from __future__ import annotations

from repro.analysis.accuracy import GROUPS, Group
from repro.analysis.claims_width import fitting_widths
from repro.analysis.evidence import BOTH, Contrast, Evidence, Network, Variant, combine, difference, slope
from repro.analysis.verdicts import Claim, Effect, Kind
from repro.edition import weight_count
from repro.experiment import ModelConfig

SAME_PER_BLOCK = 1.0
"""Points per 1x1 block within which the unseen devices stay."""
NEGLIGIBLE_PER_BLOCK = 0.5
"""Points per block below which a slope over depth does not matter."""
ON_PAR = 2.0
"""Points by which a network on a par with another may fall behind it."""

PER_BLOCK = "points per block"


def depth_hurts(evidence: Evidence) -> Claim:
    """Claim 6: slopes over D, and how they differ between base and damped."""
    edition, pool = evidence.edition, evidence.networks("depth")
    trends: dict[str, Contrast] = {
        variant: slope({d: Network(variant, edition.depth_width, d) for d in sorted(edition.depths)})
        for variant in BOTH
    }
    compared = {**trends, "base − damped": combine((1.0, trends["base"]), (-1.0, trends["damped"]))}
    effects = [
        Effect(
            f"{name}, {group}, slope over D",
            evidence.accuracy(trend, group, pool),
            "decrease",
            negligible=NEGLIGIBLE_PER_BLOCK,
            unit=PER_BLOCK,
            unfit=evidence.unfit(trend),
        )
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
    edition, pool = evidence.edition, evidence.networks("pointwise")
    claimed: dict[tuple[Variant, Group], tuple[Kind, float]] = {
        ("base", "seen"): ("increase", 0.0),
        ("base", "unseen"): ("equal", SAME_PER_BLOCK),
        ("damped", "seen"): ("decrease", 0.0),
        ("damped", "unseen"): ("decrease", 0.0),
    }
    effects = []
    for (variant, group), (kind, margin) in claimed.items():
        trend = slope({k: Network(variant, edition.depth_width, pointwise=k) for k in sorted(edition.pointwise)})
        found = evidence.accuracy(trend, group, pool)
        name, unfit = f"{variant}, {group}, slope over K", evidence.unfit(trend)
        effects.append(Effect(name, found, kind, margin, NEGLIGIBLE_PER_BLOCK, PER_BLOCK, unfit=unfit))
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
    pool = [*evidence.networks("width"), *evidence.networks("compound")]
    effects = []
    for width, depth in evidence.edition.compound:
        size = weight_count(ModelConfig(width=width, depth=depth))
        smaller = [w for w in evidence.edition.widths if weight_count(ModelConfig(width=w)) <= size]
        for variant in BOTH:
            network, rival = Network(variant, width, depth), Network(variant, max(smaller, default=width))
            contrast = difference(network, rival)
            name = f"{variant}, unseen, W = {width}, D = {depth} − W = {rival.width}"
            found = evidence.accuracy(contrast, "unseen", pool)
            effects.append(Effect(name, found, "no less", ON_PAR, unfit=evidence.unfit(contrast)))
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
            contrast = difference(wide, deep)
            found = evidence.accuracy(contrast, "unseen", [*evidence.networks("width"), *evidence.networks(study)])
            value = model.depth if name == "D" else model.pointwise
            effect = f"{variant}, unseen, W = {wide.width} − {name} = {value} at W = {model.width}"
            effects.append(Effect(effect, found, "increase", unfit=evidence.unfit(contrast)))
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
