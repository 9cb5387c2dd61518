"""vultus layouts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from detector.layouts import Layout
    from fitting.head_model import HeadModel


@click.group(epilog="Example:  vultus layouts show dense703")
def command() -> None:
    """The landmark layouts: list them, look at them, make your own."""


@command.command("list", epilog="Example:  vultus layouts list")
def list_layouts() -> None:
    """Name the layouts that come with vultus, with how many landmarks of what each has."""
    from calibration.text_table import text_table
    from detector.layouts import LAYOUTS, layout
    from fitting.head_model import load_head_model
    from pipeline.drawing.layouts import count_parts

    model = load_head_model()
    rows = [("layout", "landmarks", "of which")]
    for name in LAYOUTS:
        chosen = layout(name, model)
        parts = ", ".join(f"{count} {part}" for part, count in count_parts(chosen.parts(model)).items())
        rows.append((name, str(len(chosen)), parts))
    click.echo("\n".join(text_table(rows)))


@command.command("show", epilog="Example:  vultus layouts show my.json --output my.png")
@click.argument("layout")
@click.option("--output", type=click.Path(path_type=Path), help="The picture; LAYOUT.png if not said.")
def show_layout(layout: str, output: Path | None) -> None:
    """Draw LAYOUT, a name or a layout file, on the mean head from six sides."""
    from detector.layouts import layout as find_layout
    from fitting.head_model import load_head_model
    from pipeline.drawing.layouts import draw_layout
    from pipeline.overlays.sheet_and_movies import write_picture

    model = load_head_model()
    chosen = find_layout(layout, model)
    path = output or Path(f"{chosen.name}.png")
    write_picture(path, draw_layout(chosen, model))
    click.echo(path)


@command.command("make", epilog="Example:  vultus layouts make dots.json --points dots.csv --unit mm")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--points", type=click.Path(path_type=Path), help="CSV of x, y, z on the mean head.")
@click.option("--unit", default="m", show_default=True, help="Of the CSV: m, cm, mm or query.")
@click.option("--as-is", is_flag=True, help="Keep the CSV's points off the surface, where they are.")
@click.option("--vertices", help="Numbers of the head's vertices, such as 12,40-47.")
@click.option("--mask", type=click.Path(path_type=Path), help="Painted texture, in the layout of the skins.")
@click.option("--count", type=int, default=100, show_default=True, help="Points on the mask.")
def make_layout(
    file: Path,
    points: Path | None,
    unit: str,
    as_is: bool,
    vertices: str | None,
    mask: Path | None,
    count: int,
) -> None:
    """Make a layout and write it to FILE (.json), for use wherever a layout is named.

    Say where the landmarks lie by one of --points, --vertices and --mask. Points are in the canonical frame:
    origin between the eyes, x to the actor's left, y up, z out of the face; each goes to the nearest point
    of the surface.
    """
    from calibration.errors import UsageError
    from detector.layouts import write_layout
    from detector.layouts.making import from_mask, from_vertices, parse_vertices
    from fitting.head_model import load_head_model

    if sum(source is not None for source in (points, vertices, mask)) != 1:
        raise UsageError("say where the landmarks lie", fix="Give one of --points, --vertices and --mask")
    if file.suffix.lower() != ".json":
        raise UsageError("layout files end in .json", where=str(file))
    model, name = load_head_model(), file.stem
    if points is not None:
        made = _from_csv(name, points, unit, as_is, model)
    elif vertices is not None:
        made = from_vertices(name, parse_vertices(vertices), model)
    elif mask is not None:
        made = from_mask(name, mask, count, model)
    click.echo(f"{write_layout(file, made)}: {len(made)} landmarks")


def _from_csv(name: str, points: Path, unit: str, as_is: bool, model: HeadModel) -> Layout:
    """The layout of a CSV; how far its points were from the surface is told."""
    import numpy as np

    from detector.layouts.making import from_positions, read_positions

    made, apart = from_positions(name, read_positions(points, unit), model, as_is=as_is)
    middle, most = np.median(apart) * 1e3, apart.max() * 1e3
    where = "kept where they are" if as_is else "moved to the surface"
    click.echo(f"Points {where}; they lay {middle:.1f} mm from it (median), at most {most:.1f} mm")
    return made
