"""Verdicts and effects in words: what the pages, the front page and the report say of the numbers."""

from __future__ import annotations

import math

from repro.analysis.evidence import BOTH
from repro.analysis.verdicts import Claim, Effect, Signal, Verdict

MEANING = {
    Verdict.SUPPORTED: "The runs support it.",
    Verdict.DIRECTION_ONLY: "The runs lean that way but do not settle it.",
    Verdict.INCONCLUSIVE: "The runs do not settle it.",
    Verdict.ABSENT: "The runs show that any such effect is too small to matter.",
    Verdict.CONTRADICTED: "The runs contradict it.",
    Verdict.PREMISE_NOT_MET: "There is no verdict: not all of the networks compared have fitted their training data.",
    Verdict.NOT_ASKED: "There is no verdict: this edition does not train all the networks that it takes.",
    Verdict.RUNS_MISSING: "There is no verdict: not all the runs that it takes are there.",
}


def meaning(claim: Claim) -> str:
    """What a claim's verdict says, in a sentence; in another one, of which network alone the claim holds."""
    held = [
        variant
        for variant in BOTH
        if {effect.verdict for effect in claim.effects if effect.subject == variant} == {Verdict.SUPPORTED}
    ]
    alone = held if len(held) == 1 and not claim.some and claim.verdict is not Verdict.SUPPORTED else []
    return " ".join([_meaning(claim), *(f"For the {variant} network alone they support it." for variant in alone)])


def _meaning(claim: Claim) -> str:
    leaning = [effect for effect in claim.effects if effect.verdict is Verdict.DIRECTION_ONLY]
    if claim.verdict is Verdict.DIRECTION_ONLY and all(map(_smaller_than_claimed, leaning)):
        asked = " and ".join(dict.fromkeys(_measure(effect.margin, effect.unit) for effect in leaning))
        return f"The effect is there, but its mean is below the {asked} that our criterion asks for."
    absent = [effect.name for effect in claim.effects if effect.verdict is Verdict.ABSENT]
    if claim.verdict is Verdict.ABSENT and len(absent) < len(claim.effects):
        return (
            f"Any such effect is too small to matter for {' and '.join(absent)}: so the claim does not hold as a whole."
        )
    return MEANING[claim.verdict]


def _measure(margin: float, unit: str) -> str:
    return f"factor of {math.exp(margin / 100):.3g}" if unit == "log-%" else f"{margin:g} {unit}"


def _smaller_than_claimed(effect: Effect) -> bool:
    directed = effect.kind in ("increase", "decrease") and effect.signal is Signal.PRESENT
    return directed and abs(effect.estimate.mean or 0.0) < effect.margin


def amount(effect: Effect) -> str:
    """An effect's mean and 95 % interval, such as "+3.1 points (+1.2 to +5.0)"; empty where it was not measured.

    Ratios, which are measured as 100 times their logarithm, are told as a change in percent. Where runs are missing,
    how many folds it is from, or how many runs are missing, follows.
    """
    found, interval = effect.estimate, effect.estimate.interval()
    if found.mean is None:
        return ""
    values, unit = [found.mean, *(interval or ())], effect.unit
    if unit == "log-%":
        values, unit = [100 * math.expm1(value / 100) for value in values], "%"
    sign = "" if effect.unit == "%" else "+"  # a share is no difference
    mean, *ends = [f"{value:{sign}.1f}".replace("-", "−") for value in values]
    return f"{mean} {unit}" + (f" ({' to '.join(ends)})" if ends else "") + _missing(effect)


def _missing(effect: Effect) -> str:
    missing, found = effect.estimate.missing, list(effect.estimate.values)
    if not missing:
        return ""
    if effect.kind in ("at least", "exact"):  # asked of every run
        return f", {missing} {'run' if missing == 1 else 'runs'} missing"
    block = found[0].split()[0]
    return f", from {len(found)} of {len(found) + missing} {block}s"


def headline(claim: Claim) -> list[Effect]:
    """Of the measured effects of a claim one for every network or pair compared ("base", "damped").

    It is the one with the weakest verdict, which decides on the claim; of several such the one that speaks least for
    the claim or, if all are negligible, most. Where one supported effect is enough for the claim, it is the largest of
    those that are supported, else of those that have a verdict, else of all.
    """
    measured = [effect for effect in claim.effects if effect.estimate.mean is not None]
    if claim.some:
        measured.sort(key=lambda e: (e.verdict is not Verdict.SUPPORTED, not e.judgeable, -(e.estimate.mean or 0.0)))
    else:
        measured.sort(key=_weakest_first)
    chosen: dict[str, Effect] = {}
    for effect in measured:
        chosen.setdefault(effect.subject, effect)
    return [effect for effect in claim.effects if any(effect is told for told in chosen.values())]


def _weakest_first(effect: Effect) -> tuple[int, float]:
    against = effect.p_unsupported
    return list(Verdict).index(effect.verdict), against if effect.verdict is Verdict.ABSENT else -against


def numbers(claim: Claim) -> list[str]:
    """The headline of a claim, an effect each; none where nothing was measured."""
    return [f"{', '.join(filter(None, (e.subject, *e.details[:-1], pair(e))))}: {amount(e)}" for e in headline(claim)]


def pair(effect: Effect) -> str:
    """What an effect compares, in words: "W = 64 against W = 8"; empty where it has no details."""
    return effect.details[-1].replace(" − ", " against ") if effect.details else ""
