"""The weights that ship with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from detector.datasets import read_dataset
from detector.evaluation.labelled_faces import faces_of_photographs
from detector.evaluation.prediction import predict_faces
from detector.evaluation.score import score
from detector.predictor import load_predictor
from detector.region import region_from_landmarks
from detector.search import search
from detector.weights import RELEASED, default_weights, released_names
from fitting.head_model import load_head_model

PHOTOGRAPHS = Path(__file__).parents[2].parent / "shared" / "real" / "afw"

pytestmark = pytest.mark.skipif(not released_names(), reason="no weights are released yet")


@pytest.mark.parametrize("name", released_names())
def test_released_weights_have_a_model_card(name: str) -> None:
    """Nobody has to guess what a network was trained on."""
    card = (RELEASED / f"{name}.md").read_text()
    assert "## Data" in card
    assert "held-out" in card


@pytest.mark.slow
@pytest.mark.gl
def test_search_finds_a_rendered_face_in_a_larger_image() -> None:
    """A head of the synthetic engine, planted into a plain image, is found where it is."""
    from detector.synthetic.engine import SyntheticEngine

    predictor = load_predictor(default_weights(), "dense320", load_head_model())
    sample = SyntheticEngine(load_head_model()).sample(2_000_000_001)
    side = len(sample.image)
    image = np.full((3 * side, 4 * side, 3), sample.image.reshape(-1, 3).mean(0), dtype=np.uint8)
    image[side : 2 * side, 2 * side : 3 * side] = sample.image
    points = sample.vertices_px[predictor.layout.points.vertices[:, 0]] + np.array([2 * side, side])
    truth = region_from_landmarks(torch.as_tensor(points)[None].float(), predictor.layout.queries)[0].numpy()
    found = search(predictor, image)
    assert found.region is not None, found.reason
    assert np.abs(found.region[:2] - truth[:2]).max() < 0.15 * truth[2]
    assert 0.8 < found.region[2] / truth[2] < 1.25


@pytest.mark.slow
@pytest.mark.parametrize("name", released_names())
def test_released_weights_read_faces_of_real_people(tmp_path: Path, name: str) -> None:
    """On photographs that nothing was trained on, faces are read as well as the model card says."""
    if not PHOTOGRAPHS.is_dir():
        pytest.skip("shared/real/afw is not beside the checkout")
    for path in sorted(PHOTOGRAPHS.glob("*.jpg"))[::12]:
        for source in (path, path.with_suffix(".pts")):
            (tmp_path / source.name).symlink_to(source)
    predictor = load_predictor(name, "ibug68", load_head_model())
    faces = faces_of_photographs(read_dataset(tmp_path), predictor.layout)
    found = score(predict_faces(predictor, faces, own_search=False)).nme
    # the model cards tell at most 6.7 and 11 for all of them: no later release is to be worse
    assert found.median < 7.5
    assert found.fr10 < 18.0
