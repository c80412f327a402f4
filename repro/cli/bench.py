"""`repro bench`: how fast this machine is."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quick", is_flag=True, help="Small networks and few repetitions: a minute or two.")
def bench(as_json: bool, quick: bool) -> None:
    """Measure how fast this machine prepares clips, computes features, and trains, against plain ways of doing so.

    Medians of repetitions in turn, and their ranges in brackets. Leave the machine alone meanwhile. The result is kept
    in the store, and shown in Appendix E: repro book --only E-speed.
    """
    from repro.bench.report import keep
    from repro.bench.suite import Plan, measure
    from repro.store.store import Store
    from repro.training.device import training_device

    store, device = Store.default(), training_device()
    report = measure(Plan.of(device, quick), device, quick)
    keep(report, store.root)
    click.echo(report.as_json() if as_json else report.as_text())
