"""vultus init."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.shoot.draft import write_shoot_file


@click.command(epilog="Example:  vultus init footage/take1")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--into", type=click.Path(path_type=Path), help="Folder for shoot.toml and the results.")
@click.option("--force", is_flag=True, help="Replace an existing shoot.toml.")
def command(folder: Path, into: Path | None, force: bool) -> None:
    """Look at FOLDER and write a shoot.toml to review.

    Finds cameras (folders of numbered images, or movies), images of a board, and known cameras. Where
    FOLDER is read-only, the file and the results go to a folder of the same name in the current one.
    """
    new = write_shoot_file(folder, into=into, force=force)
    for line in new.found:
        click.echo(f"Found {line}")
    click.echo(f"Wrote {new.file}")
    if new.file.parent.resolve() != folder.resolve():
        click.echo(f"The results will go to {new.file.parent} too, not to {folder}")
    for line in new.checks:
        click.echo(f"Check {line}")
    click.echo(f"Next: review {new.file}, then run: vultus run {folder if into is None else new.file}")
