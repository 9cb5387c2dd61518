"""Layouts on the canonical head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from calibration.errors import InputError, UsageError
from detector.layouts import LAYOUTS, Layout, check_layout, layout, sampling_density, write_layout
from detector.layouts.layout import at_positions
from detector.region import QUERY_SCALE
from fitting.anatomy import anatomy
from fitting.head_model import HeadModel, load_head_model
from fitting.surface import SurfacePoints

COUNTS = {
    "ibug68": 68,
    "dense320": 320,
    "dense703": 703,
    "teeth": 1000,
    "eyes": 10,
    "skull": 1000,
    "jaw": 500,
}


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_a_layout_has_its_number_of_distinct_queries(model: HeadModel, name: str, count: int) -> None:
    """No point is asked for twice, and all lie on the head in units of the query scale."""
    chosen = layout(name, model)
    assert chosen.queries.shape == (count, 3)
    assert len(chosen) == count
    assert torch.cdist(chosen.queries, chosen.queries).fill_diagonal_(1).min() > 1e-3
    assert chosen.queries.abs().max() < 1.3


def test_queries_of_the_two_lips_are_apart(model: HeadModel) -> None:
    """The mean head's lips touch, the canonical shape's do not: a network could not tell them apart."""
    places = layout("ibug68", model).queries * QUERY_SCALE
    upper, lower = [61, 62, 63], [67, 66, 65]
    assert (places[upper] - places[lower]).norm(dim=1).min() > 0.008
    # what is far from the mouth lies where the mean head has it
    nose = model.ibug68.evaluate(model.mean.double().numpy())[27]
    np.testing.assert_allclose(places[27].numpy(), nose, atol=1e-4)


def test_dense_landmarks_follow_the_edges_of_lids_and_lips(model: HeadModel) -> None:
    """What tells a blink or a closed mouth is asked for, and skin inside the head is not."""
    mean = model.mean.double().numpy()
    dense = layout("dense703", model)
    points = dense.points.evaluate(mean)
    apart, _ = KDTree(points).query(model.ibug68.evaluate(mean)[36:])
    assert np.median(apart) < 0.002
    assert np.max(apart) < 0.004
    skin = points[dense.parts(model) == "skin"]
    skin = skin[skin[:, 2] > -0.08]  # not the back of the head
    behind_lids = (np.abs(np.abs(skin[:, 0]) - 0.03) < 0.012) & (np.abs(skin[:, 1]) < 0.015)
    assert skin[behind_lids, 2].min() > 0.0
    behind_lips = (np.abs(skin[:, 0]) < 0.03) & (np.abs(skin[:, 1] + 0.065) < 0.02) & (skin[:, 2] < -0.03)
    assert behind_lips.sum() < 8


def test_the_vertices_are_a_layout(model: HeadModel) -> None:
    """Every vertex of the model can be asked for."""
    assert len(layout("vertices", model)) == len(model.mean)


def test_fifty_thousand_points_are_spread_evenly(model: HeadModel) -> None:
    """No two crowd together on the mean head, and none is alone: neighbours are 1.3 to 1.9 mm apart."""
    surface = layout("dense50k", model).points
    points = surface.evaluate(model.mean.double().numpy()) * 1e3
    assert len(points) == 50_000
    nearest = np.asarray(KDTree(points).query(points, k=2)[0])[:, 1]
    assert nearest.min() > 1.2
    assert np.quantile(nearest, 0.97) < 1.9


@pytest.mark.parametrize("name", ["dense320", "skull", "teeth"])
def test_a_layout_is_the_same_each_time(model: HeadModel, name: str) -> None:
    """Landmark files of different days can be compared."""
    assert torch.equal(layout(name, model).queries, layout(name, load_head_model()).queries)


def test_dense_layouts_see_eyes_and_teeth_but_leave_the_neck(model: HeadModel) -> None:
    """Points are where the fit needs them."""
    chosen = layout("dense320", model).points.vertices[:, 0]
    for part in ("left_eye", "right_eye", "upper_teeth", "lower_teeth"):
        assert np.isin(chosen, model.parts[part]).sum() >= 3, part
    assert (layout("dense320", model).queries[:, 1] * 0.15 < -0.13).sum() <= 4


def test_eyes_are_a_pupil_in_a_ring(model: HeadModel) -> None:
    """Per eye, the pupil lies in the middle of four points of the iris's edge, 5 to 7 mm away."""
    eyes = layout("eyes", model).queries.reshape(2, 5, 3) * QUERY_SCALE * 1e3
    radius = (eyes[:, 1:] - eyes[:, :1])[..., :2].norm(dim=-1)
    assert radius.min() > 5.0
    assert radius.max() < 7.0
    assert (eyes[:, 1:].mean(1) - eyes[:, 0])[:, :2].abs().max() < 0.5
    assert eyes[0, :, 0].min() > 15.0
    torch.testing.assert_close(eyes[0, 0] * torch.tensor([-1, 1, 1]), eyes[1, 0], atol=0.1, rtol=0)


