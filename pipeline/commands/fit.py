"""vultus fit."""

from __future__ import annotations

from pathlib import Path

import click

from calibration.errors import SolverError
from pipeline.commands.common import (
    CAMERAS_OPTION,
    MODEL_OPTION,
    SOLVER_OPTION,
    open_shoot,
    shoot_options,
    working,
)


@click.command(epilog="Example:  vultus fit footage/take1 --cameras unknown")
@shoot_options()
@SOLVER_OPTION
@CAMERAS_OPTION
@click.option(
    "--personal-shape",
    is_flag=True,
    help="Also correct the actor's neutral by what all cameras see beyond the head model; densest with all "
    "vertices detected (personal_shape = true in the shoot file).",
)
@MODEL_OPTION
@click.pass_context
def command(
    context: click.Context,
    shoot: Path,
    frames: str | None,
    output: str | None,
    force: bool,
    device: str | None,
    model: str | None,
    solver: str | None,
    cameras: str | None,
    personal_shape: bool,
) -> None:
    """Fit the head model to the landmarks of SHOOT: one identity, and expression and pose per frame."""
    from pipeline.fit_summary import summary_lines
    from pipeline.stages.fit import main
    from pipeline.stores.performance import read_performance

    opened = open_shoot(shoot, frames=frames, output=output, device=device, model=model)
    changes: dict[str, object] = {"cameras": cameras, "solver": solver}
    opened = opened.with_changes(fit={**changes, "personal_shape": personal_shape or None})
    with working() as progress:
        path = main(opened, force=force, progress=progress)
    performance, _ = read_performance(path)
    click.echo("\n".join(summary_lines(performance)), err=True)
    click.echo(path)
    context.exit(0 if performance.converged else SolverError.exit_status)
