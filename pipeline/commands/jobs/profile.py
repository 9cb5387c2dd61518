"""vultus jobs profile."""

from __future__ import annotations

import click

EPILOG = """\b
Example:
  vultus jobs profile show slurm > farm.toml      a copy to change
  vultus jobs run footage/take* --cluster farm.toml
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """The kinds of cluster that there are, and a commented file of settings for each."""


@command.command("list", epilog="Example:  vultus jobs profile list")
def list_command() -> None:
    """List the kinds of cluster."""
    from calibration.text_table import text_table
    from jobs.clusters.profile import WORDS

    click.echo("\n".join(text_table([("cluster", "workers"), *WORDS.items()])))


@command.command("show", epilog="Example:  vultus jobs profile show slurm > farm.toml")
@click.argument("name")
def show_command(name: str) -> None:
    """Print the commented profile NAME, to be changed and given as --cluster FILE.toml."""
    from jobs.clusters.profile import packaged_profile

    click.echo(packaged_profile(name), nl=False)
