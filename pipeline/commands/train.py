"""vultus train."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working

FOLDER = click.Path(path_type=Path)


@click.command(epilog="Example:  vultus train runs/face --minutes 60 --workers 8 --device cuda")
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
@click.option("--batch-size", type=int, default=128, show_default=True, help="Heads per step.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def command(
    output: Path, skins: Path | None, backgrounds: Path | None, seed: int, **settings: object
) -> None:
    """Train a landmark network on rendered heads, and write weights and a model card to OUTPUT."""
    from detector.synthetic.engine import EngineOptions
    from detector.training.config import TrainConfig
    from detector.training.run import train
    from detector.training.synthetic import SyntheticFactory

    factory = SyntheticFactory(EngineOptions(skins=skins, backgrounds=backgrounds))
    config = TrainConfig(output=output, factory=factory, seed=seed, **settings)  # type: ignore[arg-type]
    with working() as progress:
        weights = train(config, progress)
    click.echo(weights)
