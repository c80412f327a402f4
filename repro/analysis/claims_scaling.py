"""Claims 1 to 8: fitting the labels, width, depth, and both together (Sections 4 to 5.2)."""

from __future__ import annotations

import math

from repro.analysis.accuracy import GROUPS, Group
from repro.analysis.claims import FIT, Claim, Effect, Kind, Measured, figures
from repro.analysis.evidence import BOTH, Evidence, Network, Variant, difference, minus, slope

FITTED = 99.9
"""% of the training labels from which on a network counts as fitting them; the paper has 99.99 %."""
RANDOM_GAIN = 5.0
"""Points by which the wider network fits random labels better; a third of the paper's 14.5."""
WIDTH_GAIN = 5.0
"""Points from the narrowest to the widest network on unseen devices; half of the paper's 10."""
PLATEAU = 2.0
"""Points within which widening beyond the plateau leaves the seen device."""
SAME_PER_BLOCK = 1.0
"""Points per 1x1 block within which the unseen devices stay."""
ON_PAR = 2.0
"""Points by which a network on a par with another may fall behind it."""

PER_BLOCK = "points per block"


def fits_training_labels(evidence: Evidence) -> Claim:
    """Claim 1: the smallest network of the width study is large enough for the true labels."""
    width = evidence.grid.fit_widths[0]
    fitted = evidence.training_accuracy(Network("base", width), "true")
    return Claim(
        1,
        "4",
        f"The base network of W = {width}, D = 1, K = 1 already fits the training data.",
        f"Training accuracy without augmentation is at least {FITTED:g} % in every seed.",
        "99.99 % (W = 32)",
        [Effect(f"training accuracy, W = {width}", fitted, "at least", FITTED, "%")],
        [FIT],
    )


def fits_random_labels(evidence: Evidence) -> Claim:
    """Claim 2: how well two base networks reproduce random labels."""
    narrow, wide = (Network("base", evidence.grid.fit_widths[end]) for end in (0, -1))
    fits = [evidence.training_accuracy(network, "random") for network in (narrow, wide)]
    common = [seed for seed in fits[1].values if seed in fits[0].values and wide != narrow]
    gain = Measured(
        {seed: fits[1].values[seed] - fits[0].values[seed] for seed in common}, None, fits[0].runs + fits[1].runs
    )
    return Claim(
        2,
        "4",
        f"It fits random labels in part, the network of W = {wide.width} fits them wholly: it is over-parameterised.",
        f"On random labels W = {wide.width} reaches at least {FITTED:g} % training accuracy in every seed, and W = "
        f"{narrow.width} is lower by {RANDOM_GAIN:g} points or more.",
        "85.51 % (W = 32), 100 % (W = 64)",
        [
            Effect(f"random labels, W = {wide.width}", fits[1], "at least", FITTED, "%"),
            Effect(f"random labels, W = {wide.width} − W = {narrow.width}", gain, "increase", RANDOM_GAIN),
        ],
        [FIT],
    )


def width_helps_unseen(evidence: Evidence) -> Claim:
    """Claim 3: gain on unseen devices over the widths, by its ends and by its slope."""
    widths = evidence.grid.widths
    effects = []
    for variant in BOTH:
        ends = difference(Network(variant, widths[-1]), Network(variant, widths[0]))
        trend = slope({math.log2(width): Network(variant, width) for width in widths})
        name = f"{variant}, unseen, W = {widths[-1]} − W = {widths[0]}"
        effects += [
            Effect(name, evidence.accuracy(ends, "unseen"), "increase", WIDTH_GAIN),
            Effect(
                f"{variant}, unseen, slope over log₂ W",
                evidence.accuracy(trend, "unseen"),
                "increase",
                unit="points per doubling",
            ),
        ]
    return Claim(
        3,
        "5.1",
        "Widening raises the accuracy on unseen devices, of the base and of the damped network.",
        f"From the narrowest to the widest network it rises by {WIDTH_GAIN:g} points or more, and its slope over "
        "log₂ W is positive, for both.",
        "about +10 points (W = 32 to 512)",
        effects,
        figures(3),
    )


def seen_levels_off(evidence: Evidence) -> Claim:
    """Claim 4: change on the seen device from the plateau to the widest network."""
    widest, plateau = evidence.grid.widths[-1], evidence.grid.plateau_width
    return Claim(
        4,
        "5.1",
        f"On the seen device widening beyond W = {plateau} changes next to nothing.",
        f"The widest network is within ±{PLATEAU:g} points of W = {plateau}, base and damped.",
        "minimal effect beyond W = 128",
        [
            Effect(
                f"{variant}, seen, W = {widest} − W = {plateau}",
                evidence.accuracy(difference(Network(variant, widest), Network(variant, plateau)), "seen"),
                "equal",
                PLATEAU,
            )
            for variant in BOTH
        ],
        figures(3),
    )


