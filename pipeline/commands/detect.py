"""vultus detect."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, shoot_options, working


@click.command(epilog="Example:  vultus detect footage/take1 --layout dense703 --device cuda")
@shoot_options()
@click.option(
    "--layout", help="Landmarks to find instead of the file's: a name (vultus layouts list) or a layout file."
)
@click.option("--weights", help="A network of your own (.safetensors) instead of the file's.")
@click.pass_context
def command(
    context: click.Context,
    shoot: Path,
    frames: str | None,
    output: str | None,
    force: bool,
    device: str | None,
    layout: str | None,
    weights: str | None,
) -> None:
    """Find dense landmarks in the images of all cameras of SHOOT.

    An interrupted detection goes on where it was. Images that cannot be read are recorded and skipped.
    """
    from pipeline.exit_status import PARTIAL
    from pipeline.stages.detect import main
    from pipeline.stores.outcome import read_failures

    opened = open_shoot(shoot, frames=frames, output=output, device=device)
    if layout and Path(layout).is_file():
        layout = str(Path(layout).resolve())
    opened = opened.with_changes(detect={"layout": layout, "weights": weights})
    with working() as progress:
        path = main(opened, force=force, progress=progress)
    failures = read_failures(opened)
    for failure in failures:
        click.echo(f"Failed: {failure}", err=True)
    click.echo(path)
    context.exit(PARTIAL if failures else 0)
