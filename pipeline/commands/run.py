"""vultus run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import fit_options, open_shoot, shoot_options, working

if TYPE_CHECKING:
    from pipeline.progress import Progress
    from pipeline.shoot.shoot import Shoot
    from pipeline.stores.outcome import Outcome

EPILOG = """\b
Examples:
  vultus run footage/take1 --frames 1001-1010 --device cpu
  vultus run footage/take1 --stage detect --frames 1001-1240    a chunk of a stage, for farms
  vultus run footage/take1 --stage detect                       what is missing, put together

With --stage, --frames is a chunk of the shoot's own range: done are the segments that begin in it, so that
chunks of any size do each once. A stage ends with 0 when it has done its part; what became of the shoot (4 or
5) is told by the last one, report. vultus jobs plan writes all these lines for a farm.
"""


@click.command(epilog=EPILOG)
@shoot_options()
@fit_options
@click.option("--stage", help="That one alone: calibrate, detect, fit, export, overlay or report.")
@click.pass_context
def command(
    context: click.Context,
    shoot: Path,
    frames: str | None,
    output: str | None,
    force: bool,
    device: str | None,
    fit: dict[str, object],
    stage: str | None,
) -> None:
    """Do all stages for SHOOT: cameras, landmarks, fit, exports, overlays, report.

    Stages that are up to date are not done again, and an interrupted one goes on where it was.
    """
    from pipeline.stages.run import main
    from pipeline.stores.outcome import read_outcome

    whole_range = None if stage else frames
    opened = open_shoot(shoot, frames=whole_range, output=output, device=device, fit=fit)
    with working() as progress:
        if stage:
            path = _do_step(opened, stage, frames or "", force, progress)
        else:
            path = main(opened, force=force, progress=progress)
    if stage and stage != "report":
        click.echo(path)
        return
    outcome = read_outcome(opened)
    _tell(opened, outcome)
    context.exit(outcome.exit_status)


def _do_step(shoot: Shoot, stage: str, frames: str, force: bool, progress: Progress) -> Path:
    """One step; where a farm manager has started it a second time, after the first has ended."""
    from jobs.workers.step_lock import step_folder
    from pipeline.steps import check_step, run_step
    from pipeline.stores.lock import alone

    check_step(stage, frames, force)
    with alone(step_folder(shoot, stage, frames), lambda: progress(0, 1, "waiting")):
        return run_step(shoot, stage, frames, force=force, progress=progress).path


def _tell(shoot: Shoot, outcome: Outcome) -> None:
    """What became of the shoot, and where its results are."""
    for failure in outcome.failures:
        click.echo(f"Failed: {failure}", err=True)
    for line in (*outcome.warnings, *outcome.unreliable):
        click.echo(f"Warning: {line}", err=True)
    click.echo(f"{outcome.frames} frames fitted, mean reprojection {outcome.reprojection_px:.2f} px")
    click.echo(f"Cameras: {outcome.cameras}")
    for line in outcome.drift:
        click.echo(f"  {line}")
    click.echo(f"Results: {shoot.output}")
    click.echo(f"  animation    {shoot.export_folder}")
    click.echo(f"  overlays     {shoot.overlay_folder}")
    click.echo(f"  to look at   {shoot.report_file}")
