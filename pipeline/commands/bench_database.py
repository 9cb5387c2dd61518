"""vultus bench database."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("database", epilog="Example:  vultus bench database --takes 2000 --frames 500")
@click.option("--takes", type=click.IntRange(1), default=200, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=500, show_default=True, help="Of each take.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where to make the database; a temporary one if not said.",
)
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the numbers.")
def command(takes: int, frames: int, folder: Path | None, output: Path | None) -> None:
    """Seconds and bytes of an expression database of made-up takes: adding, searching, sampling.

    Give a --folder on the disk that the database is to lie on. The folder must not exist; it is kept.
    """
    import tempfile

    from calibration.whole_file import write_text
    from pipeline.commands.common import working
    from pipeline.database.bench import bench_database

    with tempfile.TemporaryDirectory() as scratch, working() as progress:
        speed = bench_database(folder or Path(scratch) / "database", takes, frames, progress)
    for name, value in speed.facts().items():
        click.echo(f"{name:<13} {value:.3f}" if isinstance(value, float) else f"{name:<13} {value}")
    if output is not None:
        write_text(output, json.dumps(speed.facts(), indent=1))
        click.echo(output)
