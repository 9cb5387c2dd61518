"""vultus bench jobs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from pipeline.commands.common import working


@click.command("jobs", epilog="Example:  vultus bench jobs --sequences 2000 --output scale.json")
@click.option("--sequences", type=click.IntRange(1), default=200, show_default=True, help="Of the job.")
@click.option("--cameras", type=click.IntRange(1), default=17, show_default=True, help="Of each sequence.")
@click.option("--frames", type=click.IntRange(1), default=500, show_default=True, help="Of each sequence.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the figures.")
def command(sequences: int, cameras: int, frames: int, workers: int, output: Path | None) -> None:
    """What a large job takes of the scheduler and the client: a simulation, whose tasks do nothing.

    Conductor, ledger, scheduler and workers are the real ones, as processes on this machine.
    """
    from calibration.text_table import text_table
    from jobs.simulation import Scale, simulate

    with working() as progress:
        found = simulate(Scale(sequences, cameras, frames, workers), progress)
    rows = [
        ("a simulation: tasks do nothing", ""),
        ("tasks", f"{found.tasks} of {sequences} sequences"),
        ("time", f"{found.seconds:.1f} s, {found.tasks / found.seconds:.0f} tasks a second"),
        ("scheduler", f"{found.scheduler_ms:.2f} ms of a processor for each task"),
        ("client", f"{found.client_ms:.2f} ms of a processor for each task"),
        ("memory of the scheduler", f"{found.scheduler_mib:.0f} MiB"),
    ]
    rows += [
        (f"memory of the client at {share:.0%}", f"{mib:.0f} MiB") for share, mib in found.client_mib.items()
    ]
    click.echo("\n".join(text_table(rows)))
    if output is not None:
        output.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
        click.echo(output)