def damping_helps(evidence: Evidence) -> Claim:
    """Claim 5: lead of the damped network at every width."""
    widths = evidence.grid.widths
    lead = {width: difference(Network("damped", width), Network("base", width)) for width in widths}
    mean = {network: factor / len(widths) for width in widths for network, factor in lead[width].items()}
    effects = [
        Effect(f"damped − base, unseen, W = {width}", evidence.accuracy(lead[width], "unseen"), "increase")
        for width in widths
    ]
    return Claim(
        5,
        "5.1",
        "The damped network is ahead of the base network at every width.",
        "Damped less base is positive on unseen devices at every single width, and on the seen device on the mean "
        "over widths.",
        "ahead in all settings",
        [*effects, Effect("damped − base, seen, mean over W", evidence.accuracy(mean, "seen"), "increase")],
        figures(3),
    )


def depth_hurts(evidence: Evidence) -> Claim:
    """Claim 6: slopes over D, and how they differ between base and damped."""
    trends = {
        variant: slope({d: Network(variant, evidence.grid.depth_width, d) for d in evidence.grid.depths})
        for variant in BOTH
    }
    compared = {variant: trends[variant] for variant in BOTH} | {
        "base − damped": minus(trends["base"], trends["damped"])
    }
    return Claim(
        6,
        "5.2",
        "More 3x3 blocks (D) lower the accuracy on seen and unseen devices, that of the base network more.",
        "The slope over D is negative for both networks on both groups of devices, and more so for base than damped.",
        "",
        [
            Effect(f"{name}, {group}, slope over D", evidence.accuracy(trend, group), "decrease", unit=PER_BLOCK)
            for name, trend in compared.items()
            for group in GROUPS
        ],
        figures(4),
    )


def pointwise_depth(evidence: Evidence) -> Claim:
    """Claim 7: slopes over K."""
    claimed: dict[tuple[Variant, Group], tuple[Kind, float]] = {
        ("base", "seen"): ("increase", 0.0),
        ("base", "unseen"): ("equal", SAME_PER_BLOCK),
        ("damped", "seen"): ("decrease", 0.0),
        ("damped", "unseen"): ("decrease", 0.0),
    }
    effects = []
    for (variant, group), (kind, margin) in claimed.items():
        trend = slope({k: Network(variant, evidence.grid.depth_width, pointwise=k) for k in evidence.grid.pointwise})
        name = f"{variant}, {group}, slope over K"
        effects.append(Effect(name, evidence.accuracy(trend, group), kind, margin, PER_BLOCK))
    return Claim(
        7,
        "5.2",
        "More 1x1 blocks (K) help the base network a little on the seen device, not on unseen ones, and hurt the "
        "damped network.",
        f"The slope over K is positive for base on the seen device, within ±{SAME_PER_BLOCK:g} point a block for base "
        "on unseen devices, and negative for damped on both.",
        "",
        effects,
        figures(5),
    )


def width_and_depth_together(evidence: Evidence) -> Claim:
    """Claim 8: every compound network against the best of the width study that is no larger."""
    effects = []
    for width, depth in evidence.grid.compound:
        for variant in BOTH:
            network = Network(variant, width, depth)
            best = _best_width(evidence, network)
            name = f"{variant}, unseen, W = {width}, D = {depth} − {f'W = {best.width}' if best else 'best width'}"
            contrast = difference(network, best) if best else {}
            effects.append(Effect(name, evidence.accuracy(contrast, "unseen"), "no less", ON_PAR))
    return Claim(
        8,
        "5",
        "Networks that are widened and deepened together are on a par with the best ones on unseen devices.",
        f"They fall behind by no more than {ON_PAR:g} points. The best one is the network of the width study that has "
        "the highest mean among those of no more weights; being chosen by the same runs, it is flattered.",
        "on a par with the best case",
        effects,
        figures(1, 17),
    )


def _best_width(evidence: Evidence, network: Network) -> Network | None:
    runs = evidence.runs(network)
    if not runs:
        return None
    size = next(iter(runs.values())).weights
    means: dict[Network, float] = {}
    for width in evidence.grid.widths:
        rival = Network(network.variant, width)
        accuracy = evidence.accuracy({rival: 1.0}, "unseen").values
        if accuracy and next(iter(evidence.runs(rival).values())).weights <= size:
            means[rival] = sum(accuracy.values()) / len(accuracy)
    return max(means, key=lambda rival: means[rival]) if means else None
