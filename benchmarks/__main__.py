"""The command `python -m benchmarks`, which is run in the project's folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryFile

import click
import torch
from joblib import cpu_count

from benchmarks.measure import Sizes, measure
from repro.data.parallel import ONE_THREAD
from repro.files.atomic import make_folder, write_file
from repro.store.provenance import processor, provenance
from repro.store.store import Store
from repro.training.device import is_gpu, training_device

LINE = "{what:<32} {ours:8.4g} {unit:<7}  {theirs:8.4g}  {against:<34} {ratio:6.2f}  ({lowest:.2f} to {highest:.2f})"


@click.command()
@click.option("--quick", is_flag=True, help="Small networks and few repetitions: a few minutes.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: bench.json in the run store.")
def main(quick: bool, out: Path | None) -> None:
    """Measure features, training and effective receptive fields against plain ways of doing the same.

    Shows medians of several repetitions, their ratio, and its range. Leave the machine alone meanwhile.
    """
    out, device, start = out or Store.default().root / "bench.json", training_device(), time.perf_counter()
    try:
        make_folder(out.parent)
        with TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written ({error.strerror}): name another file") from None
    os.environ.update(ONE_THREAD)  # NumPy's libraries read this when the measuring processes start
    gpu, load = torch.cuda.get_device_name(device) if is_gpu(device) else None, round(os.getloadavg()[0], 1)
    machine = {"cpu": processor(), "cores": cpu_count(), "gpu": gpu, "load": load}
    click.echo("{cpu}, {cores} cores, GPU: {gpu}; load when it began: {load}".format(**machine))
    if load > cpu_count() / 2:
        click.echo("The machine has other work to do: these figures are not what it can do.")
    rows = []
    for row in measure(Sizes.of(device, quick)):
        click.echo(LINE.format(**row))
        rows.append(row)
    made = provenance(device, time.perf_counter() - start)
    report = {
        "revision": made["code"]["commit"],
        "edited": made["code"]["dirty"],
        "finished": made["finished"],
        "seconds": made["seconds"],
        "quick": quick,
        "machine": machine,
        "versions": {"python": made["python"]} | made["packages"],
        "rows": rows,
    }
    write_file(out, json.dumps(report, indent=1).encode())
    click.echo(f"Written to {out}")


if __name__ == "__main__":
    main()
