"""`repro data`: recordings."""

from __future__ import annotations

import math
import shlex
from contextlib import chdir
from pathlib import Path

import click

from repro.cli.settings import changed, settings
from repro.errors import InputError
from repro.files.project import project_root


@click.group()
def data() -> None:
    """Work with recordings."""


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--clips", default=4, show_default=True, help="Clips that device a records of every scene in every city.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of a clip.")
@click.option("--seed", default=0, show_default=True, help="The set is a function of it.")
def synthesize(folder: Path, clips: int, seconds: float, seed: int) -> None:
    """Write the synthetic set to FOLDER in the TAU set's own format: 44.1 kHz, 24 bit, with meta.csv."""
    from repro.data.synthetic.dataset import write_tau_folder
    from repro.experiment import DataConfig

    write_tau_folder(DataConfig(clips=clips, seed=seed, clip_seconds=seconds), folder)
    click.echo(f"Written: {folder.resolve()}")


@data.command()
@click.argument("name", metavar="SET", type=click.Choice(["esc10", "micirp", "tau2020"]))
@click.argument("folder", type=click.Path(path_type=Path))
def get(name: str, folder: Path) -> None:
    """Fetch SET (esc10, micirp or tau2020) into FOLDER.

    The same command again fetches only what is missing or altered. micirp are the microphones that esc10 needs.
    """
    from repro.data.download.get import get
    from repro.data.download.registry import SETS

    click.echo(f"{name}: {SETS[name].terms}")
    get(name, folder)
    hint = "" if name == "micirp" else f"; check it with: repro data check {shlex.quote(str(folder))}"
    click.echo(f"Complete: {folder.resolve()}{hint}")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--dataset", type=click.Choice(["tau2020", "esc10"]), help="As meta.csv has it, where not given.")
@click.option("--seconds", type=float, help="Length of every recording, for tau2020.  [default: 10]")
@click.option(
    "--checksums",
    type=click.Path(path_type=Path),
    metavar="LISTING",
    help="A tab-separated file with the columns filename and md5 or sha256.",
)
@click.pass_context
def check(
    context: click.Context, root: Path, dataset: str | None, seconds: float | None, checksums: Path | None
) -> None:
    """Decode every recording below ROOT and print every fault found, one a line.

    Exit status 1 where there is a fault.
    """
    from repro.data.check import check, dataset_in
    from repro.data.faults import counted

    dataset = dataset or dataset_in(root)
    if seconds is not None and dataset != "tau2020":
        raise InputError(f"--seconds is only for tau2020, not for {dataset}")
    if seconds is not None and not 0 < seconds < math.inf:
        raise InputError(f"--seconds {seconds:g}: must be above 0, and finite")
    report = check(root, dataset, seconds=seconds, checksums=checksums)
    for fault in report.faults:
        click.echo(fault)
    found = counted(len(report.faults), "fault") if report.faults else "no fault"
    click.echo(f"{counted(report.recordings, 'recording')}, {found}")
    if report.faults:
        context.exit(1)


@data.command()
@click.option("--edition", required=True, metavar="NAME", help="A file of book/editions, without .yml.")
@settings
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="[default: results/NAME/recordings.npz]",
)
def summarise(edition: str, given: tuple[str, ...], out: Path | None) -> None:
    """Write what the pages show of an edition's recordings, for machines that do not have them.

    No waveform is in it. The accuracies of Section 5's linear probe go into probe.csv beside it.
    """
    from repro.analysis import probe, recordings
    from repro.store.store import Store

    root = project_root()
    target = (out or recordings.shipped_path(edition, root)).resolve()
    with chdir(root):
        opened = changed(edition, given)
        summary = recordings.summarise(opened)
        accuracies = probe.probe_by_fold(opened, Store.default().root)
    try:
        summary.save(target)
        accuracies.to_csv(target.with_name(probe.SHIPPED), float_format="%.6f", lineterminator="\n")
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}): make it writable, or set --out") from None
    click.echo(f"Written: {target} ({target.stat().st_size / 1e6:.2f} MB)")