def test_teeth_are_upper_then_lower(model: HeadModel) -> None:
    """Five hundred of each, all of them on teeth."""
    vertices = layout("teeth", model).points.vertices
    assert np.isin(vertices[:500], model.parts["upper_teeth"]).all()
    assert np.isin(vertices[500:], model.parts["lower_teeth"]).all()


def test_bones_are_asked_for_where_they_lie(model: HeadModel) -> None:
    """Skull and jaw are queries inside the head, and cannot be fitted: the error says what can."""
    canonical = anatomy(model).canonical / QUERY_SCALE
    torch.testing.assert_close(layout("skull", model).queries, canonical[:1000])
    torch.testing.assert_close(layout("jaw", model).queries, canonical[1000:])
    assert set(layout("jaw", model).parts(model)) == {"jaw"}
    with pytest.raises(UsageError, match=r"jaw lie inside the head.*dense320"):
        _ = layout("jaw", model).points


def test_the_inner_mouth_is_not_sampled(model: HeadModel) -> None:
    """Skin that nothing sees from outside has no density; most of the face has."""
    density = sampling_density(model)
    skin = model.parts["skin"]
    assert 0.03 < (density[skin] == 0).mean() < 0.4


def test_an_unknown_layout_names_the_known_ones(model: HeadModel) -> None:
    """The error tells what to write instead, before any work is done."""
    with pytest.raises(UsageError, match=", ".join(LAYOUTS)):
        layout("dense7", model)
    with pytest.raises(UsageError, match="nor a file"):
        check_layout("no/such.json")


def test_a_layout_file_is_a_layout(model: HeadModel, tmp_path: Path) -> None:
    """What is written is read again, on the surface and off it."""
    points = SurfacePoints(np.array([[1, 2, 3], [7, 8, 9]]), np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]))
    surface = Layout("mine", torch.zeros(2, 3), points)
    file = write_layout(tmp_path / "mine.json", surface)
    read = layout(file, model)
    assert read.name == "mine"
    np.testing.assert_array_equal(read.points.vertices, points.vertices)
    np.testing.assert_allclose(read.points.weights, points.weights, atol=1e-8)
    expected = points.evaluate(model.mean.double().numpy()) / QUERY_SCALE
    np.testing.assert_allclose(read.queries.numpy(), expected, atol=1e-6)

    inside = at_positions("implant", np.array([[0.0, -0.02, -0.05]]))
    again = layout(str(write_layout(tmp_path / "implant.json", inside)), model)
    torch.testing.assert_close(again.queries, inside.queries)
    assert list(again.parts(model)) == ["inside"]
    with pytest.raises(UsageError, match="implant lie inside"):
        _ = again.points


GOOD = {"format": "vultus layout", "version": 1, "name": "x", "vertices": [[0, 1, 2]], "weights": [[1, 0, 0]]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "spam"}, "no layout file"),
        ({"version": 7}, "version 7"),
        ({"name": "dense320"}, "name dense320 is taken"),
        ({"vertices": [[0, 1]]}, "rows of three"),
        ({"vertices": []}, "rows of three"),
        ({"weights": "heavy"}, "rows of three"),
        ({"weights": [[1, 0, 0], [1, 0, 0]]}, "1 landmarks, but 2"),
        ({"vertices": [[0, 1, 999999]]}, "no vertex"),
        ({"vertices": [[0, 1, 1.5]]}, "no vertex"),
        ({"weights": [[1, 1, 1]]}, "sum to one"),
        ({"positions": [[0, 0, 12.0]]}, "metres"),
        ({"positions": [[0, 0, float("nan")]]}, "rows of three"),
    ],
)
def test_a_bad_layout_file_is_named(
    model: HeadModel, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    """The error names the file and what is wrong with it."""
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(InputError, match=message) as caught:
        layout(file, model)
    assert "bad.json" in str(caught.value)


def test_a_file_that_is_no_json_is_named(model: HeadModel, tmp_path: Path) -> None:
    """Whatever the bytes are."""
    file = tmp_path / "bytes.json"
    file.write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(InputError, match="not JSON"):
        layout(file, model)
