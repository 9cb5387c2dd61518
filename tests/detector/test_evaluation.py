"""Measuring landmarks against labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.datasets import IBUG68, LabelledPhotograph, read_dataset
from detector.evaluation.errors import cumulative_curve, face_means, summarise
from detector.evaluation.label_translation import (
    MIRROR_IMAGES,
    learn_translation,
    load_translation,
    save_translation,
    translation_layout,
)
from detector.evaluation.labelled_faces import LabelledFace, faces_of_photographs
from detector.evaluation.movement import movements
from detector.evaluation.prediction import Comparison, predict_faces
from detector.evaluation.sample_faces import faces_of_samples, held_out_shards
from detector.evaluation.score import score
from detector.evaluation.sigma import reliability, spread
from detector.layouts import layout
from detector.region import HEAD_CENTRE, QUERY_SCALE
from detector.training.samples import SampleChunk, pack_positions, write_shard
from fitting.anatomy import anatomy
from fitting.head_model import load_head_model
from pipeline.landmark_evaluation import (
    BONE_LAYOUTS,
    EvaluationRequest,
    evaluate_landmarks,
)
from tests.detector.oracle import Oracle, disc_image, oracle_predictor

Floats = NDArray[np.float64]


def frontal(queries: torch.Tensor) -> Floats:
    """Where the oracle sees these queries (L, 3) in the image of :func:`photographs`, pixels."""
    offset = queries.double().numpy() * QUERY_SCALE - HEAD_CENTRE
    return np.asarray([300.0, 220.0] + 900.0 * offset[:, :2] * [1, -1])


def photographs(folder: Path) -> None:
    """A face with perfect labels, and a black image with the same labels."""
    points = frontal(layout(IBUG68.name, load_head_model()).queries) + 1
    rows = "\n".join(f"{x} {y}" for x, y in points)
    image = disc_image((300.0, 220.0), 900.0, (640, 480))
    for name, content in (("a", image), ("b", 0 * image)):
        cv2.imwrite(str(folder / f"{name}.png"), content)
        (folder / f"{name}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")


def test_perfect_labels_give_no_error_and_a_missed_face_is_a_failure(tmp_path: Path) -> None:
    """What was not found counts as a failure and takes from the area, but not into the mean."""
    photographs(tmp_path)
    predictor = oracle_predictor()
    faces = faces_of_photographs(read_dataset(tmp_path), predictor.layout)
    found = score(predict_faces(predictor, faces, own_search=True))
    assert (found.faces, found.missed) == (2, 1)
    assert found.nme.mean < 1.5
    assert found.nme.fr10 == 50.0
    assert 42.0 < found.nme.auc10 <= 50.0
    assert set(found.regions) == {"jaw line", "brows", "nose", "eyes", "mouth"}
    assert found.facts()["missed"] == 1


def test_a_landmark_without_label_counts_nowhere(tmp_path: Path) -> None:
    """A wild position where there is no label changes no figure."""
    photographs(tmp_path)
    predictor = oracle_predictor()
    photograph = read_dataset(tmp_path)[0]
    labelled = photograph.labelled.copy()
    labelled[8] = False
    points = photograph.points.copy()
    points[8] = 1e6
    hidden = replace(photograph, points=points, labelled=labelled)
    found = predict_faces(predictor, faces_of_photographs([hidden], predictor.layout), own_search=False)
    assert np.isnan(found.distance[0, 8])
    assert score(found).nme.mean < 1.5


def test_faces_without_eye_corners_cannot_be_measured(tmp_path: Path) -> None:
    """The unit of all errors is missing, which is said."""
    photographs(tmp_path)
    photograph = read_dataset(tmp_path)[0]
    labelled = photograph.labelled.copy()
    labelled[36] = False
    blind = LabelledPhotograph(photograph.path, photograph.points, labelled)
    with pytest.raises(InputError, match="outer corners"):
        faces_of_photographs([blind], layout(IBUG68.name, load_head_model()))


def test_the_area_under_the_curve_is_exact() -> None:
    """Its value is what integrating the staircase of the curve numerically comes to."""
    errors = np.array([1.0, 2.5, 4.0, 9.0, 30.0, np.nan])
    found = summarise(errors)
    at = (np.arange(20000) + 0.5) / 2000
    assert found.auc10 == pytest.approx(cumulative_curve(errors, at).mean(), abs=0.01)
    assert found.fr10 == pytest.approx(100 * 2 / 6)
    assert found.mean == pytest.approx(9.3)
    assert np.isnan(face_means(np.full((1, 3), np.nan))[0])


def test_a_right_sigma_has_unit_spread_and_lies_on_the_diagonal() -> None:
    """And one that is half of what it should be shows as a spread of two."""
    z = np.random.default_rng(0).standard_normal(40000)
    right = spread(z)
    assert right.rms == pytest.approx(1, abs=0.02)
    assert right.robust == pytest.approx(1, abs=0.02)
    assert right.within_1 == pytest.approx(0.683, abs=0.01)
    assert spread(2 * z).rms == pytest.approx(2, abs=0.04)
    expected = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(reliability(z, expected), expected, atol=0.01)


def test_a_face_that_never_opens_its_mouth_has_no_slope() -> None:
    """The mean face scores well, but its movement tells on it."""
    rng = np.random.default_rng(0)
    labels = np.repeat(100 * frontal(layout(IBUG68.name, load_head_model()).queries)[None], 40, axis=0)
    eyes = np.linalg.norm(labels[:, 36] - labels[:, 45], axis=1)
    still = labels.copy()
    labels[:, 66, 1] += eyes * rng.uniform(0, 0.4, 40)
    follows = movements(labels, labels, eyes)["mouth opening"]
    assert follows.slope == pytest.approx(1)
    assert movements(still, labels, eyes)["mouth opening"].slope == pytest.approx(0, abs=1e-6)


def write_samples(folder: Path, *, bones: bool) -> None:
    """A sample that is held out and one that is not, of what the oracle sees."""
    model = load_head_model()
    head = torch.from_numpy(model.canonical).to(model.mean)
    places = [head, anatomy(model).canonical] if bones else [head]
    pixels = frontal(torch.cat(places) / QUERY_SCALE).astype(np.float32)
    image = disc_image((300.0, 220.0), 900.0, (640, 480))[:480, :480]
    chunk = SampleChunk(0, True, image[None], pack_positions(pixels)[None])
    write_shard(folder, chunk)
    write_shard(folder, replace(chunk, index=1, held_out=False))


def test_samples_are_measured_densely(tmp_path: Path) -> None:
    """Labels of any layout come from a sample's vertices; what is trained on is not measured."""
    model = load_head_model()
    write_samples(tmp_path, bones=False)
    assert [path.name for path in held_out_shards(tmp_path)] == ["held_0000000.npz"]
    predictor = oracle_predictor("dense703")
    sparse = layout(IBUG68.name, model)
    faces = faces_of_samples(tmp_path, [predictor.layout], sparse, len(model.mean))
    found = score(predict_faces(predictor, faces, own_search=False))
    assert found.nme.mean < 1.5
    assert "back of head" in found.regions
    with pytest.raises(InputError, match="held-out"):
        faces_of_samples(tmp_path / "empty", [predictor.layout], sparse, len(model.mean))


