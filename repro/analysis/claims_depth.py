"""Claims 6 to 8 and 15: depth, depth with width, and depth against width (Sections 5 and 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from repro.analysis.evidence import BOTH, GROUPS, Evidence, Group, Network, Variant, combine, difference, slope
from repro.analysis.verdicts import NEGLIGIBLE, Claim, Kind
from repro.experiment import ModelConfig
from repro.network.cp_resnet import weight_count

SAME = 2.0  # points over the whole range of K within which the unseen devices stay
ON_PAR = 2.0  # points by which a network on a par with another may fall behind it


def depth_hurts(evidence: Evidence) -> Claim:
    """Claim 6: slopes over D, and how they differ between base and damped."""
    edition = evidence.edition
    base, damped = (
        slope({d: Network(variant, edition.depth_width, d) for d in sorted(edition.depths)}) for variant in BOTH
    )
    trends = {"base": base, "damped": damped, "base − damped": combine((1.0, base), (-1.0, damped))}
    effects = [
        evidence.effect(subject, group, "slope over D", trend, "decrease", ["depth"], **_per_block(edition.depths))
        for subject, trend in trends.items()
        for group in GROUPS
    ]
    return Claim(
        "More 3×3 blocks (D) lower the accuracy on seen and unseen devices, that of the base network more.",
        "The slope over D is negative for both networks on both groups of devices, and more so for base than damped.",
        effects,
    )


def pointwise_depth(evidence: Evidence) -> Claim:
    """Claim 7: slopes over K."""
    edition = evidence.edition
    claimed: list[tuple[Variant, Group, Kind, float]] = [
        ("base", "seen", "increase", 0.0),
        ("base", "unseen", "equal", SAME),
        ("damped", "seen", "decrease", 0.0),
        ("damped", "unseen", "decrease", 0.0),
    ]
    effects = []
    for variant, group, kind, margin in claimed:
        trend = slope({k: Network(variant, edition.depth_width, pointwise=k) for k in sorted(edition.pointwise)})
        options = _per_block(edition.pointwise, margin)
        effects.append(evidence.effect(variant, group, "slope over K", trend, kind, ["pointwise"], **options))
    return Claim(
        "More 1×1 blocks (K) help the base network a little on the seen device, not on unseen ones, and hurt the "
        "damped network.",
        f"The slope over K is positive for base on the seen device, within ±{SAME:g} points over the whole range of K "
        "for base on unseen devices, and negative for damped on both.",
        effects,
    )


def _per_block(sizes: Sequence[int], margin: float = 0.0) -> dict[str, Any]:
    """Options of a slope over D or K: `margin`, and what does not matter, are points over the whole range of it."""
    blocks = max(sizes, default=0) - min(sizes, default=0) or 1
    return {"margin": margin / blocks, "negligible": NEGLIGIBLE / blocks, "unit": "points per block"}


def width_and_depth_together(evidence: Evidence) -> Claim:
    """Claim 8: every compound network against the widest network of the width study that is no larger."""
    effects = []
    for width, depth in evidence.edition.compound:
        size = weight_count(ModelConfig(width=width, depth=depth))
        smaller = [w for w in evidence.edition.widths if weight_count(ModelConfig(width=w)) <= size]
        for variant in BOTH:
            network, rival = Network(variant, width, depth), Network(variant, max(smaller, default=width))
            pair, studies = f"W = {width}, D = {depth} − W = {rival.width}", ["width", "compound"]
            contrast = difference(network, rival)
            effects.append(evidence.effect(variant, "unseen", pair, contrast, "no less", studies, margin=ON_PAR))
    return Claim(
        "Networks that are widened and deepened together are on a par with the best ones on unseen devices.",
        f"They fall behind by less than {ON_PAR:g} points, damped, of which the paper says it, and base. The best one "
        "is the widest network of the width study that has no more weights: chosen by its size, not by its result.",
        effects,
        paper="on a par with the best case",
    )


def width_beats_depth(evidence: Evidence) -> Claim:
    """Claim 15: the deepest networks against the narrowest ones of the width study with no fewer weights."""
    edition = evidence.edition
    effects = []
    for study, symbol, sizes in (("depth", "D", edition.depths), ("pointwise", "K", edition.pointwise)):
        if not sizes:
            continue
        model = ModelConfig(width=edition.depth_width).model_copy(update={study: max(sizes)})
        larger = [w for w in evidence.fitting_widths() if weight_count(ModelConfig(width=w)) >= weight_count(model)]
        width = min(larger, default=max(edition.widths))
        ratio = weight_count(ModelConfig(width=width)) / weight_count(model)
        for variant in BOTH:
            deep = Network(variant, model.width, model.depth, model.pointwise)
            contrast = difference(Network(variant, width), deep) if larger else {}
            pair = f"W = {width} − {symbol} = {max(sizes)} at W = {model.width}, with {ratio:.1f} times its weights"
            effects.append(evidence.effect(variant, "unseen", pair, contrast, "increase", ["width", study]))
    return Claim(
        "On unseen devices networks scaled by width are significantly better than networks scaled by depth, with or "
        "without a larger receptive field.",
        "The deepest network of either kind is below the narrowest network of the width study that fits its training "
        "data and has no fewer weights, damped, of which the paper says it, and base.",
        effects,
        paper="significantly better",
    )
