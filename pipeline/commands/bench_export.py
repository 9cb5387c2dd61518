"""vultus bench export."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working


@click.command("export", epilog="Example:  vultus bench export --format usd --format gltf --frames 100")
@click.option("--frames", type=click.IntRange(1), default=520, show_default=True, help="Of the take.")
@click.option(
    "--format", "formats", multiple=True, help="One of the formats; all if not said. May be repeated."
)
@click.option("--subdivision", type=click.IntRange(0, 2), default=0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the figures.")
def command(frames: int, formats: tuple[str, ...], subdivision: int, output: Path | None) -> None:
    """Seconds and size of a made-up take in every format, on this machine.

    Formats are written to the folder for temporary files, one after another, each after a take of one frame
    that loads its libraries. "vertices" are those of the head before subdivision.
    """
    from calibration.text_table import text_table
    from pipeline.export import EXPORTERS, ExportOptions
    from pipeline.export_bench import HEADINGS, bench_export, write_figures

    with working() as progress:
        options = ExportOptions("take", subdivision=subdivision)
        rows = bench_export(frames, formats or tuple(EXPORTERS), options, progress)
    click.echo("\n".join(text_table([HEADINGS, *(row.cells() for row in rows)])))
    if output is not None:
        click.echo(write_figures(output, rows))
