"""`repro runs`: the run store."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from repro.cli.ending import Failure, interruptible
from repro.cli.settings import changed, settings
from repro.errors import InputError
from repro.files.project import project_root

if TYPE_CHECKING:
    from repro.experiment import Experiment
    from repro.store.record import Failure as FailedRun
    from repro.store.record import Record
    from repro.store.store import Store

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def runs() -> None:
    """List, check, clean up, move and reproduce the runs of the store and those that come with the repository."""


@runs.command()
@_as_json
def ls(as_json: bool) -> None:
    """List the finished runs, shipped ones included, those that failed, and those that cannot be read."""
    store = _store()
    rows: list[dict[str, Any]] = []
    for key in sorted({*store.finished(), *store.failed()}):
        try:
            rows.append(_summary(store.load(key) if key in store else store.failure(key)))
        except InputError as error:
            rows.append({"key": key, "state": "unreadable", "reason": str(error)})
    if as_json:
        click.echo(json.dumps(rows, indent=1, allow_nan=False))
        return
    for row in rows:
        click.echo(_line(row))


@runs.command()
@click.argument("key")
@_as_json
def show(key: str, as_json: bool) -> None:
    """Print all that is kept of the run KEY, or of the failure to train it."""
    store = _store()
    if key in store or not store.failure_path(key).is_file():
        record = store.load(key)
        content = _summary(record) | {
            "commit": record.commit,
            "machine": record.provenance["device"],
            "weights": record.weights,
            "train_accuracy": record.train_accuracy,
            "scenes": list(record.scenes),
            "weights_kept": record.has_weights,
            "folder": str(record.folder),
        }
        clips = record.test_clips.copy()
        for epoch, labels in zip(record.reported_epochs, record.predictions, strict=True):
            clips[f"epoch {epoch}"] = [record.scenes[label] for label in labels]
        tables = {"epochs": record.epochs, "layer_sparsity": record.layer_sparsity, "test_clips": clips}
    else:
        content, tables = _summary(store.failure(key)), {}
    if as_json:
        for name, table in tables.items():
            content[name] = json.loads(table.to_json(orient="records", double_precision=15))
        click.echo(json.dumps(content, indent=1, allow_nan=False))
        return
    for name, value in _flat(content):
        click.echo(f"{name}: {value}")
    for name, table in tables.items():
        if not table.empty:
            click.echo(f"\n{name}\n{table.to_string(index=False, na_rep='')}")


@runs.command()
def verify() -> None:
    """Read every file of the store and of the shipped runs again; exit status 1 if one is not what was stored."""
    from repro.store.verify import faults, leftovers

    store, count = _store(), 0
    for error in faults(store):
        count += 1
        click.echo(str(error))
    left, shipped = len(leftovers(store)), sum(len(folder.finished()) for folder in store.shipped)
    kept = f"{len(store.own())} runs, {shipped} shipped runs, {len(store.failed())} failures"
    aside = f"; {left} leftovers of killed or working processes, which do not count" if left else ""
    if count:
        raise Failure(f"{kept}, {count} faults{aside}")
    click.echo(f"{kept}, no fault{aside}")


@runs.command()
@click.option("--yes", is_flag=True, help="Remove it.")
def gc(yes: bool) -> None:
    """List what no edition of this book needs, with its size; with --yes remove it.

    This covers runs that no edition asks for, damaged ones, those of another recipe or an earlier version, failures,
    checkpoints of finished runs, what killed processes have left, and prepared recordings that neither a remaining run
    nor an edition uses.
    """
    from repro.edition import editions
    from repro.store.cleanup import garbage, remove

    store, root = _store(), project_root()
    needed = [run for name in editions(root) for run in changed(name).experiments()]
    with chdir(root):  # what the paths of recordings are relative to
        found = garbage(store, needed)
    for item in found:
        click.echo(f"{item.size / 1e6:10.3f} MB  {item.path.relative_to(store.root)}  {item.why}")
    used = remove(store, found) if yes else []
    for item in used:
        click.echo(f"in use, left: {item.path.relative_to(store.root)}")
    size = sum(item.size for item in found) - sum(item.size for item in used)
    done = "removed" if yes else "can be removed: repro runs gc --yes"
    click.echo(f"{len(found) - len(used)} things, {size / 1e6:.3f} MB, {done}")


@runs.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--edition", help="Only the runs that this edition of the book asks for.")
@settings
@click.option("--weights", is_flag=True, help="With the networks' weights.")
def export(file: Path, edition: str | None, given: tuple[str, ...], weights: bool) -> None:
    """Write the store's own runs to FILE, for another machine to import."""
    from repro.store.transfer import export_runs

    if given and edition is None:
        raise InputError("-p changes an edition: name it with --edition")
    store = _store()
    wanted = None if edition is None else changed(edition, given).experiments()
    found = [store.own()] if wanted is None else store.find(wanted).values()
    keys = [key for of in found for key in of if store.owns(key)]
    if not keys:
        raise InputError(f"{store.root} has no runs to export")
    export_runs(store, keys, file, weights)
    asked = "" if wanted is None else f"of the {len(wanted)} that edition '{edition}' asks for "
    click.echo(f"Exported: {len(keys)} runs {asked}to {file} ({file.stat().st_size / 1e6:.3f} MB)")


