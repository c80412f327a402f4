"""`repro sweep` and `repro train`: training, without any page."""

from __future__ import annotations

import json
from contextlib import chdir
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from repro.cli.ending import Failure, interruptible
from repro.cli.settings import changed, settings
from repro.errors import InputError
from repro.files.project import project_root

if TYPE_CHECKING:
    from repro.experiment import Experiment
    from repro.store.record import Failure as FailedRun
    from repro.sweep.engine import Engine

_tensorboard = click.option("--tensorboard", is_flag=True, help="Write event files to STORE/tensorboard, too.")


@click.command()
@click.option("--edition", default="quick", show_default=True, help="A file of book/editions, without .yml.")
@settings
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="With ray: the cluster's address, or auto; without it one is started here.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Runs at once; with ray, cores.  [default: one a GPU or core]"
)
@click.option("--dry-run", is_flag=True, help="Train nothing; say what it would take on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_tensorboard
def sweep(
    edition: str,
    given: tuple[str, ...],
    engine: str,
    address: str | None,
    workers: int | None,
    dry_run: bool,
    as_json: bool,
    tensorboard: bool,
) -> None:
    """Train all runs of an edition that the store lacks.

    The most important ones are trained first, beginning with the width study. However the command ends, finished runs
    are kept, and unfinished ones continue from their checkpoints the next time. Exit status 1 if a run failed.
    """
    from repro.store.store import Store
    from repro.sweep.cost import cost
    from repro.sweep.fetch import sweep as train_all
    from repro.sweep.worker import keys_of

    root = project_root()
    with chdir(root), interruptible():  # where pages are executed
        store = Store.default()
        needed = changed(edition, given).experiments()
        chosen = _engine(engine, address, workers, tensorboard)
        if dry_run:
            expected = cost(needed, store, workers)
            click.echo(json.dumps(asdict(expected), indent=1) if as_json else f"edition '{edition}': {expected}")
            return
        keys = keys_of(needed, store)
        runs, done = len(keys), sum(key in store for key in keys)
        failures = train_all(needed, store, chosen)
        left = sum(key not in store for key in keys)
    trained = runs - done - left
    if as_json:
        counts = {"edition": edition, "runs": runs, "done_before": done, "trained": trained}
        click.echo(json.dumps(counts | {"failed": [_described(failure) for failure in failures]}, indent=1))
    else:
        counted = f"{runs} runs, {done} done before, {trained} trained, {len(failures)} failed"
        click.echo("\n".join([f"edition '{edition}': {counted}", *map(_line, failures)]))
    if left:
        raise Failure(f"{left} of {runs} runs are not trained: the same command tries them again")


@click.command()
@click.option("--width", default=32, show_default=True, help="W, channels of the first stage.")
@click.option("--depth", default=1, show_default=True, help="D, number of 3x3 blocks behind the last pooling.")
@click.option("--pointwise", default=1, show_default=True, help="K, number of 1x1 blocks.")
@click.option("--damped", is_flag=True, help="Damp the convolutions in frequency (Appendix B).")
@click.option("--seed", default=0, show_default=True)
@click.option("--epochs", default=8, show_default=True)
@click.option("--warmup-epochs", default=1, show_default=True)
@click.option("--max-lr", default=3e-3, show_default=True, help="The highest learning rate.")
@click.option("--clip-seconds", default=4.0, show_default=True, help="Length of the synthetic clips.")
@click.option(
    "--json",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Train the Experiment in this file instead, with any recordings and recipe.",
)
@_tensorboard
@click.pass_context
def train(context: click.Context, /, file: Path | None, tensorboard: bool, **options: Any) -> None:
    """Train one network on the synthetic recordings, or the Experiment of a file, unless the store has it."""
    from repro.store.store import Store
    from repro.sweep.fetch import fetch
    from repro.sweep.fetch import sweep as train_all

    given = [name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if file and given:
        option = given[0].replace("_", "-")
        raise InputError(f"--json holds the whole Experiment: leave --{option} out, or set it in {file}")
    experiment = _read(file) if file else _experiment(options)
    store = Store.default()
    with interruptible():
        failures = train_all([experiment], store, _engine("local", None, 1, tensorboard))
    if failures:
        raise Failure(_line(failures[0]))
    (record,) = fetch([experiment], store)
    last = record.epochs.iloc[-1]
    click.echo(
        f"{record.key}: seen {100 * last['seen']:.1f} %, unseen {100 * last['unseen']:.1f} %, "
        f"training labels {100 * record.train_accuracy:.1f} %, loss {last['loss']:.4f}, "
        f"{record.weights:,} weights, {record.seconds:.0f} s: {record.folder}"
    )


def _experiment(options: dict[str, Any]) -> Experiment:
    from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe

    def given(part: type[DataConfig | ModelConfig | Recipe]) -> dict[str, Any]:
        return {name: value for name, value in options.items() if name in part.model_fields and name != "seed"}

    data, model = DataConfig(**given(DataConfig)), ModelConfig(**given(ModelConfig))
    return Experiment(data=data, model=model, recipe=Recipe(**given(Recipe)), seed=options["seed"])


def _read(file: Path) -> Experiment:
    from repro.experiment import Experiment

    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{file} is not JSON") from None
    if not isinstance(values, dict):
        raise InputError(f"{file} does not hold an Experiment")
    return Experiment(**values)


def _engine(name: str, address: str | None, workers: int | None, tensorboard: bool) -> Engine:
    from repro.sweep.tensorboard import require_tensorboard

    if tensorboard:
        require_tensorboard()
    if name == "ray":
        from repro.sweep.ray_cluster import ray_engine

        return ray_engine(address, workers, tensorboard)
    if address is not None:
        raise InputError("--address belongs to --engine ray")
    from repro.sweep.local import local_engine

    return local_engine(workers, tensorboard)


def _described(failure: FailedRun) -> dict[str, str]:
    return {
        "key": failure.key,
        "network": failure.experiment.network,
        "fold": str(failure.experiment.data.fold),
        "seed": str(failure.experiment.seed),
        "kind": failure.kind,
        "reason": failure.reason,
    }


def _line(failure: FailedRun) -> str:
    return "failed: {key}  {network}, fold {fold}, seed {seed}: {kind} ({reason})".format(**_described(failure))
