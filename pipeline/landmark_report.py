"""The figures of a landmark evaluation as a table, as files, and as pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.whole_file import whole_file
from detector.evaluation.errors import cumulative_curve
from detector.evaluation.label_translation import save_translation
from detector.evaluation.prediction import Comparison
from detector.evaluation.score import LandmarkScore, landmarks_by_region
from detector.evaluation.sigma import reliability
from pipeline.drawing.curves import Axes, Curve, plot
from pipeline.drawing.labelled_faces import DrawnFace, face_sheet
from pipeline.landmark_evaluation import TRANSLATED, LandmarkEvaluation
from pipeline.overlays.sheet_and_movies import write_picture

Float = NDArray[np.float64]

WORST, MEDIAN = 24, 12
CURVE_END = 20.0
"""Percent at which the cumulative error curve ends."""

NOTES = {
    "nme": "percent of the distance of the labelled outer eye corners, mean over landmarks, then faces",
    "nme_box": "percent of the square root of the area of the box about the 68 labels",
    "fr10": "percent of faces above 10; those not found count as failures, and into no mean",
    "auc10": "area under the cumulative error curve from 0 to 10, exact, percent of the most possible",
    "spread": "errors per axis in units of sigma: root mean square, and from the median; 1 if sigma is right",
    "movement": "regression of predicted on labelled lengths, percent of the box: slope 1 if they follow",
}


def table(evaluation: LandmarkEvaluation) -> Iterator[str]:
    """The figures as lines for a person."""
    first = next(iter(evaluation.scores.values()))
    how = "own search" if evaluation.request.own_search else "the labels' region"
    rule = "" if evaluation.request.region == "head" else ", by eyes and mouth"
    yield f"{first.faces} faces, {first.missed} not found; region from {how}{rule}"
    yield ""
    yield "percent of the eyes' distance    NME  median   FR10  AUC10    box  sigma (robust)"
    for name, score in evaluation.scores.items():
        nme, box = score.nme, score.nme_box
        spread = "" if name == TRANSLATED else f"{score.spread.rms:6.2f} ({score.spread.robust:.2f})"
        yield (
            f"{name:<28} {nme.mean:7.2f} {nme.median:7.2f} {nme.fr10:6.1f} {nme.auc10:6.1f}"
            f" {box.mean:6.2f} {spread}"
        )
    for name, score in evaluation.scores.items():
        yield ""
        yield from _details(name, score)
    if evaluation.translation is not None:
        found = evaluation.translation
        best = min(found.scores.values())
        yield ""
        source = evaluation.request.translate
        yield f"label translation: {found.recipe}, from {found.faces} photographs of {source};"
        yield f"there {found.raw:.2f} as it is, {best:.2f} translated (cross-validated). For measuring alone."


def _details(name: str, score: LandmarkScore) -> Iterator[str]:
    sigma = name != TRANSLATED
    heading = "  sigma  robust   in 1   in 2" if sigma else ""
    yield f"{name:<22} points    NME{heading}"
    for region, values in score.regions.items():
        spread = values.spread
        shares = f" {spread.rms:6.2f} {spread.robust:7.2f} {spread.within_1:6.2f} {spread.within_2:6.2f}"
        yield f"  {region:<20} {values.landmarks:6d} {values.nme:6.2f}{shares if sigma else ''}"
    for what, follows in score.movement.items():
        yield (
            f"  {what:<20} slope {follows.slope:5.2f}, correlation {follows.correlation:5.2f},"
            f" labelled {follows.labelled:.1f}, predicted {follows.predicted:.1f}"
        )


def write_report(evaluation: LandmarkEvaluation, folder: Path) -> Path:
    """Write figures, curves and pictures.

    Args:
        evaluation: what was measured.
        folder: made where absent.

    Returns:
        the file of figures, ``evaluation.json``.

    Raises:
        InputError: the folder cannot be written to.
    """
    path = folder / "evaluation.json"
    with whole_file(path) as partial:
        partial.write_text(json.dumps(_facts(evaluation), indent=1), encoding="utf-8")
    _write_faces(evaluation, folder / "faces.csv")
    _write_curve(evaluation, folder)
    _write_reliability(evaluation, folder)
    # the first layout says which faces are hard
    name, comparison = next(iter(evaluation.comparisons.items()))
    _write_cases(comparison, evaluation.scores[name].errors, folder)
    if TRANSLATED in evaluation.comparisons:
        errors = evaluation.scores[TRANSLATED].errors
        _write_cases(evaluation.comparisons[TRANSLATED], errors, folder / "translated")
    if evaluation.translation is not None:
        with whole_file(folder / "translation.npz") as partial:
            save_translation(partial, evaluation.translation)
    return path


def _facts(evaluation: LandmarkEvaluation) -> dict[str, object]:
    request, translation = evaluation.request, evaluation.translation
    facts = {name: score.facts() for name, score in evaluation.scores.items()}
    if TRANSLATED in facts:
        facts[TRANSLATED].pop("spread")  # sigma is that of the landmarks before
        for region in facts[TRANSLATED]["regions"].values():  # type: ignore[attr-defined]
            region.pop("spread")
    return {
        "data": str(request.data),
        "weights": str(request.weights),
        "region": "search" if request.own_search else "labels",
        "region_by": request.region,
        "jitter": request.options.jitter,
        "flip": request.options.flip,
        "notes": NOTES,
        "layouts": facts,
        "translation": translation.facts() if translation is not None else None,
    }


def _write_rows(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(rows)


def _write_faces(evaluation: LandmarkEvaluation, path: Path) -> None:
    first = next(iter(evaluation.comparisons.values()))
    columns = [[f"{error:.4f}" for error in score.errors] for score in evaluation.scores.values()]
    names = [face.name for face in first.faces]
    _write_rows(
        path, ["face", *evaluation.scores, "reason"], zip(names, *columns, first.reasons, strict=True)
    )


def _write_curve(evaluation: LandmarkEvaluation, folder: Path) -> None:
    at = np.linspace(0, CURVE_END, 201)
    curves = {name: cumulative_curve(score.errors, at) for name, score in evaluation.scores.items()}
    _write_curves(folder / "cumulative_error.csv", "nme_percent", at, curves)
    drawn: dict[str, Curve] = {name: (at, values) for name, values in curves.items()}
    title = f"Cumulative error, {evaluation.request.data.name}"
    axes = Axes(title, "NME, percent of the eyes' distance", "% of faces", CURVE_END, 100.0)
    write_picture(folder / "cumulative_error.png", plot(drawn, axes))


def _write_reliability(evaluation: LandmarkEvaluation, folder: Path) -> None:
    expected = np.linspace(0, 0.99, 100)
    name, comparison = next(iter(evaluation.comparisons.items()))
    z = comparison.z
    curves = {"all": reliability(z, expected)}
    for region, chosen in landmarks_by_region(comparison).items():
        curves[region] = reliability(z[:, chosen], expected)
    _write_curves(folder / "reliability.csv", "expected", expected, curves)
    drawn: dict[str, Curve] = {key: (expected, values) for key, values in curves.items()}
    title = f"Reliability of sigma, {name}: above the diagonal sigma is too large"
    axes = Axes(title, "expected share within an interval", "observed", 1.0, 1.0, diagonal=True)
    write_picture(folder / "reliability.png", plot(drawn, axes))


def _write_curves(path: Path, what: str, at: Float, curves: dict[str, Float]) -> None:
    rows = ([f"{x:.3f}", *(f"{values[k]:.4f}" for values in curves.values())] for k, x in enumerate(at))
    _write_rows(path, [what, *curves], rows)


def _write_cases(comparison: Comparison, errors: Float, folder: Path) -> None:
    """Pictures of the worst faces, those not found first, and of those about the median."""
    order = np.argsort(-np.where(np.isfinite(errors), errors, np.inf), kind="stable")
    middle = max(0, (len(order) - MEDIAN) // 2)
    chosen = {"worst": order[:WORST], "median": order[middle : middle + MEDIAN]}
    for what, indices in chosen.items():
        sheet = face_sheet([_drawn(comparison, int(k), errors[k]) for k in indices])
        write_picture(folder / f"{what}.png", sheet)


def _drawn(comparison: Comparison, index: int, error: float) -> DrawnFace:
    face = comparison.faces[index]
    amount = f"{error:.1f}" if np.isfinite(error) else "not found"
    labels = np.where(face.labelled[:, None], face.points, np.nan)
    return DrawnFace(face.read(), f"{face.name} {amount}", labels, comparison.mean[index])
