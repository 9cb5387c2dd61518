"""Regions of the head by query position."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detector.head_regions import REGIONS, region_indices, region_weights
from detector.layouts import layout
from detector.region import QUERY_SCALE
from fitting.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    """The standard head."""
    return load_head_model()


def names(queries: torch.Tensor) -> list[str]:
    """Region names of queries (L, 3)."""
    return [REGIONS[i] for i in region_indices(queries)]


def test_the_68_landmarks_fall_into_their_parts(model: HeadModel) -> None:
    """Jaw line, brows, nose, eyes and mouth of ibug68 come out as everybody counts them."""
    found = names(layout("ibug68", model).queries)
    counts = {"jaw line": 17, "brows": 10, "nose": 9, "eyes": 12, "mouth": 20}
    assert found == [name for name, count in counts.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("part", "region"),
    [("left_eye", "eyes"), ("right_eye", "eyes"), ("upper_teeth", "mouth"), ("lower_teeth", "mouth"),
     ("lashes", "eyes")],
)  # fmt: skip
def test_parts_of_the_head_model_lie_in_one_region(model: HeadModel, part: str, region: str) -> None:
    """Eyeballs, lashes and teeth are of the eyes and of the mouth, whole."""
    queries = model.mean[np.asarray(model.parts[part])] / QUERY_SCALE
    assert set(names(queries)) == {region}


def test_landmarks_of_the_skull_are_where_they_belong() -> None:
    """Ear tip, crown, occiput, chin, forehead, cheek bone and throat, on both sides."""
    places = {
        "ears": (0.088, -0.016, -0.094),
        "back of head": (0.0, 0.02, -0.174),
        "jaw line": (0.0, -0.108, 0.020),
        "forehead": (0.02, 0.055, 0.02),
        "cheeks": (0.045, -0.03, 0.012),
        "neck": (0.02, -0.14, -0.04),
    }
    for region, place in places.items():
        both = torch.tensor([place, (-place[0], *place[1:])]) / QUERY_SCALE
        assert names(both) == [region, region]


def test_weights_change_smoothly_and_agree_with_the_regions(model: HeadModel) -> None:
    """Rows sum to one, the largest weight names the region, and a tenth of a millimetre changes little."""
    queries = layout("dense320", model).queries
    weights = region_weights(queries)
    torch.testing.assert_close(weights.sum(1), torch.ones(len(queries)))
    assert torch.equal(weights.argmax(1), region_indices(queries))
    moved = region_weights(queries + 1e-4 / QUERY_SCALE)
    assert (moved - weights).abs().max() < 0.1
