"""vultus fit."""

from __future__ import annotations

from pathlib import Path

import click

from calibration.errors import SolverError
from pipeline.commands.common import fit_options, open_shoot, shoot_options, working


@click.command(epilog="Example:  vultus fit footage/take1 --cameras refine")
@shoot_options()
@fit_options
@click.pass_context
def command(
    context: click.Context,
    shoot: Path,
    frames: str | None,
    output: str | None,
    force: bool,
    device: str | None,
    fit: dict[str, object],
) -> None:
    """Fit the head model to the landmarks of SHOOT: one identity, and expression and pose per frame."""
    from pipeline.fit_summary import summary_lines
    from pipeline.stages.fit import main
    from pipeline.stores.drift import read_drift
    from pipeline.stores.performance import read_performance

    opened = open_shoot(shoot, frames=frames, output=output, device=device, fit=fit)
    with working() as progress:
        path = main(opened, force=force, progress=progress)
    performance, _ = read_performance(path)
    for line in (*summary_lines(performance), *read_drift(opened.drift_file)):
        click.echo(line, err=True)
    click.echo(path)
    context.exit(0 if performance.converged else SolverError.exit_status)
