"""vultus bench accuracy."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working


@click.command("accuracy", epilog="Example:  vultus bench accuracy --table density --output accuracy.json")
@click.option("--table", "wanted", multiple=True, help="One of the tables; all if not said. May be repeated.")
@click.option("--sweep", is_flag=True, help="Vary the weights of the energy instead, one at a time.")
@click.option("--frames", type=click.IntRange(1), default=10, show_default=True, help="Of each performance.")
@click.option("--people", type=click.IntRange(1), default=3, show_default=True, help="Performances a line.")
@click.option("--device", default="cpu", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the figures.")
def command(
    wanted: tuple[str, ...], sweep: bool, frames: int, people: int, device: str, output: Path | None
) -> None:
    """How far fitted faces are from the truth, on synthetic landmarks whose truth is known.

    Random people of the head model speak and turn before cameras 1.2 m away, where a pixel is 0.6 mm; their
    landmarks get errors, and are fitted. Distances are of the face's vertices, in the world, in millimetres;
    the column "aligned" is the median after each frame was moved rigidly onto the truth.
    """
    from calibration.text_table import text_table
    from fitting.head_model import load_head_model
    from pipeline.accuracy import HEADINGS, cases, measure, tables, write_lines
    from pipeline.devices import torch_device
    from pipeline.weight_sweep import sweep as sweep_cases

    every = list(sweep_cases()) if sweep else cases()
    unknown = sorted(set(wanted) - set(tables(every)))
    if unknown:
        known = ", ".join(tables(every))
        raise click.BadParameter(f"'{unknown[0]}' is not one of: {known}", param_hint="--table")
    chosen = [case for case in every if not wanted or case.table in wanted]
    model = load_head_model(torch_device(device))
    with working() as progress:
        lines = list(measure(model, chosen, frames, people, progress))
    rows = [HEADINGS, *(line.cells() for line in lines)]
    click.echo("\n".join(text_table(rows)))
    if output is not None:
        click.echo(write_lines(output, lines))
