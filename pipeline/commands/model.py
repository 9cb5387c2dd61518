"""vultus model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fitting.head_model import HeadModel


@click.group(epilog="Example:  vultus model import ICT-FaceKit --name ict")
def command() -> None:
    """Head models of others: bring them in, look at them, register them to the canonical head.

    A registered model is fitted where shoot.toml says [fit] model = "NAME", or with --model NAME.
    """


@command.command("import", epilog="Example:  vultus model import flame2023.pkl --name flame")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What it shall be called.")
@click.option("--unit", help="Of its lengths: m, dm, cm or mm; told by the distance of the eyes if not said.")
@click.option(
    "--landmarks",
    type=click.Path(path_type=Path),
    help="Its 68 landmarks: CSV of landmark, vertex, or FLAME's embedding file. They help the registration.",
)
def import_model(path: Path, name: str, unit: str | None, landmarks: Path | None) -> None:
    """Read the head model at PATH, and keep it in the cache folder in a form that is safe to load.

    PATH is ICT-FaceKit's folder of OBJ files (or any kept the same way), or FLAME's file (.pkl, .npz). A
    pickle is read without running anything in it. Mind the model's own licence.
    """
    from fitting.head_models.importing import import_head
    from fitting.head_models.store import write_head

    head = import_head(path, name, unit=unit, landmarks=landmarks)
    written = write_head(head)
    click.echo("\n".join(_facts(head.model(), head.source, head.registration)))
    click.echo(f"Next:  vultus model register {name}")
    click.echo(written)


@command.command("list", epilog="Example:  vultus model list")
def list_models() -> None:
    """Name the head models that there are."""
    from calibration.text_table import text_table
    from fitting.head_model import load_head_model
    from fitting.head_models.store import head_model_names, read_head

    rows = [("model", "vertices", "identity", "expression", "registered")]
    for position, name in enumerate(head_model_names()):
        model = load_head_model() if position == 0 else read_head(name).model()
        registered = "it is the canonical head" if position == 0 else _yes(model.traits.canonical is not None)
        identity, expression = str(model.identity_size), str(model.expression_size)
        rows.append((name, str(len(model.mean)), identity, expression, registered))
    click.echo("\n".join(text_table(rows)))


@command.command("show", epilog="Example:  vultus model show ict --output ict.png")
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), help="The picture; NAME.png if not said.")
def show_model(name: str, output: Path | None) -> None:
    """Tell the facts of the head model NAME, and draw its mean head, some expressions and identities."""
    from fitting.head_models.store import find_head_model, read_head
    from fitting.head_traits import MAKEHUMAN
    from pipeline.drawing.head_models import draw_model
    from pipeline.overlays.sheet_and_movies import write_picture

    model = find_head_model(name)
    kept = None if name == MAKEHUMAN else read_head(name)
    source, figures = ("built in", {}) if kept is None else (kept.source, kept.registration)
    click.echo("\n".join(_facts(model, source, figures)))
    path = output or Path(f"{name}.png")
    write_picture(path, draw_model(model))
    click.echo(path)


@command.command("register", epilog="Example:  vultus model register ict --output ict_distances.png")
@click.argument("name")
@click.option(
    "--output", type=click.Path(path_type=Path), help="The picture; NAME_registered.png if not said."
)
def register_model(name: str, output: Path | None) -> None:
    """Find where each vertex of the head model NAME lies on the canonical head, so that it has a query.

    The picture shows the distances of the two heads, and the model's mesh on the canonical head: look whether
    lids, lips and nostrils are where they belong.
    """
    from fitting.head_models.importing import registered_head
    from fitting.head_models.store import read_head, write_head
    from pipeline.commands.common import working
    from pipeline.drawing.head_models import draw_registration
    from pipeline.overlays.sheet_and_movies import write_picture

    with working() as progress:
        head, found = registered_head(read_head(name), progress)
    write_head(head)
    click.echo("\n".join(_facts(head.model(), head.source, head.registration)))
    path = output or Path(f"{name}_registered.png")
    write_picture(path, draw_registration(head.model(), found))
    click.echo(path)


def _facts(model: HeadModel, source: str, registration: dict[str, float]) -> list[str]:
    """What a person wants to know of a head model, line by line."""
    import numpy as np

    traits, left_right = model.traits, [model.joint_names.index(name) for name in ("left_eye", "right_eye")]
    eyes = float((model.joint_mean[left_right[0]] - model.joint_mean[left_right[1]]).norm()) * 1e3
    known = int(np.isfinite(model.ibug68.weights).all(axis=1).sum())
    span = traits.expression
    weights = "weights in [0, 1]" if np.isfinite(span.high) else "signed, in standard deviations"
    parts = ", ".join(f"{name} {len(index)}" for name, index in model.parts.items())
    lines = [
        f"{traits.name}: {source}",
        f"  vertices     {len(model.mean)} ({parts}); {len(model.quads)} faces",
        f"  identity     {model.identity_size} components",
        f"  expression   {model.expression_size}: {_shortened(model.expression_names)}; {weights}",
        f"  eyes apart   {eyes:.1f} mm",
        f"  landmarks    {known} of 68 known",
    ]
    if traits.canonical is None:
        return [*lines, "  registered   no"]
    if not registration:
        return [*lines, "  registered   it is the canonical head"]
    apart = "median {median_mm:.2f} mm, 90 % within {p90_mm:.2f} mm, most {max_mm:.2f} mm".format(
        **registration
    )
    lines.append(f"  registered   {registration['registered']:.0%} of the vertices; skin: {apart}")
    if "landmarks_mm" in registration:
        lines.append(f"  landmarks    {registration['landmarks_mm']:.1f} mm from ours (median)")
    return lines


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} ... {names[-1]}"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
