"""vultus topology."""

from __future__ import annotations

from pathlib import Path

import click

EPILOG = """\b
Examples:
  vultus topology register hero_neutral.obj --name hero --units cm
  vultus topology register hero_neutral.obj --name hero --shapes hero_shapes
  vultus export footage/take1 --topology hero
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Your own head mesh: registered once, and every take comes out on its vertices.

    Say [export] topology = "NAME" in shoot.toml, or --topology NAME. With blend shapes of your own, the take
    comes in their weights.
    """


@command.command("register", epilog=EPILOG)
@click.argument("neutral", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What it shall be called.")
@click.option(
    "--shapes",
    type=click.Path(path_type=Path),
    help="Folder of your blend shapes: OBJ files of the same vertices in the same order.",
)
@click.option(
    "--weights",
    type=(float, float),
    default=(0.0, 1.0),
    show_default=True,
    help="Range of the weights of your shapes.",
)
@click.option(
    "--landmarks",
    type=click.Path(path_type=Path),
    help="CSV of landmark (iBUG, 0 to 67) and vertex (from 0), four or more: for a mesh that is not found.",
)
@click.option("--units", help="Of the OBJ: m, dm, cm, mm or inch; found if not said.")
@click.option("--output", type=click.Path(path_type=Path), help="The picture; NAME_topology.png if not said.")
def register(
    neutral: Path,
    name: str,
    shapes: Path | None,
    weights: tuple[float, float],
    landmarks: Path | None,
    units: str | None,
    output: Path | None,
) -> None:
    """Register the mesh NEUTRAL (OBJ) to our head, and keep it.

    Look at the picture: whether lids, lips and nostrils are on ours, and whether eyes and teeth were
    recognised as such.
    """
    from fitting.head_model import load_head_model
    from fitting.topology.importing import import_topology
    from fitting.topology.store import write_topology
    from pipeline.commands.common import working

    head = load_head_model()
    with working() as progress:
        topology = import_topology(
            neutral,
            name,
            head,
            shapes=shapes,
            weights=weights,
            landmarks=landmarks,
            unit=units,
            progress=progress,
        )
    click.echo(write_topology(topology))
    _show(name, output)


@command.command("list", epilog="Example:  vultus topology list")
def list_topologies() -> None:
    """Name the topologies that are registered."""
    from calibration.text_table import text_table
    from fitting.topology.store import read_topology, topology_names

    rows = [("topology", "vertices", "faces", "shapes", "from")]
    for name in topology_names():
        topology = read_topology(name)
        shapes = 0 if topology.shapes is None else len(topology.shapes)
        vertices, faces = str(len(topology.neutral)), str(len(topology.faces))
        rows.append((name, vertices, faces, str(shapes), topology.source))
    click.echo("\n".join(text_table(rows)))


@command.command("show", epilog="Example:  vultus topology show hero --output hero.png")
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), help="The picture; NAME_topology.png if not said.")
def show(name: str, output: Path | None) -> None:
    """Tell how the topology NAME lies on our head, and draw it."""
    _show(name, output)


@command.command("remove", epilog="Example:  vultus topology remove hero")
@click.argument("name")
def remove(name: str) -> None:
    """Forget the topology NAME; files that were exported stay."""
    from fitting.topology.store import remove_topology

    remove_topology(name)


def _show(name: str, output: Path | None) -> None:
    from fitting.head_model import load_head_model
    from fitting.topology.store import read_topology
    from pipeline.drawing.topology import draw_topology
    from pipeline.overlays.sheet_and_movies import write_picture
    from pipeline.topology_report import topology_facts

    topology, head = read_topology(name), load_head_model()
    click.echo("\n".join(topology_facts(topology, head)))
    path = output or Path(f"{name}_topology.png")
    write_picture(path, draw_topology(topology, head))
    click.echo(path)
