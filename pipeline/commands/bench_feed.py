"""vultus bench feed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import open_shoot, working

if TYPE_CHECKING:
    from pipeline.feed_bench import Fed


@click.command("feed", epilog="Example:  vultus bench feed footage/take1 --frames 1001-1060 --threads 2,4,8")
@click.argument("shoot", type=click.Path(path_type=Path))
@click.option("--frames", help="Frame range instead of the file's, such as 1001-1060.")
@click.option("--device", help="auto, cpu, cuda or cuda:N instead of the file's.")
@click.option("--threads", default="", help="Numbers of threads that read, side by side, such as 2,4,8.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the numbers.")
def command(shoot: Path, frames: str | None, device: str | None, threads: str, output: Path | None) -> None:
    """Whether images of SHOOT are read as fast as the network looks at them.

    The frames are detected, from the files to landmarks, and nothing is kept. What counts is the share of the
    time in which the network waited for images: where it is large, more threads, a faster disk or smaller
    files help; where it is small, a faster device does.
    """
    from calibration.text_table import text_table
    from pipeline.feed_bench import bench_feed, write_feed

    counts = _numbers(threads)
    opened = open_shoot(shoot, frames=frames, output=None, device=device)
    with working() as progress:
        rows = bench_feed(opened, counts, progress)
    headings = ["device", "threads", "lanes", "images", "images/s", "waiting"]
    lines = [_cells(row) for row in rows]
    click.echo("\n".join(text_table([headings, *lines])))
    if output is not None:
        click.echo(write_feed(output, rows))


def _cells(row: Fed) -> list[str]:
    rate, share = row.measure.images_per_second, 100 * row.measure.waiting_share
    return [
        row.device,
        str(row.threads),
        str(row.lanes),
        str(row.measure.images),
        f"{rate:.1f}",
        f"{share:.1f} %",
    ]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in text.split(",") if each)
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not a list of numbers such as 2,4,8") from error
