"""What an edition needs: for every page of the book the runs and effective receptive fields that it will ask for.

They follow from the pages' parameters alone, so that all of them can be trained together before any page is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from repro import studies
from repro.analysis.evidence import experiments
from repro.errors import InputError
from repro.experiment import Experiment, ModelConfig
from repro.store.store import Store
from repro.studies import Setting
from repro.sweep.fetch import provide_fields, sweep


class Experiments(NamedTuple):
    """What a page, or several of them, will ask for.

    Attributes:
        runs: each once, in the order in which they are asked for.
        fields: those of the runs whose effective receptive fields are shown, too.
    """

    runs: list[Experiment]
    fields: list[Experiment]


def experiments_of(parameters_by_page: Mapping[str, Mapping[str, Any]]) -> dict[str, Experiments]:
    """What each page will ask for, by the page's name; nothing for a page that trains nothing.

    Args:
        parameters_by_page: all values of every page's parameters, its defaults included.

    Raises:
        InputError: a value is out of its range, or a page lacks a parameter that its runs depend on.
    """
    return {page: _experiments_of(page, parameters) for page, parameters in parameters_by_page.items()}


def union(of_pages: Iterable[Experiments]) -> Experiments:
    """What several pages need together, each run and each field once."""
    of_pages = list(of_pages)
    return Experiments(
        list(dict.fromkeys(run for page in of_pages for run in page.runs)),
        list(dict.fromkeys(run for page in of_pages for run in page.fields)),
    )


def provide(needed: Experiments) -> None:
    """Train the runs that the store lacks, all together, and then compute the fields that it lacks.

    A run whose training failed before is tried again.

    Raises:
        InputError: the recordings or the store cannot be used.
    """
    if needed.runs:
        store = Store.default()
        sweep(needed.runs, store)
        provide_fields(needed.fields, store)


def ends_of_depth(
    setting: Setting,
    depth_width: int,
    depths: Iterable[int],
    pointwise: Iterable[int],
    compound: Sequence[Sequence[int]],
) -> list[Experiment]:
    """Section 5.2: the damped networks whose effective receptive fields are compared, of the first seed.

    The network that was deepened, the deepest of either kind, and the last of those scaled in width and depth.
    """
    models = [
        ModelConfig(width=depth_width, damped=True),
        ModelConfig(width=depth_width, depth=max(depths, default=1), damped=True),
        ModelConfig(width=depth_width, pointwise=max(pointwise, default=1), damped=True),
        *(ModelConfig(width=width, depth=depth, damped=True) for width, depth in compound[-1:]),
    ]
    return _first_seed(setting).runs(dict.fromkeys(models))


def _experiments_of(page: str, parameters: Mapping[str, Any]) -> Experiments:
    needed = _NEEDED.get(page)
    if needed is None:
        return Experiments([], [])
    try:
        runs, fields = needed(Setting.of(parameters), parameters)
    except KeyError as error:
        raise InputError(f"page '{page}' has no parameter {error}, on which its runs depend") from None
    except InputError as error:
        raise InputError(f"page '{page}': {error}") from None
    return Experiments(list(dict.fromkeys([*runs, *fields])), fields)


def _first_seed(setting: Setting) -> Setting:
    return replace(setting, seeds=setting.seeds[:1])


def _every_scaling(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    return Experiments([run for runs in studies.scalings(setting, p).values() for run in runs], [])


def _fit(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    return Experiments(studies.fit(setting, p["fit_widths"], p["random_label_epochs"]), [])


def _precision(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    return Experiments(
        [run for runs in studies.by_precision(setting, p["precision_width"]).values() for run in runs], []
    )


def _width(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    return Experiments(studies.by_width(setting, p["widths"]), [])


def _depth(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    width, depths, pointwise, compound = p["depth_width"], p["depths"], p["pointwise"], p["compound"]
    runs = [
        *studies.by_depth(setting, width, depths),
        *studies.by_pointwise(setting, width, pointwise),
        *studies.by_width_and_depth(setting, compound),
    ]
    return Experiments(runs, ends_of_depth(setting, width, depths, pointwise, compound))


def _sparse_width(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    widths, reference_width, epochs = p["sparse_widths"], p["reference_width"], p["sparse_epochs"]
    runs = [
        *studies.by_width(setting, sorted({reference_width, *p["widths"]})),
        *studies.by_sparse_width(setting, "static", widths, reference_width, epochs),
        *studies.by_sparse_width(setting, "iterative", widths, reference_width, epochs),
    ]
    return Experiments(runs, [])


def _damping(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    runs = studies.by_width(_first_seed(setting), [p["erf_width"]])
    return Experiments(runs, runs)


def _receptive_fields(setting: Setting, p: Mapping[str, Any]) -> Experiments:
    names = ("erf_deep_width", "erf_pointwise", "erf_narrow", "erf_wide", "reference_width", "sparse_epochs")
    runs = studies.for_erf(
        replace(setting, seeds=tuple(p["erf_seeds"])),
        **{name: p[name] for name in names},
    )
    return Experiments(runs, runs)


def _claims(_: Setting, p: Mapping[str, Any]) -> Experiments:
    return Experiments(*experiments(p))


_NEEDED: dict[str, Callable[[Setting, Mapping[str, Any]], Experiments]] = {
    "01-introduction": _every_scaling,
    "04-models": _fit,
    "05-results": _width,
    "05-1-width": _width,
    "05-2-depth": _depth,
    "05-3-sparsity": _sparse_width,
    "A-setup": _precision,
    "B-damping": _damping,
    "C-erf": _receptive_fields,
    "D-base": _every_scaling,
    "claims": _claims,
}
"""How a page's needs follow from its parameters: the same studies that its cells ask for."""
