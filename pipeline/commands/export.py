"""vultus export."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, shoot_options, working


@click.command(epilog="Example:  vultus export footage/take1")
@shoot_options(device=False)
def command(shoot: Path, frames: str | None, output: str | None, force: bool) -> None:
    """Write the fitted performance of SHOOT in the formats of its shoot file."""
    from pipeline.stages.export import main

    opened = open_shoot(shoot, frames=frames, output=output)
    with working() as progress:
        path = main(opened, force=force, progress=progress)
    click.echo(path)
