"""vultus bench: how fast this machine is, and where the time goes."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.bench_accuracy import command as bench_accuracy
from pipeline.commands.bench_database import command as bench_database
from pipeline.commands.bench_export import command as bench_export
from pipeline.commands.bench_feed import command as bench_feed
from pipeline.commands.bench_fit import command as bench_fit
from pipeline.commands.bench_jobs import command as bench_jobs
from pipeline.commands.common import working

QUERIES = "68,320,703,5000,50000"


@click.group()
def command() -> None:
    """Measure the speed of the stages on this machine."""


def _numbers(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Whole positive numbers, separated by commas."""
    try:
        numbers = tuple(int(each) for each in text.split(","))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise click.BadParameter(f"'{text}' is not a list of positive numbers such as 1,16")
    return numbers


@command.command("detect", epilog="Example:  vultus bench detect --device cpu --output speed.json")
@click.option("--weights", multiple=True, help="Released names or files, side by side; else all released.")
@click.option("--device", multiple=True, help="cpu, cuda or cuda:N, side by side; else all that are here.")
@click.option("--batches", default="1,16", show_default=True, callback=_numbers, help="Images at a time.")
@click.option("--queries", default=QUERIES, show_default=True, callback=_numbers, help="Landmarks per image.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Medians of so many.")
@click.option(
    "--image", type=click.Path(path_type=Path), help="An image to read; else a frame of 1920 x 1080."
)
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the numbers.")
def bench_detect(
    weights: tuple[str, ...],
    device: tuple[str, ...],
    batches: tuple[int, ...],
    queries: tuple[int, ...],
    repeats: int,
    image: Path | None,
    output: Path | None,
) -> None:
    """Images per second from image to landmarks, by network, images at a time and number of landmarks.

    All combinations are measured in one run, each after a warm-up. Times are in milliseconds per image;
    reading, decoding and uploading go on in threads while the network works, and images per second leave
    them out.
    """
    from calibration.text_table import text_table
    from detector.speed import PARTS, SpeedPlan
    from pipeline.bench import bench_detect as measure

    with working() as progress:
        bench = measure(SpeedPlan(batches, queries, repeats), weights, device, image=image, progress=progress)
    click.echo("  ".join(f"{name} {value}" for name, value in bench.machine.items()))
    headings = ["network", "device", "batch", "queries", "images/s", *PARTS]
    rows = [
        [row.variant, row.device, str(row.batch), str(row.queries), f"{row.images_per_second:.1f}"]
        + [f"{row.milliseconds[part]:.2f}" for part in PARTS]
        for row in bench.rows
    ]
    click.echo("\n".join(text_table([headings, *rows])))
    if output is not None:
        bench.write(output)
        click.echo(output)


command.add_command(bench_accuracy)
command.add_command(bench_database)
command.add_command(bench_export)
command.add_command(bench_feed)
command.add_command(bench_fit)
command.add_command(bench_jobs)
