"""`repro model`: a network without its training."""

from __future__ import annotations

import click


@click.command()
@click.option("--width", default=32, show_default=True, help="W, channels of the first stage.")
@click.option("--depth", default=1, show_default=True, help="D, number of 3x3 blocks behind the last pooling.")
@click.option("--pointwise", default=1, show_default=True, help="K, number of 1x1 blocks.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of a clip, for the arithmetic.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def model(width: int, depth: int, pointwise: int, seconds: float, as_json: bool) -> None:
    """Print a network's layers, weights, arithmetic and maximum receptive field.

    The damped network has the same numbers as the base network.
    """
    import json

    from repro.data.clips import samples_in
    from repro.data.features import frames
    from repro.errors import InputError
    from repro.experiment import LONGEST_CLIP, SHORTEST_CLIP, ModelConfig
    from repro.network.cp_resnet import LayerRow, layer_table
    from repro.network.receptive_field import maximum_receptive_field

    if not SHORTEST_CLIP <= seconds <= LONGEST_CLIP:
        raise InputError(f"--seconds {seconds:g}: must be from {SHORTEST_CLIP} to {LONGEST_CLIP}")
    config = ModelConfig(width=width, depth=depth, pointwise=pointwise)
    rows = layer_table(config, frames(samples_in(seconds)))
    totals = {
        "weights": sum(row.weights for row in rows),
        "macs": sum(row.macs for row in rows),
        "maximum_receptive_field": maximum_receptive_field(config),
    }
    if as_json:
        click.echo(json.dumps(totals | {"layers": [row._asdict() for row in rows]}, indent=1, ensure_ascii=False))
        return
    table = [LayerRow._fields, *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(LayerRow._fields))]
    for line in table:
        click.echo("  ".join(cell.rjust(size) for cell, size in zip(line, widths, strict=True)))
    click.echo(f"{totals['weights']:,} weights, {totals['macs'] / 1e9:.3f} GMAC a clip of {seconds:g} s, ", nl=False)
    click.echo(f"maximum receptive field {totals['maximum_receptive_field']} x {totals['maximum_receptive_field']}")
