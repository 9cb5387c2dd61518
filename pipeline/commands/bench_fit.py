"""vultus bench fit."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working


@click.command("fit", epilog="Example:  vultus bench fit --frames 520 --cameras 17 --solver lm")
@click.option("--frames", type=click.IntRange(1), default=24, show_default=True)
@click.option("--cameras", type=click.IntRange(1), default=8, show_default=True)
@click.option("--landmarks", default="dense703", show_default=True, help="A layout; see vultus layouts.")
@click.option(
    "--solver",
    "solvers",
    type=click.Choice(["lm", "lbfgs"]),
    multiple=True,
    help="Side by side; both if not said.",
)
@click.option("--device", default="cpu", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the figures.")
def command(
    frames: int, cameras: int, landmarks: str, solvers: tuple[str, ...], device: str, output: Path | None
) -> None:
    """How fast the fit is on this machine, by solver, on synthetic landmarks with an error of one pixel.

    The last row is what W22 states for its own. "landmarks/s" are frames times cameras times landmarks, a
    second; "peak MB" is memory beyond what was in use before; "error mm" the median distance of the face's
    vertices from the truth.
    """
    from calibration.text_table import text_table
    from pipeline.fit_bench import HEADINGS, W22, bench_fit, write_speeds

    with working() as progress:
        speeds = bench_fit(
            frames, cameras, landmarks, solvers or ("lm", "lbfgs"), device=device, progress=progress
        )
    rows = [HEADINGS, *(speed.cells() for speed in speeds), W22]
    click.echo("\n".join(text_table(rows)))
    if output is not None:
        click.echo(write_speeds(output, speeds))