@pytest.mark.parametrize("bones", [True, False])
def test_bones_are_measured_where_samples_are_labelled_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, bones: bool
) -> None:
    """Skull and jaw stand in the report beside the surface; to ask for them in vain is an error."""
    monkeypatch.setattr("pipeline.landmark_evaluation.load_network", lambda weights, device: Oracle())
    monkeypatch.setattr("pipeline.landmark_evaluation.SAMPLE_LAYOUTS", ("ibug68", "eyes"))
    write_samples(tmp_path, bones=bones)
    found = evaluate_landmarks(EvaluationRequest(tmp_path, "oracle"))
    assert list(found.scores) == ["ibug68", "eyes", *(BONE_LAYOUTS if bones else ())]
    for name, values in found.scores.items():
        assert values.nme.mean < 1.5, name
        assert found.comparisons[name].queries.shape == layout(name, load_head_model()).queries.shape
    if not bones:
        with pytest.raises(InputError, match="surface alone"):
            evaluate_landmarks(EvaluationRequest(tmp_path, "oracle", layouts=("jaw",)))


def test_the_mirror_image_of_the_68_landmarks_is_the_head_mirrored() -> None:
    """Twice mirrored is as before, and each landmark becomes the one on the other side."""
    queries = layout(IBUG68.name, load_head_model()).queries
    order = list(MIRROR_IMAGES)
    assert [order[k] for k in order] == list(range(68))
    other_side = queries[order] * torch.tensor([-1.0, 1.0, 1.0])
    assert (other_side - queries).norm(dim=-1).max() * QUERY_SCALE < 0.006


def habits(count: int, seed: int) -> Comparison:
    """Exact predictions of faces of many widths, and labels that are set by other habits than ours."""
    rng = np.random.default_rng(seed)
    wanted = translation_layout(load_head_model())
    mean = np.repeat(frontal(wanted.queries)[None], count, axis=0)
    mean[..., 0] = 300 + (mean[..., 0] - 300) * rng.uniform(0.9, 1.1, (count, 1))
    labels = mean[:, :68].copy()
    labels[:, :17, 1] -= 9.0
    labels[:, :17, 0] += 0.1 * (labels[:, :17, 0] - 300)
    eyes = np.linalg.norm(labels[:, 36] - labels[:, 45], axis=1)
    region = np.array([300.0, 220.0, 243.0, 0.0])
    everything = np.ones(68, dtype=bool)
    faces = tuple(
        LabelledFace(
            str(k), lambda: np.zeros((1, 1, 3), np.uint8), points, everything, eyes[k], 100.0, region
        )
        for k, points in enumerate(labels)
    )
    sigma = np.ones(mean.shape[:2])
    return Comparison(faces, wanted.queries, mean, sigma, np.tile(region, (count, 1)), ("",) * count)


def test_translation_learns_the_habits_of_a_label_set(tmp_path: Path) -> None:
    """On faces that it has not seen, most of the systematic difference is gone; the file keeps it."""
    translation = learn_translation(habits(40, 0), "this network")
    unseen = habits(10, 1)
    raw, translated = score(unseen.first(68)), score(translation(unseen))
    assert raw.nme.mean > 2
    assert translated.nme.mean < 0.1 * raw.nme.mean
    save_translation(tmp_path / "translation.npz", translation)
    again = load_translation(tmp_path / "translation.npz", "this network")
    np.testing.assert_allclose(again(unseen).mean, translation(unseen).mean)
    with pytest.raises(InputError, match="another network"):
        load_translation(tmp_path / "translation.npz", "that network")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        load_translation(tmp_path / "broken.npz", "this network")


def test_too_few_photographs_teach_no_translation() -> None:
    """A handful of faces would be learned by heart."""
    with pytest.raises(InputError, match="are needed"):
        learn_translation(habits(8, 0), "this network")
