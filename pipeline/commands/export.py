"""vultus export."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, shoot_options, working

HELP = """Write the fitted performance of SHOOT for other programs.

The formats, and units, axes and the rest, are those of the shoot file where nothing is said here."""

EPILOG = """\b
Examples:
  vultus export footage/take1
  vultus export footage/take1 --format usd --format alembic --units cm --up Z
  vultus export footage/take1 --format obj --motion removed --part skin --subdivision 1
  vultus export footage/take1 --format alembic --topology hero
"""


@click.command(name="export", help=HELP, epilog=EPILOG)
@shoot_options(device=False)
@click.option(
    "--format", "formats", multiple=True, help="alembic, arkit, gltf, npz, obj, ply or usd; again for more."
)
@click.option("--units", type=click.Choice(["m", "cm", "mm"]), help="Of lengths; glTF is always in metres.")
@click.option("--up", type=click.Choice(["Y", "Z"]), help="The axis that points up; glTF is always Y up.")
@click.option(
    "--motion",
    type=click.Choice(["world", "removed", "skull"]),
    help="The head's rigid motion: as it was, taken out, or the head held and the neck moving against it.",
)
@click.option("--frame-offset", type=int, help="Added to every frame number.")
@click.option("--subdivision", type=click.IntRange(0, 2), help="Levels of Catmull-Clark subdivision.")
@click.option("--topology", help="Your own mesh instead of the head model's; see: vultus topology list")
@click.option(
    "--part", "parts", multiple=True, help="Of the head, such as skin; may be repeated. Default: all."
)
def command(
    shoot: Path,
    frames: str | None,
    output: str | None,
    force: bool,
    formats: tuple[str, ...],
    parts: tuple[str, ...],
    **chosen: object,
) -> None:
    """Run the stage and print the folder that it wrote."""
    from pipeline.stages.export import main

    opened = open_shoot(shoot, frames=frames, output=output)
    opened = opened.with_changes(export={"formats": formats or None, "parts": parts or None, **chosen})
    with working() as progress:
        path = main(opened, force=force, progress=progress)
    click.echo(path)
