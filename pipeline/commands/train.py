"""vultus train."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working

EXAMPLES = """\b
Examples:
  vultus train runs/face --minutes 18 --workers 15 --batch-size 256 --device cuda
  vultus train runs/small --minutes 70 --input-size 128 --hidden 256 --frozen-stages 3 \\
      --batch-size 32 --queries 448 --draft --device cpu"""
RENDER_MARGIN = 1.375
"""Pixels rendered per pixel of the network's input: the crops of training are cut out of a larger picture."""

FOLDER = click.Path(path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("output", type=FOLDER)
@click.option("--minutes", type=float, help="Length of the whole training by the clock.")
@click.option("--steps", type=int, help="Length of the whole training in steps, instead of --minutes.")
@click.option("--session-minutes", type=float, help="Stop after so long with a checkpoint; see --resume.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in OUTPUT.")
@click.option("--name", default="face", show_default=True, help="What the weights are called.")
@click.option("--init", default="imagenet", show_default=True, help="imagenet, random, or a file of weights.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes that render heads.")
@click.option("--samples", type=FOLDER, help="Folder that keeps rendered heads for the next run.")
@click.option("--skins", type=FOLDER, help="Folder of photographic skins.")
@click.option("--backgrounds", type=FOLDER, help="Folder of photographs to put behind heads.")
@click.option("--real", type=FOLDER, help="Folder of labelled photographs (.jpg and .pts) to mix in.")
@click.option("--backbone", default="tf_efficientnet_lite0", show_default=True, help="A timm model.")
@click.option("--input-size", type=int, default=256, show_default=True, help="Side of the crops, pixels.")
@click.option("--hidden", type=int, default=512, show_default=True, help="Width of the predictor.")
@click.option("--frozen-stages", type=int, default=0, show_default=True, help="Of the backbone, kept as is.")
@click.option("--batch-size", type=int, default=128, show_default=True, help="Heads per step.")
@click.option("--queries", type=int, default=640, show_default=True, help="Points per step.")
@click.option("--learning-rate", type=float, default=1e-3, show_default=True)
@click.option("--held-out", type=int, default=512, show_default=True, help="Heads set aside to measure on.")
@click.option("--min-samples", type=int, default=1024, show_default=True, help="Heads to wait for.")
@click.option("--draft", is_flag=True, help="Render without antialiasing: much faster without a GPU.")
@click.option("--compiled", is_flag=True, help="Compile the backbone first; needs a C++ compiler on a CPU.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def command(
    output: Path,
    skins: Path | None,
    backgrounds: Path | None,
    backbone: str,
    input_size: int,
    hidden: int,
    draft: bool,
    **settings: object,
) -> None:
    """Train a landmark network on rendered heads, and write weights and a model card to OUTPUT."""
    from detector.network import NetworkConfig
    from detector.synthetic.engine import EngineOptions
    from detector.training.config import TrainConfig
    from detector.training.run import train
    from detector.training.synthetic import SyntheticFactory

    network = NetworkConfig(backbone=backbone, input_size=input_size, hidden=hidden)
    options = EngineOptions(
        size=round(RENDER_MARGIN * input_size),
        supersample=1 if draft else 2,
        multisample=not draft,
        skins=skins,
        backgrounds=backgrounds,
    )
    config = TrainConfig(
        output=output,
        factory=SyntheticFactory(options),
        network=network,
        **settings,  # type: ignore[arg-type]  # the names and types of the options are those of the fields
    )
    with working() as progress:
        weights = train(config, progress)
    click.echo(weights)
