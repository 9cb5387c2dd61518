"""vultus train."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.errors import UsageError
from pipeline.commands.common import working

if TYPE_CHECKING:
    from detector.training.photograph_samples import MixedDataset

EXAMPLES = """\b
Examples:
  vultus train runs/small                        two CPU cores, two hours
  vultus train runs/base --preset base           a GPU, 25 minutes
  vultus train runs/small --resume --minutes 200 goes on, longer
  vultus train runs/mixed --dataset faces/300w:0.2 --dataset faces/mine.json:0.1:my_layout.json

\b
A dataset is PATH[:SHARE[:LAYOUT]]: a folder of images beside .pts files, or a file of labels (dlib .xml,
COCO .json, WFLW .txt); its share of each batch, 0.15 if not said; the layout of its labels, ibug68 if
not said. Weights that learnt from photographs are marked as not for release."""

RENDER_MARGIN = 1.375
"""Pixels rendered per pixel of the network's input: the crops of training are cut out of a larger picture."""

FOLDER = click.Path(path_type=Path)
DEFAULT_SHARE = 0.15
DATASET = re.compile(r"(?P<path>.+?)(:(?P<share>[0-9.]+)(:(?P<layout>[^:]+))?)?")


@click.command(epilog=EXAMPLES)
@click.argument("output", type=FOLDER)
@click.option(
    "--preset", default="small", show_default=True, help="What to train, and on what: small or base."
)
@click.option("--minutes", type=float, help="Length of the whole training by the clock.")
@click.option("--steps", type=int, help="Length of the whole training in steps, instead of by the clock.")
@click.option("--session-minutes", type=float, help="Stop after so long with a checkpoint; see --resume.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in OUTPUT.")
@click.option("--name", help="What the weights are called; face if not said.")
@click.option("--init", help="imagenet, timm, auto, random, or a file of weights to start from.")
@click.option("--workers", type=int, help="Processes that render heads.")
@click.option("--samples", type=FOLDER, help="Folder that keeps rendered heads for the next run.")
@click.option("--dataset", "datasets", multiple=True, help="Photographs to mix in; may be repeated.")
@click.option("--skins", type=FOLDER, help="Folder of photographic skins.")
@click.option("--backgrounds", type=FOLDER, help="Folder of photographs to put behind heads.")
@click.option(
    "--expressions", type=FOLDER, help="Database of captured expressions to mix in, or a sample of it."
)
@click.option("--backbone", help="A timm model instead of the preset's.")
@click.option("--predictor", help="mlp, transformer or attention instead of the preset's.")
@click.option("--input-size", type=int, help="Side of the crops in pixels, instead of the preset's.")
@click.option("--frozen-stages", type=int, help="First stages of the backbone that keep their weights.")
@click.option("--batch-size", type=int, help="Heads per step.")
@click.option("--queries", type=int, help="Points per step.")
@click.option("--learning-rate", type=float)
@click.option("--held-out", type=int, help="Rendered heads that are set aside to measure on.")
@click.option("--draft/--fine", default=None, help="Render without smooth edges: much faster without a GPU.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def command(
    output: Path,
    preset: str,
    datasets: tuple[str, ...],
    skins: Path | None,
    backgrounds: Path | None,
    expressions: Path | None,
    draft: bool | None,
    backbone: str | None,
    predictor: str | None,
    input_size: int | None,
    **settings: object,
) -> None:
    """Train a landmark network on rendered heads, and write weights and a model card to OUTPUT.

    The preset says what no option says. A log, its picture and a checkpoint are written on the way.
    """
    from dataclasses import replace

    from detector.synthetic.engine import EngineOptions
    from detector.training.config import TrainConfig
    from detector.training.presets import training_preset
    from detector.training.run import train
    from detector.training.synthetic import SyntheticFactory
    from pipeline.database.sampling import training_expressions

    chosen = training_preset(preset)
    changes: dict[str, Any] = {"backbone": backbone, "predictor": predictor, "input_size": input_size}
    network = replace(chosen.network, **{key: value for key, value in changes.items() if value is not None})
    fine = chosen.fine if draft is None else not draft
    options = EngineOptions(
        size=round(RENDER_MARGIN * network.input_size),
        supersample=2 if fine else 1,
        multisample=fine,
        skins=skins,
        backgrounds=backgrounds,
        expressions=training_expressions(expressions, output, resumed=bool(settings["resume"]))
        if expressions
        else None,
    )
    said = {key: value for key, value in settings.items() if value is not None}
    usual = dict(chosen.settings)
    if "steps" in said:
        usual.pop("minutes", None)
    config = TrainConfig(
        output=output,
        factory=SyntheticFactory(options),
        network=network,
        datasets=tuple(parse_dataset(text) for text in datasets),
        **(usual | said),  # type: ignore[arg-type]  # the names and types of the options are those of the fields
    )
    with working() as progress:
        weights = train(config, progress)
    click.echo(weights)


def parse_dataset(text: str) -> MixedDataset:
    """PATH[:SHARE[:LAYOUT]] as the training takes it.

    Raises:
        UsageError: it is not of that form.
    """
    from detector.training.photograph_samples import MixedDataset

    found = DATASET.fullmatch(text)
    if found is None:
        raise UsageError(f"not a dataset: {text!r}", fix="Write PATH, PATH:SHARE or PATH:SHARE:LAYOUT")
    try:
        share = float(found["share"] or DEFAULT_SHARE)
    except ValueError as error:
        raise UsageError(f"not a share of a batch: {found['share']!r}") from error
    return MixedDataset(Path(found["path"]), share, found["layout"] or "ibug68")
