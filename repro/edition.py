"""An edition: one parameterisation of the whole book, and the studies that it makes of the paper.

An edition is a file `book/editions/<name>.yml` of the fields of `Edition`. A study is a named part of it that says
which Experiments it needs; pages, sweeps, exports and the ledger ask the edition for its studies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from repro.errors import InputError
from repro.experiment import DataConfig, DataName, Experiment, Frozen, ModelConfig, PositiveInt, Recipe, Sparsity
from repro.files.project import project_root
from repro.network.cp_resnet import layer_weights, weight_count
from repro.network.pruning import require_reachable

VARIANTS = {"base": False, "damped": True}  # the two networks of every study, by whether their convolutions are damped

METHODS: tuple[Literal["static", "iterative"], ...] = ("static", "iterative")
"""The two ways in which Section 5.3 brings a network down to fewer weights."""

EDITIONS = Path("book") / "editions"

Natural = Annotated[int, Field(ge=0)]


class Edition(Frozen):
    """One parameterisation of the whole book.

    A replicate of a study is a pair of fold and seed. Widths W, depths D and numbers K of 1x1 blocks are those of
    Table 1; a study whose list is empty is not part of the edition.

    Attributes:
        name, title, description: what it is called, and what it is for.
        train_missing: whether pages train the runs that they lack; else they show the gap.
        dataset, data_root, impulse_responses, microphones, microphones_each, split, clip_seconds, clips: the
            recordings (`DataConfig`); folders are relative to the project.
        epochs, warmup_epochs, max_lr, batch_size, roll, precision: the training (`Recipe`).
        folds: ESC-10's folds that are left out for testing in turn; [0] for the split that `split` names.
        seeds: those of the replicates.
        widths: W of Section 5.1.
        plateau_width: the W of `widths` beyond which the seen device is said to gain nothing.
        repeat_widths: W that have one more seed, the one after the last of `seeds`.
        depth_width, depths, pointwise: W, D and K of the depth studies (Section 5.2).
        deep_width: the W at which the ends of both are trained once more, 0 for none.
        compound: pairs (W, D) that are scaled together.
        fit_widths: W of networks whose fit of true labels is compared with their fit of random labels (Section 4).
        random_label_epochs: how long random labels are trained.
        reference_width: sparse networks keep N(reference_width) weights (Section 5.3).
        sparse_widths: W of the sparse networks.
        sparse_epochs: how long they are trained; where it is not `epochs`, so is one more dense reference.
        pruning_start, pruning_ramp, pruning_magnitude: of `Sparsity`; a start of 0 is the end of the warm-up.
        unguarded_widths: W that are pruned without the guard, too (Appendix A.4).
        erf_width: W of Figure 8 (Appendix C, effective receptive fields).
        erf_pointwise: K of Figures 11 to 16.
        erf_deep_width, erf_deep_pointwise: W of Figures 9 and 10, and their pair of K.
        erf_narrow, erf_wide: the pair of W of Figures 11 and 12; Figures 13 to 16 prune the wide one.
        precision_widths: W that are trained in float32 and in bfloat16 (Appendix A).
    """

    name: str
    title: str
    description: str = ""
    train_missing: bool = False

    dataset: DataName
    data_root: str = ""
    impulse_responses: str = ""
    microphones: Natural = 0
    microphones_each: Natural = 0
    split: Literal["paper", "official"] = "paper"
    clip_seconds: float
    clips: PositiveInt = 4

    epochs: PositiveInt
    warmup_epochs: Natural
    max_lr: float
    batch_size: PositiveInt = 10
    roll: Literal["hops", "samples", "off"] = "hops"
    precision: Literal["fp32", "bf16"] = "fp32"

    folds: Annotated[list[Annotated[int, Field(ge=0, le=5)]], Field(min_length=1)] = [0]
    seeds: Annotated[list[Natural], Field(min_length=1)]

    widths: Annotated[list[PositiveInt], Field(min_length=1)]
    plateau_width: PositiveInt
    repeat_widths: list[PositiveInt] = []

    depth_width: PositiveInt
    depths: list[PositiveInt]
    pointwise: list[Natural]
    deep_width: Natural = 0
    compound: list[Annotated[list[PositiveInt], Field(min_length=2, max_length=2)]]

    fit_widths: list[PositiveInt]
    random_label_epochs: PositiveInt

    reference_width: PositiveInt
    sparse_widths: list[PositiveInt]
    sparse_epochs: PositiveInt
    pruning_start: Natural = 0
    pruning_ramp: Literal["geometric", "cubic"] = "geometric"
    pruning_magnitude: Literal["used", "raw"] = "used"
    unguarded_widths: list[PositiveInt] = []

    erf_width: PositiveInt
    erf_pointwise: Natural = 0
    erf_deep_width: PositiveInt
    erf_deep_pointwise: Annotated[list[Natural], Field(min_length=2, max_length=2)] = [0, 4]
    erf_narrow: PositiveInt
    erf_wide: PositiveInt

    precision_widths: list[PositiveInt] = []

    @model_validator(mode="after")
    def _consistent(self) -> Edition:
        for field, values in self:
            if isinstance(values, list) and len({str(value) for value in values}) < len(values):
                raise ValueError(f"{field} = {values}: give every value once")
        for width in {*self.sparse_widths, *self.unguarded_widths}:
            if width <= self.reference_width:
                smallest = f"reference_width = {self.reference_width}"
                raise ValueError(f"sparse_widths, unguarded_widths: {width} must be larger than {smallest}")
        if self.folds != [0] and 0 in self.folds:
            raise ValueError(f"folds = {self.folds}: either [0], for no folds, or some of 1 to 5")
        for run in {(run.model, run.sparsity): run for study in self.studies.values() for run in study}.values():
            if run.sparsity is not None:
                try:
                    require_reachable(layer_weights(run.model), run.sparsity, run.recipe)
                except InputError as error:
                    named = "reference_width, sparse_epochs or pruning_start does not suit"
                    raise ValueError(f"{named} {run.network}: {error}") from None
        return self

    @cached_property
    def recipe(self) -> Recipe:
        """How the networks are trained."""
        return Recipe(**self.model_dump(include=set(Recipe.model_fields)))

    def data(self, fold: int = 0) -> DataConfig:
        """The recordings, with one fold left out for testing."""
        settings = self.model_dump(include=DataConfig.model_fields.keys() - {"name"})
        return DataConfig(name=self.dataset, root=self.data_root, fold=fold, **settings)

    def runs(
        self,
        models: Iterable[ModelConfig],
        sparsity: Sparsity | None = None,
        seeds: Iterable[int] | None = None,
        **recipe: Any,
    ) -> tuple[Experiment, ...]:
        """One Experiment a network and replicate; `recipe` are changes to the edition's."""
        changed = Recipe(**self.recipe.model_dump() | recipe)
        return tuple(
            Experiment(data=self.data(fold), model=model, recipe=changed, sparsity=sparsity, seed=seed)
            for model in models
            for seed in (self.seeds if seeds is None else seeds)
            for fold in self.folds
        )

    def sparse_runs(
        self, method: Literal["static", "iterative"], widths: Iterable[int], pointwise: int = 1, guard: bool = True
    ) -> tuple[Experiment, ...]:
        """Networks of these widths brought down to the number of weights of the reference width at the same K."""
        weights = weight_count(ModelConfig(width=self.reference_width, pointwise=pointwise))
        details: dict[str, Any] = {}
        if method == "iterative":
            start = self.pruning_start or None
            details = {"start": start, "ramp": self.pruning_ramp, "magnitude": self.pruning_magnitude}
        sparsity = Sparsity(method=method, weights=weights, guard=guard, **details)
        models = [model for width in widths for model in both(width, pointwise=pointwise)]
        return self.runs(models, sparsity, epochs=self.sparse_epochs)

    @cached_property
    def studies(self) -> dict[str, tuple[Experiment, ...]]:
        """The Experiments that every study needs, each once, by its name; none where the edition leaves it out."""
        dense, sparse = self.runs, self.sparse_runs
        found: dict[str, Iterable[Experiment]] = {
            "width": dense(model for width in self.widths for model in both(width)),
            "depth": dense(model for depth in self.depths for model in both(self.depth_width, depth)),
            "pointwise": dense(model for k in self.pointwise for model in both(self.depth_width, pointwise=k)),
            "static pruning": sparse("static", self.sparse_widths),
            "iterative pruning": sparse("iterative", self.sparse_widths),
            "sparse reference": dense(both(self.reference_width), epochs=self.sparse_epochs),
            "compound": dense(model for width, depth in self.compound for model in both(width, depth)),
            "fit": self._fit(),
            "wider depth": self._wider_depth(),
            "damping": dense(both(self.erf_width)),
            "receptive fields": self._receptive_fields(),
            "repeated width": dense((m for w in self.repeat_widths for m in both(w)), seeds=[max(self.seeds) + 1]),
            "unguarded pruning": sparse("iterative", self.unguarded_widths, guard=False),
            "precision": tuple(
                run
                for precision in ("fp32", "bf16")
                for run in dense([ModelConfig(width=w) for w in self.precision_widths], precision=precision)
            ),
        }
        return {name: tuple(dict.fromkeys(runs)) for name, runs in found.items()}

    @property
    def replicates(self) -> int:
        """How many runs a network has where none is missing: folds times seeds."""
        return len(self.folds) * len(self.seeds)

    def study(self, name: str) -> tuple[Experiment, ...]:
        """The Experiments of a study.

        Raises:
            InputError: there is no study of this name.
        """
        if name not in self.studies:
            raise InputError(f"no study '{name}'; there are: {', '.join(self.studies)}")
        return self.studies[name]

    def experiments(self) -> list[Experiment]:
        """Every Experiment once, in the order of `studies`, which is the order of what their results are worth.

        Only the widest sparse networks, which cost as much as all others of the first studies together, come later.
        """
        widest = max(self.sparse_widths, default=0)
        pruned = [run for name in ("static pruning", "iterative pruning") for run in self.studies[name]]
        costly = [run for run in pruned if run.model.width == widest]
        ordered: list[Experiment] = []
        for name, study in self.studies.items():
            ordered += [run for run in study if run not in costly]
            if name == "fit":
                ordered += costly
        return list(dict.fromkeys(ordered))

    def _fit(self) -> tuple[Experiment, ...]:
        """The base network on true labels, and on labels in random order without the augmentation that would hide
        what it can memorise."""
        models = [ModelConfig(width=width) for width in self.fit_widths]
        memorising = self.runs(models, labels="random", epochs=self.random_label_epochs, mixup_alpha=0.0, roll="off")
        return self.runs(models) + memorising

    def _wider_depth(self) -> tuple[Experiment, ...]:
        if not self.deep_width:
            return ()
        depths, ks = (sorted(sizes)[:1] + sorted(sizes)[-1:] for sizes in (self.depths, self.pointwise))
        ends = [model for depth in depths for model in both(self.deep_width, depth)]
        ends += [model for k in ks for model in both(self.deep_width, pointwise=k)]
        return self.runs(dict.fromkeys(ends))

    def _receptive_fields(self) -> tuple[Experiment, ...]:
        """Appendix C, at D = 1. Figs 9 and 10: two K. Figs 11 and 12: two W. Figs 13 to 16: sparse networks."""
        k = self.erf_pointwise
        models = [model for pair in self.erf_deep_pointwise for model in both(self.erf_deep_width, pointwise=pair)]
        models += [m for w in (self.erf_narrow, self.reference_width, self.erf_wide) for m in both(w, pointwise=k)]
        sparse = [run for method in METHODS for run in self.sparse_runs(method, [self.erf_wide], pointwise=k)]
        return self.runs(dict.fromkeys(models)) + tuple(sparse)


