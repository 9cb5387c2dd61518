"""What the fit, the exports and the animators rely on of the head model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from calibration.errors import UsageError
from fitting import head_assets
from fitting.head_model import POSE_SIZE, HeadModel, load_head_model
from fitting.surface import SurfacePoints


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


def neutral(model: HeadModel) -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros(model.identity_size), torch.zeros(model.expression_size), torch.zeros(POSE_SIZE)


def moved_by(model: HeadModel, expression: str) -> np.ndarray:
    """How far (V,) each vertex of the mean head moves under one expression at full strength."""
    identity, weights, pose = neutral(model)
    weights[model.expression_names.index(expression)] = 1.0
    moved = model(identity, weights, pose) - model.mean
    return np.asarray(moved.numpy())


def test_the_neutral_head_is_the_mean_in_the_canonical_frame(model: HeadModel) -> None:
    """At zero everything is the mean head: eyes about the origin, nose forward, actor's left at +X."""
    vertices = model(*neutral(model)).numpy()
    np.testing.assert_allclose(vertices, model.mean.numpy(), atol=1e-7)
    left = vertices[model.parts["left_eye"]].mean(axis=0)
    right = vertices[model.parts["right_eye"]].mean(axis=0)
    assert left[0] > 0 > right[0]
    np.testing.assert_allclose((left + right) / 2, 0.0, atol=2e-3)
    landmarks = model.ibug68.evaluate(vertices)
    assert landmarks[30, 2] > landmarks[[0, 16], 2].max() + 0.06  # the nose tip is before the ears
    assert landmarks[8, 1] < landmarks[27, 1]  # the chin is under the bridge of the nose


def test_random_heads_are_of_human_size(model: HeadModel) -> None:
    """The eyes of nearly all random heads are 50 to 72 mm apart, as people's are."""
    joints = model.joints(model.sample_identity(500, np.random.default_rng(0)))
    distance = (joints[:, 2] - joints[:, 3]).norm(dim=-1) * 1000
    inside = ((distance > 50) & (distance < 72)).float().mean()
    assert inside > 0.97
    assert 58 < float(distance.mean()) < 66


def test_the_identity_coefficients_have_unit_variance(model: HeadModel) -> None:
    """A prior of unit variance is right, since the heads of the library have it."""
    library = model.identity_mixture.sample(2000, np.random.default_rng(0))
    np.testing.assert_allclose(library.std(axis=0), 1.0, atol=0.1)
    np.testing.assert_allclose(library.mean(axis=0), 0.0, atol=0.1)
    assert model.identity_size >= 150
    assert model.assets.explained.sum() > 0.99


def test_all_arkit_expressions_are_there_and_move_their_part(model: HeadModel) -> None:
    """Every ARKit name has a shape, and the shapes move what their names say."""
    assert len(model.expression_names) == 52
    for name in model.expression_names:
        assert np.linalg.norm(moved_by(model, name), axis=1).max() > 5e-4, name
    jaw = moved_by(model, "jawOpen")
    assert jaw[model.parts["lower_teeth"], 1].mean() < -5e-3  # the lower teeth go down with the jaw
    assert np.abs(jaw[model.parts["upper_teeth"]]).max() < 1e-3
    smile = model.ibug68.evaluate(moved_by(model, "mouthSmileLeft"))
    assert smile[54, 1] > 2e-3  # the left corner rises
    assert abs(smile[48, 1]) < 1e-3
    blink = model.ibug68.evaluate(moved_by(model, "eyeBlinkLeft"))
    assert blink[[43, 44], 1].max() < -2e-3  # the left upper lid comes down


def test_gaze_is_pose_not_expression(model: HeadModel) -> None:
    """The eyeLook shapes leave the eyeballs alone; the eye joints turn them about their centre."""
    look = moved_by(model, "eyeLookUpLeft")
    assert np.abs(look[model.parts["left_eye"]]).max() < 1e-8
    identity, expression, pose = neutral(model)
    pose[6] = -0.3  # the left eye about its X axis: up
    turned = model(identity, expression, pose).numpy()
    eye = model.parts["left_eye"]
    front = eye[np.argmax(model.mean.numpy()[eye, 2])]
    assert turned[front, 1] > float(model.mean[front, 1]) + 2e-3
    still = np.delete(np.arange(len(turned)), eye)
    np.testing.assert_allclose(turned[still], model.mean.numpy()[still], atol=1e-6)


def test_the_root_moves_the_whole_head_rigidly(model: HeadModel) -> None:
    """The global rotation and translation keep all distances."""
    identity = model.sample_identity(1, np.random.default_rng(3))[0]
    pose = torch.zeros(POSE_SIZE)
    rest = model(identity, torch.zeros(model.expression_size), pose)
    pose[:3], pose[12:] = torch.tensor([0.3, -0.8, 0.2]), torch.tensor([0.1, 1.5, -2.0])
    moved = model(identity, torch.zeros(model.expression_size), pose)
    pairs = torch.from_numpy(np.random.default_rng(0).integers(0, len(rest), (2, 2000)))
    before, after = ((v[pairs[0]] - v[pairs[1]]).norm(dim=-1) for v in (rest, moved))
    torch.testing.assert_close(before, after, atol=2e-6, rtol=0)


def test_chosen_points_are_the_points_of_the_whole_mesh(model: HeadModel) -> None:
    """Evaluating 68 points alone gives just what the whole posed mesh gives, for a batch at once."""
    rng = np.random.default_rng(1)
    identity = model.sample_identity(1, rng)[0]
    expression = torch.from_numpy(rng.uniform(0, 1, (4, model.expression_size))).float()
    pose = torch.from_numpy(rng.normal(0, 0.2, (4, POSE_SIZE))).float()
    few = model.restrict(model.ibug68)(identity, expression, pose)
    whole = model.ibug68.evaluate(model(identity, expression, pose).numpy())
    assert few.shape == (4, 68, 3)
    np.testing.assert_allclose(few.numpy(), whole, atol=1e-6)


def test_the_derivatives_are_right(model: HeadModel) -> None:
    """The gradient in identity, expression and pose agrees with float64 finite differences."""
    points = SurfacePoints.from_vertices([10, int(model.parts["left_eye"][0])])
    few = load_head_model(dtype=torch.float64).restrict(points)
    generator = torch.Generator().manual_seed(0)
    arguments = [
        (0.3 * torch.randn(size, generator=generator, dtype=torch.float64)).requires_grad_()
        for size in (model.identity_size, model.expression_size, POSE_SIZE)
    ]
    check: Callable[..., bool] = torch.autograd.gradcheck
    assert check(few, arguments, eps=1e-6, atol=1e-7)


def test_a_broken_cache_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache file that was cut off by a full disk does no harm."""
    monkeypatch.setenv("VULTUS_CACHE", str(tmp_path))
    built = head_assets.cached_head_assets()
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:1000])
    again = head_assets.cached_head_assets()
    np.testing.assert_array_equal(built.mean, again.mean)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_unknown_region_names_the_known_ones(model: HeadModel) -> None:
    """A wrong name is met with the list of right ones."""
    with pytest.raises(UsageError, match=r"face.*upper_teeth"):
        model.region("nostril")
