"""vultus preview."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, working

HELP = """Draw the fitted head of SOURCE in clay: a turntable, an animation and a contact sheet.

SOURCE is a shoot or a performance file (.h5). The turntable shows the neutral and one frame; the head of the
animation moves about its mean place in the take. Files are written to the folder preview beside the
performance."""

EPILOG = """\b
Examples:
  vultus preview footage/take1
  vultus preview footage/take1 --view three-quarter --frames 1001-1100 --size 1080
  vultus preview results/performance.h5 --motion removed --draft
"""


@click.command(name="preview", help=HELP, epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--size", type=int, default=720, show_default=True, help="Height of the pictures in pixels.")
@click.option("--fps", type=float, help="Frames per second of the movies instead of the take's.")
@click.option(
    "--view", default="front", show_default=True, help="front, left, right, three-quarter[-left]: animation."
)
@click.option(
    "--motion",
    type=click.Choice(["world", "removed", "skull"]),
    default="world",
    show_default=True,
    help="The head's rigid motion: as it was, taken out, or the head held and the neck moving against it.",
)
@click.option("--frames", help="Frame range, such as 1001-1100x2.")
@click.option("--turn", type=int, help="Frame of the turntable; the strongest expression if not said.")
@click.option("--subdivision", type=click.IntRange(0, 2), default=1, show_default=True)
@click.option("--topology", help="Your own mesh instead of the head model's; see: vultus topology list")
@click.option("--draft", is_flag=True, help="Four times as fast, less smooth.")
@click.option("--output", type=click.Path(path_type=Path), help="Another folder for the files.")
def command(
    source: Path,
    size: int,
    fps: float | None,
    view: str,
    motion: str,
    frames: str | None,
    turn: int | None,
    subdivision: int,
    topology: str | None,
    draft: bool,
    output: Path | None,
) -> None:
    """Draw and print the path of the contact sheet."""
    from fitting.topology.store import read_topology
    from pipeline.export.options import ExportOptions
    from pipeline.frames.ranges import parse_frames
    from pipeline.preview import PreviewOptions
    from pipeline.stages.preview import FOLDER, main

    name, performance = _performance(source)
    mesh = read_topology(topology) if topology else None
    with working() as progress:
        options = PreviewOptions(
            ExportOptions(name, motion=motion, subdivision=subdivision, topology=mesh),  # type: ignore[arg-type]
            size,
            fps,
            view,
            parse_frames(frames, where="--frames") if frames else None,
            turn,
            draft,
            progress,
        )
        click.echo(main(performance, output or performance.parent / FOLDER, options))


def _performance(source: Path) -> tuple[str, Path]:
    """What the take is called, and its performance file."""
    if source.suffix == ".h5":
        return source.stem, source
    shoot = open_shoot(source, frames=None, output=None)
    return shoot.name, shoot.performance_file
