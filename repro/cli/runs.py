"""`repro runs`: the run store."""

from __future__ import annotations

import click


@click.group()
def runs() -> None:
    """Look into the run store."""


@runs.command()
def ls() -> None:
    """List the finished runs."""
    from repro.runs import Store
    from repro.stats import network_name

    store = Store.default()
    for key in store.finished():
        record = store.load(key)
        recipe = record.experiment.recipe
        click.echo(
            f"{key}  {network_name(record):<32} {recipe.labels} labels  seed {record.experiment.seed}  "
            f"{recipe.epochs} epochs  {record.provenance['seconds']:.0f} s  {record.provenance['finished']}"
        )
