"""vultus evaluate: how far results are from the truth."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import open_shoot, working


@click.group()
def command() -> None:
    """Measure against ground truth: fitted heads, or landmarks on labelled photographs."""


@command.command(
    "shoot", epilog="Example:  vultus evaluate shoot footage/take1 --truth footage/take1/truth/mesh.npz"
)
@click.argument("shoot", type=click.Path(path_type=Path))
@click.option(
    "--truth", type=click.Path(path_type=Path), required=True, help="NumPy archive of true surfaces."
)
@click.option(
    "--truth-cameras",
    type=click.Path(path_type=Path),
    help="Cameras of the truth's world; cameras.json beside the truth if not said.",
)
@click.option("--region", help="Part of the truth to score (its idx_NAME); narrow_face or face if not said.")
@click.option("--units", help="Units of the truth: m, cm or mm; what it says itself, or mm, if not said.")
@click.option("--output", help="Folder of the results instead of the file's.")
def evaluate_shoot(
    shoot: Path,
    truth: Path,
    truth_cameras: Path | None,
    region: str | None,
    units: str | None,
    output: str | None,
) -> None:
    """Compare the fitted heads of SHOOT with ground truth, and print how far they are from it."""
    from pipeline.stages.evaluate import main, read_evaluation

    opened = open_shoot(shoot, frames=None, output=output)
    with working() as progress:
        path = main(opened, truth, truth_cameras=truth_cameras, region=region, units=units, progress=progress)
    click.echo("\n".join(read_evaluation(path).lines()))


@command.command("landmarks", epilog="Example:  vultus evaluate landmarks photographs --search")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--weights", help="A released name or a file; the released weights if not said.")
@click.option("--search", is_flag=True, help="Find the face as in a shoot, instead of from the labels.")
@click.option("--jitter", type=click.IntRange(1), default=1, show_default=True, help="Looks averaged.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def evaluate_photographs(folder: Path, weights: str | None, search: bool, jitter: int, device: str) -> None:
    """Compare the 68 landmarks with labelled photographs (images beside .pts files) in FOLDER."""
    from detector.benchmark import evaluate_landmarks
    from detector.predictor import load_predictor
    from detector.weights import default_weights
    from fitting.head_model import load_head_model
    from pipeline.devices import torch_device

    chosen = weights or default_weights()
    predictor = load_predictor(
        chosen, "ibug68", load_head_model(), device=torch_device(device), jitter=jitter
    )
    with working() as progress:
        found = evaluate_landmarks(predictor, folder, own_search=search, progress=progress)
    click.echo(f"{found.photographs} photographs, {found.missed} without a face found")
    click.echo("error in percent of the distance between the outer corners of the eyes:")
    click.echo(f"mean {found.mean:.2f}, median {found.median:.2f}")
    click.echo(f"more than 10 percent: {found.failures:.1f} percent of the photographs")
    click.echo("  ".join(f"{name} {value:.2f}" for name, value in found.groups.items()))
    click.echo(f"spread of the errors in units of sigma: {found.spread:.2f}")
