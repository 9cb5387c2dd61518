"""Layouts on the canonical head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from calibration.errors import UsageError
from detector.layouts import LAYOUTS, layout, sampling_density
from fitting.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.mark.parametrize(("name", "count"), [("ibug68", 68), ("dense320", 320), ("dense703", 703)])
def test_a_layout_has_its_number_of_distinct_queries(model: HeadModel, name: str, count: int) -> None:
    """No point is asked for twice, and all lie on the head in units of the query scale."""
    chosen = layout(name, model)
    assert chosen.queries.shape == (count, 3)
    assert len(chosen) == len(chosen.points) == count
    assert torch.cdist(chosen.queries, chosen.queries).fill_diagonal_(1).min() > 1e-3
    assert chosen.queries.abs().max() < 1.3


def test_the_vertices_are_a_layout(model: HeadModel) -> None:
    """Every vertex of the model can be asked for."""
    assert len(layout("vertices", model)) == len(model.mean)


def test_a_dense_layout_is_the_same_each_time(model: HeadModel) -> None:
    """Landmark files of different days can be compared."""
    assert torch.equal(layout("dense320", model).queries, layout("dense320", model).queries)


def test_dense_layouts_see_eyes_and_teeth_but_leave_the_neck(model: HeadModel) -> None:
    """Points are where the fit needs them."""
    chosen = layout("dense320", model).points.vertices[:, 0]
    for part in ("left_eye", "right_eye", "upper_teeth", "lower_teeth"):
        assert np.isin(chosen, model.parts[part]).sum() >= 3, part
    assert (layout("dense320", model).queries[:, 1] * 0.15 < -0.13).sum() <= 4


def test_the_inner_mouth_is_not_sampled(model: HeadModel) -> None:
    """Skin that nothing sees from outside has no density; most of the face has."""
    density = sampling_density(model)
    skin = model.parts["skin"]
    assert 0.03 < (density[skin] == 0).mean() < 0.4


def test_an_unknown_layout_names_the_known_ones(model: HeadModel) -> None:
    """The error tells what to write instead."""
    with pytest.raises(UsageError, match="|".join(LAYOUTS)):
        layout("dense7", model)
