"""vultus calibrate."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, shoot_options, working


@click.command(epilog="Example:  vultus calibrate footage/take1")
@shoot_options(device=False)
def command(shoot: Path, frames: str | None, output: str | None, force: bool) -> None:
    """Find the cameras of SHOOT and write cameras.json.

    Where they come from is in the shoot file: images of a checkerboard, or a file of known cameras.
    """
    from pipeline.stages.calibrate import main

    opened = open_shoot(shoot, frames=frames, output=output)
    with working() as progress:
        path = main(opened, force=force, progress=progress)
    click.echo(path)
