"""vultus run."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import fit_options, open_shoot, shoot_options, working


@click.command(epilog="Example:  vultus run footage/take1 --frames 1001-1010 --device cpu")
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
    """Do all stages for SHOOT: cameras, landmarks, fit, exports, overlays.

    Stages that are up to date are not done again, and an interrupted one goes on where it was.
    """
    from pipeline.stages.run import main
    from pipeline.stores.outcome import read_outcome

    opened = open_shoot(shoot, frames=frames, output=output, device=device, fit=fit)
    with working() as progress:
        main(opened, force=force, progress=progress)
    outcome = read_outcome(opened)
    for failure in outcome.failures:
        click.echo(f"Failed: {failure}", err=True)
    for line in (*outcome.warnings, *outcome.unreliable):
        click.echo(f"Warning: {line}", err=True)
    click.echo(f"{outcome.frames} frames fitted, mean reprojection {outcome.reprojection_px:.2f} px")
    click.echo(f"Cameras: {outcome.cameras}")
    for line in outcome.drift:
        click.echo(f"  {line}")
    click.echo(f"Results: {opened.output}")
    click.echo(f"  animation    {opened.export_folder}")
    click.echo(f"  to look at   {opened.overlay_folder}")
    context.exit(outcome.exit_status)
