"""vultus layouts."""

from __future__ import annotations

import click


@click.group()
def command() -> None:
    """The landmark layouts that there are."""


@command.command("list")
def list_layouts() -> None:
    """Name the layouts, with how many landmarks each has."""
    from detector.layouts import LAYOUTS, layout
    from fitting.head_model import load_head_model

    model = load_head_model()
    for name in LAYOUTS:
        click.echo(f"{name:<10} {len(layout(name, model)):>5} landmarks")