SETTINGS = [field for field in Edition.model_fields if field != "name"]  # what can be set in every edition


def both(width: int, depth: int = 1, pointwise: int = 1) -> list[ModelConfig]:
    """The base and the damped network of these sizes."""
    return [ModelConfig(width=width, depth=depth, pointwise=pointwise, damped=damped) for damped in VARIANTS.values()]


def editions(root: Path) -> list[str]:
    """The names of the editions of the book in `root`, sorted."""
    return sorted(path.stem for path in (root / EDITIONS).glob("*.yml"))


def open_edition(name: str, root: Path | None = None, /, **changes: Any) -> Edition:
    """Read an edition and change some of its settings.

    Args:
        name: of the file `book/editions/<name>.yml`.
        root: the project's folder; searched for from the working directory upwards if None.
        changes: fields of `Edition` by name; None and an empty list leave a field as it is.

    Raises:
        InputError: there is no such edition; or the file or a change has an unknown field or a value that is not
            allowed: the line names the file and the field.
    """
    root = root or project_root()
    known = editions(root)
    if name not in known:
        raise InputError(f"no edition '{name}'; there are: {', '.join(known) or 'none'}")
    path = root / EDITIONS / f"{name}.yml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:  # PyYAML raises the latter for dates that do not exist
        raise InputError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}): remove it, or make it a file") from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path.name} holds no settings by name")
    _require_known(content, path.name)
    _require_known(changes, "the settings")
    given = {field: value for field, value in changes.items() if value is not None and value != []}
    try:
        edition = Edition(**{**content, "name": name})
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    return Edition(**edition.model_dump() | given) if given else edition


def _require_known(content: Mapping[str, Any], where: str) -> None:
    unknown = [str(field) for field in content if field not in SETTINGS]
    if unknown:
        raise InputError(f"{where}: no setting '{unknown[0]}'; there are: {', '.join(SETTINGS)}")
