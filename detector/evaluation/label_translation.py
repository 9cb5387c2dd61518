"""From predicted dense landmarks to the labels of a data set (W22 section 4.1), for measuring alone.

Labels that people set differ systematically from points of a head: those of the jaw line follow the visible
outline, ours are places on the bone. W22 learns a network from its dense landmarks to the 68 labels on the
training photographs of the labelled set. Here a regression of the labels' distances from our 68 landmarks on
the dense landmarks is learned, of the kind that cross-validation chooses. What is learned are the habits of a
label set: it serves to measure against that set and is part of no released weights.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.datasets import IBUG68
from detector.evaluation.prediction import Comparison
from detector.evaluation.translation_models import RECIPES, Recipe, Regression, fit_regression
from detector.layouts import Layout, layout
from detector.metrics import OUTER_EYES
from detector.network import LandmarkNetwork
from detector.region import to_normalised, to_pixels
from detector.views import mirrored
from fitting.head_model import HeadModel

Floats = NDArray[np.float64]

DENSE = "dense320"
FOLDS = 5
FEWEST = 20
"""Labelled faces that a translation is learned from at least."""

MIRROR_IMAGES = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),
    *range(59, 54, -1),
    *range(64, 59, -1),
    *range(67, 64, -1),
)
"""Which of the 68 landmarks each one becomes in a mirror."""


@dataclass(frozen=True, eq=False)
class Translation:
    """A learned translation.

    Attributes:
        regression: from dense landmarks to what is to be added to ours, in half sides of the region.
        network: digest of the network whose landmarks it translates.
        recipe: what was fitted.
        faces: from how many photographs.
        scores: cross-validated NME (percent of the eyes' distance) of each recipe that was tried.
        raw: NME of our landmarks on the same photographs, as they are.
    """

    regression: Regression
    network: str
    recipe: str
    faces: int
    scores: dict[str, float]
    raw: float

    def facts(self) -> dict[str, object]:
        """As JSON values."""
        scores = {name: round(value, 4) for name, value in self.scores.items()}
        return {"recipe": self.recipe, "faces": self.faces, "raw": round(self.raw, 4), "scores": scores}

    def __call__(self, comparison: Comparison) -> Comparison:
        """Translate a comparison of the layout :func:`translation_layout`; the result has 68 landmarks."""
        base, features = _split(comparison)
        moved = _flat(base) + self.regression(_flat(features))
        regions = torch.as_tensor(comparison.region)
        mean = to_pixels(torch.as_tensor(moved.reshape(base.shape)), regions).numpy()
        return replace(comparison.first(IBUG68.count), mean=mean)


def translation_layout(model: HeadModel) -> Layout:
    """The 68 landmarks, the dense ones, and those that are the dense ones' mirror images.

    The last let each photograph be learned from twice, without looking at its mirror image.
    """
    sparse, dense = layout(IBUG68.name, model).queries, layout(DENSE, model).queries
    queries = torch.cat([sparse, dense, mirrored(dense)])
    return Layout("translation", queries)


def network_digest(network: LandmarkNetwork) -> str:
    """Tells networks apart: a translation is of the landmarks of one."""
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def learn_translation(comparison: Comparison, network: str) -> Translation:
    """Learn a translation from labelled photographs, each also mirrored.

    The recipe of the least cross-validated error is fitted to all of them; a photograph and its mirror image
    are always in the same fold.

    Args:
        comparison: of the layout :func:`translation_layout`.
        network: digest of the network.

    Raises:
        InputError: fewer than 20 photographs have all labels.
    """
    whole = np.flatnonzero(np.stack([f.labelled for f in comparison.faces]).all(axis=1) & comparison.found)
    if len(whole) < FEWEST:
        raise InputError(f"{len(whole)} photographs have all 68 labels, {FEWEST} are needed to translate")
    chosen = _select(comparison, whole)
    base, features = _split(chosen)
    labels = to_normalised(torch.as_tensor(chosen.labels), torch.as_tensor(chosen.region)).numpy()
    lesson = _Lesson(_flat(features), _flat(labels - base), _eyes(labels))
    _, mirrored_features = _split(chosen, mirror=True)
    order = list(MIRROR_IMAGES)
    turned = mirror_points(labels - base)[:, order]
    reflection = _Lesson(_flat(mirrored_features), _flat(turned), lesson.eyes)
    scores = {recipe.name: _cross_validate(lesson, reflection, recipe) for recipe in RECIPES}
    best = min(RECIPES, key=lambda recipe: scores[recipe.name])
    regression = _fit(lesson, reflection, best, np.ones(len(whole), dtype=bool))
    raw = float(lesson.error(np.zeros_like(lesson.targets)).mean())
    return Translation(regression, network, best.name, len(whole), scores, raw)


def mirror_points(points: Floats) -> Floats:
    """Positions or differences (..., 2) in the mirror image of their region."""
    return np.asarray(points * np.array([-1.0, 1.0]))


@dataclass(frozen=True, eq=False)
class _Lesson:
    """Features (N, D), targets (N, 136), and the distance of the eyes (N,), in half sides of the region."""

    features: Floats
    targets: Floats
    eyes: Floats

    def error(self, predicted: Floats) -> Floats:
        """NME (N,) of predicted targets, percent."""
        away = (predicted - self.targets).reshape(len(predicted), -1, 2)
        return np.asarray(100 * np.linalg.norm(away, axis=-1).mean(1) / self.eyes)


def _cross_validate(lesson: _Lesson, reflection: _Lesson, recipe: Recipe) -> float:
    """NME on photographs that were not learned from, percent of the eyes' distance."""
    fold = np.arange(len(lesson.eyes)) % FOLDS
    errors = np.empty(len(fold))
    for index in range(FOLDS):
        predicted = _fit(lesson, reflection, recipe, fold != index)(lesson.features)
        errors[fold == index] = lesson.error(predicted)[fold == index]
    return float(errors.mean())


def _fit(lesson: _Lesson, reflection: _Lesson, recipe: Recipe, chosen: NDArray[np.bool_]) -> Regression:
    features = np.concatenate([lesson.features[chosen], reflection.features[chosen]])
    targets = np.concatenate([lesson.targets[chosen], reflection.targets[chosen]])
    return fit_regression(features, targets, recipe)


def _split(comparison: Comparison, *, mirror: bool = False) -> tuple[Floats, Floats]:
    """Our 68 landmarks (N, 68, 2) and the dense ones, or the mirror images of those of the other half."""
    regions = torch.as_tensor(comparison.region)
    points = to_normalised(torch.as_tensor(comparison.mean), regions).numpy()
    sparse = IBUG68.count
    dense = (points.shape[1] - sparse) // 2
    if mirror:
        return points[:, :sparse], mirror_points(points[:, sparse + dense :])
    return points[:, :sparse], points[:, sparse : sparse + dense]


def _select(comparison: Comparison, index: NDArray[np.int64]) -> Comparison:
    return replace(
        comparison,
        faces=tuple(comparison.faces[k] for k in index),
        mean=comparison.mean[index],
        sigma=comparison.sigma[index],
        region=comparison.region[index],
        reasons=tuple(comparison.reasons[k] for k in index),
    )


def _flat(points: Floats) -> Floats:
    return points.reshape(len(points), -1)


def _eyes(labels: Floats) -> Floats:
    left, right = OUTER_EYES
    return np.asarray(np.linalg.norm(labels[:, left] - labels[:, right], axis=-1))


def save_translation(path: Path, translation: Translation) -> None:
    """Write a translation as a NumPy archive."""
    arrays = {field.name: getattr(translation.regression, field.name) for field in fields(Regression)}
    names, values = list(translation.scores), list(translation.scores.values())
    np.savez(
        path,
        **arrays,
        network=translation.network,
        recipe=translation.recipe,
        faces=translation.faces,
        raw=translation.raw,
        score_names=np.array(names),
        score_values=np.array(values),
    )


def load_translation(path: Path, network: str) -> Translation:
    """Read what :func:`save_translation` wrote.

    Raises:
        InputError: the file is damaged, or is of another network's landmarks.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            regression = Regression(*(data[field.name] for field in fields(Regression)))
            scores = dict(zip(data["score_names"].tolist(), data["score_values"].tolist(), strict=True))
            facts = (
                str(data["network"]),
                str(data["recipe"]),
                int(data["faces"]),
                scores,
                float(data["raw"]),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"the translation cannot be read ({error})", where=str(path)) from error
    if facts[0] != network:
        raise InputError(
            "the translation was learned from another network's landmarks",
            where=str(path),
            fix="Name the folder of labelled photographs instead, to learn it anew",
        )
    return Translation(regression, *facts)
