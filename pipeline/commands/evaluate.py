"""vultus evaluate."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, working


@click.command(epilog="Example:  vultus evaluate footage/take1 --truth footage/take1/truth/mesh.npz")
@click.argument("shoot", type=click.Path(path_type=Path))
@click.option(
    "--truth", type=click.Path(path_type=Path), required=True, help="NumPy archive of true surfaces."
)
@click.option(
    "--truth-cameras",
    type=click.Path(path_type=Path),
    help="Cameras of the truth's world; cameras.json beside the truth if not said.",
)
@click.option("--region", help="Part of the truth to score (its idx_NAME); narrow_face or face if not said.")
@click.option("--units", help="Units of the truth: m, cm or mm; what it says itself, or mm, if not said.")
@click.option("--output", help="Folder of the results instead of the file's.")
def command(
    shoot: Path,
    truth: Path,
    truth_cameras: Path | None,
    region: str | None,
    units: str | None,
    output: str | None,
) -> None:
    """Compare the fitted heads of SHOOT with ground truth, and print how far they are from it."""
    from pipeline.stages.evaluate import main, read_evaluation

    opened = open_shoot(shoot, frames=None, output=output)
    with working() as progress:
        path = main(opened, truth, truth_cameras=truth_cameras, region=region, units=units, progress=progress)
    click.echo("\n".join(read_evaluation(path).lines()))
