"""vultus cameras check: a rig against the footage, before hours are spent."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, working

EPILOG = """\b
Examples:
  vultus cameras check footage/take1
  vultus cameras check footage/take1 --fix
  vultus cameras check footage/take1 --cameras from_metashape.xml
  vultus cameras check rig.json --landmarks results/landmarks

\b
Exit status: 0 the cameras are good, 3 something is missing or no two cameras see a face,
4 good as far as could be checked, 5 not good: likely mistakes are named.
"""


@click.command(epilog=EPILOG)
@click.argument("shoot", type=click.Path(path_type=Path))
@click.option("--cameras", type=click.Path(path_type=Path), help="Check this file instead of the shoot's.")
@click.option(
    "--from", "source", metavar="FORMAT", help="Format of the cameras; else told by the file itself."
)
@click.option(
    "--units", type=click.Choice(["m", "cm", "mm"]), help="Of --cameras, where it does not say them."
)
@click.option(
    "--landmarks",
    type=click.Path(path_type=Path),
    help="Folder of landmarks that are detected already: SHOOT is a file of cameras.",
)
@click.option("--frames", type=click.IntRange(1), default=6, show_default=True, help="How many to look at.")
@click.option("--fix", is_flag=True, help="Write the corrected cameras to a new file.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder of the results instead of the file's."
)
@click.option("--device", help="auto, cpu, cuda or cuda:N instead of the file's.")
@click.pass_context
def command(
    context: click.Context,
    shoot: Path,
    cameras: Path | None,
    source: str | None,
    units: str | None,
    landmarks: Path | None,
    frames: int,
    fix: bool,
    output: Path | None,
    device: str | None,
) -> None:
    """Check the cameras of SHOOT against what they saw: do they agree about the head?

    Finds landmarks in a few frames (or takes those that are detected already), compares every two cameras,
    measures the head, and names the mistake that most likely was made where something is wrong: mirrored
    axes, inverted poses, units, swapped cameras, images of another size, lenses, cameras that were moved or
    are out of step. Report and pictures go to cameras_check in the folder of the results.
    """
    from fitting.head_model import load_head_model
    from pipeline.camera_check.check import CheckRequest, check_cameras
    from pipeline.camera_check.pictures import draw_check
    from pipeline.camera_check.report import check_lines, write_check

    opened = None
    if landmarks is None:
        opened = open_shoot(shoot, frames=None, output=str(output) if output else None, device=device)
    else:
        cameras = shoot
    request = CheckRequest(opened, cameras, source, units, landmarks, frames, fix)
    with working() as progress:
        check = check_cameras(request, output, progress)
        write_check(check)
        draw_check(check, load_head_model())
    click.echo("\n".join(check_lines(check)))
    click.echo(f"\nReport and pictures: {check.folder}")
    context.exit(check.exit_status)