@runs.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Add the runs of FILE, which `repro runs export` has written, to the store; those that it has stay as they are."""
    from repro.store.transfer import import_runs

    added, present = import_runs(_store(), file)
    click.echo(f"Imported: {added} runs; {present} were there already and stay as they are")


@runs.command()
@click.option("--edition", required=True, help="A file of book/editions, without .yml.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Their store.  [default: the run store]",
)
def ship(edition: str, source: Path | None) -> None:
    """Add finished runs of an edition to results/EDITION, which comes with the repository, and write its report."""
    from repro.analysis.evidence import Evidence
    from repro.figures.results_report import write_report
    from repro.store.ship import ship
    from repro.store.store import Store
    from repro.sweep.available import available

    chosen, folder = changed(edition), project_root() / "results" / edition
    wanted = chosen.experiments()
    added, present = ship(Store(source) if source else _store(), wanted, folder)
    records = available(wanted, Store(folder / "nowhere", shipped=(folder,)))
    write_report(Evidence(chosen, tuple(records)), folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    click.echo(f"results/{edition}: {added} runs added, {present} of {len(wanted)} there, {size:.3f} MB")


@runs.command()
@click.argument("key")
@click.option("--edition", help="Whose recordings to train on.  [default: the one that names them]")
def reproduce(key: str, edition: str | None) -> None:
    """Train the run KEY again and compare it with the stored one; exit status 1 if a bit differs. Nothing is kept."""
    from repro.files.atomic import make_folder
    from repro.progress import bar
    from repro.store.compare import accuracies, differences, of_one_recipe, spread_of_seeds
    from repro.store.store import Store
    from repro.sweep.worker import keys_of, train_one

    store = _store()
    stored = store.load(key)
    with chdir(project_root()), interruptible(), TemporaryDirectory() as folder:
        experiment = _with_recordings(stored, edition)
        again = Store(Path(folder))
        with store.writable():
            make_folder(store.root / "data")
        (again.root / "data").symlink_to(store.root / "data")  # prepared recordings serve both
        if keys_of([experiment], again) != [key]:
            raise InputError(f"run {key} is of another recipe, or was trained on other recordings than those here")
        with bar(desc="training", total=experiment.recipe.epochs, unit="epoch") as shown:
            failure = train_one(experiment, again, lambda _: shown.update())
        if failure is not None:
            raise Failure(f"run {key} fails here: {failure.kind} ({failure.reason})")
        trained = again.load(key)
    machines = f"trained on {stored.provenance['device']}, again on {trained.provenance['device']}"
    differing = differences(stored, trained)
    if not differing:
        click.echo(f"{key}: the same, bit for bit; {machines}")
        return
    spread = spread_of_seeds(of_one_recipe(store, stored))
    there, here = accuracies(stored), accuracies(trained)
    for name, percent in there.items():
        seeds = f"seeds differ by {spread[name]:.2f} points" if spread else "no network is stored with several seeds"
        click.echo(f"{name}: {percent:.2f} %, again {here[name]:.2f} %: {here[name] - percent:+.2f} points; {seeds}")
    raise Failure(f"{key}: not the same bit for bit: {', '.join(differing)}; {machines}")


def _store() -> Store:
    from repro.store.store import Store

    return Store.default()


def _with_recordings(record: Record, edition: str | None) -> Experiment:
    """The record's Experiment, with the folders of its recordings as an edition names them; they have to exist."""
    from repro.edition import editions, open_edition
    from repro.store.record_format import recordings_of

    data = record.experiment.data
    if data.name == "synthetic":
        return record.experiment
    named = [open_edition(name).data() for name in ([edition] if edition else editions(project_root()))]
    found = next((other for other in named if recordings_of(other) == recordings_of(data)), None)
    if found is None:
        raise InputError(f"no edition names the recordings of run {record.key}: add one that does to book/editions")
    for name, folder in ((data.name, found.root), ("micirp", found.impulse_responses)):
        if folder and not Path(folder).is_dir():
            raise InputError(
                f"the recordings of run {record.key} are not in {folder}: 'repro data get {name} {folder}' fetches them"
            )
    return record.experiment.model_copy(update={"data": found.model_copy(update={"fold": data.fold})})


def _summary(run: Record | FailedRun) -> dict[str, Any]:
    """What is shown of every run, finished or failed."""
    from repro.store.record import Record

    summary = {"key": run.key, "experiment": run.experiment.canonical(), "data_fingerprint": run.data_fingerprint}
    if isinstance(run, Record):
        state = {"state": "finished", "network": run.experiment.network, "other_recipe": run.other_recipe}
        state |= {"shipped": run.shipped, "seconds": run.seconds}
    else:
        state = {"state": "failed", "kind": run.kind, "reason": run.reason}
    return summary | state | {"provenance": run.provenance}


def _line(row: dict[str, Any]) -> str:
    if row["state"] == "unreadable":
        return f"{row['key']}  UNREADABLE: {row['reason']}"
    if row["state"] == "failed":
        return f"{row['key']}  FAILED: {row['kind']}: {row['reason']}"
    run = row["experiment"]
    made = ("  another recipe" if row["other_recipe"] else "") + ("  shipped" if row["shipped"] else "")
    return (
        f"{row['key']}  {row['network']:<32}  fold {run['data']['fold'] or '-'}  seed {run['seed']}  "
        f"{run['recipe']['epochs']} epochs  {row['seconds']:.0f} s  {row['provenance']['finished']}{made}"
    )


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested values by dotted name."""
    lines: list[tuple[str, Any]] = []
    for name, value in content.items():
        lines += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return lines
