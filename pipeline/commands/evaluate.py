"""vultus evaluate: how far results are from the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import open_shoot, working

if TYPE_CHECKING:
    from detector.eyes_and_mouth import RegionRule


@click.group()
def command() -> None:
    """Measure against ground truth: fitted heads, any meshes, or landmarks on labelled photographs."""


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


@command.command(
    "landmarks", epilog="Example:  vultus evaluate landmarks photographs --search --output results"
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--weights", help="A released name or a file; the released weights if not said.")
@click.option("--search", is_flag=True, help="Find the face as in a shoot, instead of from the labels.")
@click.option(
    "--region",
    type=click.Choice(["head", "eyes-and-mouth"]),
    default="head",
    show_default=True,
    help="What tells the crop: the whole head, or eyes and mouth (C23 section 3.1).",
)
@click.option("--jitter", type=click.IntRange(1), default=1, show_default=True, help="Looks averaged.")
@click.option("--flip", is_flag=True, help="Also look at mirror images, and average.")
@click.option("--layout", "layouts", multiple=True, help="To measure on synthetic samples; may be repeated.")
@click.option(
    "--truth", type=click.Path(path_type=Path), help="NumPy archive of the true surfaces: DATA is a shoot."
)
@click.option(
    "--translate",
    type=click.Path(path_type=Path),
    help="Labelled photographs to learn label translation from (W22 section 4.1), or its .npz.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder for figures, curves and pictures.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def evaluate_landmarks(
    data: Path,
    weights: str | None,
    search: bool,
    region: RegionRule,
    jitter: int,
    flip: bool,
    layouts: tuple[str, ...],
    truth: Path | None,
    translate: Path | None,
    output: Path | None,
    device: str,
) -> None:
    """Compare predicted landmarks with the labels of DATA.

    DATA is a set of photographs with 68 labels (.pts, dlib XML, COCO or WFLW), a folder of synthetic samples
    (its held-out ones are measured, densely too), or a shoot with ground truth.
    """
    from detector.predictor import PredictorOptions
    from detector.weights import default_weights
    from pipeline import landmark_evaluation, landmark_report
    from pipeline.devices import torch_device

    request = landmark_evaluation.EvaluationRequest(
        data=data,
        weights=weights or default_weights(),
        device=torch_device(device),
        own_search=search,
        options=PredictorOptions(jitter=jitter, flip=flip),
        region=region,
        layouts=layouts,
        truth=truth,
        translate=translate,
    )
    with working() as progress:
        found = landmark_evaluation.evaluate_landmarks(request, progress)
        if output is not None:
            landmark_report.write_report(found, output)
    click.echo("\n".join(landmark_report.table(found)))


@command.command(
    "mesh",
    epilog="Example:  vultus evaluate mesh ours=take1/performance.h5 theirs=heads --scan scans",
)
@click.argument("predictions", metavar="[NAME=]PREDICTION...", nargs=-1, required=True)
@click.option("--scan", type=click.Path(path_type=Path), required=True, help="A scan, or a folder of them.")
@click.option("--scale", is_flag=True, help="Let predictions grow to fit the scans (NoW's first variant).")
@click.option("--trim", type=click.FloatRange(0, 0.9), default=0.0, help="Share left out of the alignment.")
@click.option("--whole", is_flag=True, help="Score all of the scan, not only the middle of the face.")
@click.option("--units", help="Of the scans: m, cm or mm; what they say themselves, or mm, if not said.")
@click.option("--prediction-units", help="Of the predictions, likewise.")
@click.option(
    "--landmarks",
    type=click.Path(path_type=Path),
    help="The scans' 7 landmarks; NAME.landmarks.txt if not said.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder for figures, curves and error maps.")
def evaluate_mesh(
    predictions: tuple[str, ...],
    scan: Path,
    scale: bool,
    trim: float,
    whole: bool,
    units: str | None,
    prediction_units: str | None,
    landmarks: Path | None,
    output: Path | None,
) -> None:
    """Distances of scans from predicted heads, as the NoW challenge measures them.

    A PREDICTION is a performance.h5, a mesh (OBJ, PLY, STL), a NumPy archive of meshes, or a folder of
    meshes; scans are such too. Predictions and scans belong together by name or by frame number. Each needs
    seven landmarks: corners of the eyes from the actor's right to left, base of the nose, corners of the
    mouth; on heads of our own topology they are known. Without --scale a wrong size counts as an error.
    """
    from fitting.scan_distance import ScanProtocol
    from pipeline import mesh_evaluation, mesh_report
    from pipeline.meshes import MeshSource, named_sources

    sources = named_sources(predictions, prediction_units)
    scans = MeshSource(scan, units, landmarks)
    protocol = ScanProtocol(scale=scale, trim=trim, whole=whole)
    with working() as progress:
        found = mesh_evaluation.evaluate_meshes(sources, scans, protocol, progress)
        if output is not None:
            mesh_report.write_mesh_report(found, output)
    click.echo("\n".join(mesh_report.table(found)))
