"""vultus ablate."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working

EXAMPLES = """\b
Examples:
  vultus ablate runs/ablation --samples runs/samples --minutes 10 --photographs faces/afw
  vultus ablate runs/ablation --samples runs/samples --minutes 10 --mix faces/helen
  vultus ablate runs/losses --samples runs/samples --steps 2000 --only l2

Called again with the same folder, it goes on where it was. Weights of the training on a mix are not for
release."""

FOLDER = click.Path(path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("output", type=FOLDER)
@click.option("--samples", type=FOLDER, required=True, help="Folder of rendered heads that a training kept.")
@click.option("--minutes", type=float, help="The reference trains so long, the others as many steps.")
@click.option("--steps", type=int, help="Length of each training in steps, instead.")
@click.option("--photographs", type=FOLDER, help="Labelled photographs to measure on.")
@click.option("--mix", type=FOLDER, help="Labelled photographs for the training on a mix.")
@click.option("--only", multiple=True, help="A variant to train; all of them if not said. May be repeated.")
@click.option("--preset", default="small", show_default=True, help="The network and its settings.")
@click.option("--init", default="imagenet", show_default=True, help="imagenet, timm, random, or weights.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def command(**settings: object) -> None:
    """Train short, with one thing changed at a time, and write a table of what each is worth to OUTPUT.

    Compared are the losses GNLL and L2, augmentation of colour and geometry, the predictors, and rendered
    heads alone against a mix with photographs.
    """
    from detector.training.ablation import AblationPlan, ablate

    plan = AblationPlan(**settings)  # type: ignore[arg-type]  # the options are its fields
    with working() as progress:
        table = ablate(plan, progress)
    click.echo(table.read_text(encoding="utf-8"))
    click.echo(table)
