"""Skull and mandible inside the head."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from fitting.anatomy import JAW_POINTS, SKULL_POINTS, BoneAnchors, BonePoints, anatomy
from fitting.closest import Surface
from fitting.head_model import HeadModel, load_head_model
from fitting.surface import SurfacePoints
from fitting.tissue_depth import DEPTHS, tissue_depth

STILL = torch.zeros(15, dtype=torch.float64)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model(dtype=torch.float64)


@pytest.fixture(scope="module")
def bones(model: HeadModel) -> BonePoints:
    return anatomy(model)


def face(model: HeadModel, **shapes: float) -> Tensor:
    """An expression (E,) of these shapes."""
    expression = torch.zeros(model.expression_size, dtype=torch.float64)
    for name, value in shapes.items():
        expression[model.expression_names.index(name)] = value
    return expression


def somebody(model: HeadModel, seed: int) -> Tensor:
    """An identity (B,)."""
    return model.sample_identity(1, np.random.default_rng(seed))[0]


def test_skull_and_jaw_have_their_points(bones: BonePoints) -> None:
    """A thousand and five hundred, as in C23, all different, on both sides alike."""
    assert int((~bones.on_jaw).sum()) == SKULL_POINTS == 1000
    assert int(bones.on_jaw.sum()) == JAW_POINTS == 500
    points = bones.canonical
    assert torch.cdist(points, points).fill_diagonal_(1).min() > 0.001
    left = (points[:, 0] > 0).double().mean()
    assert 0.45 < left < 0.55


def test_the_mean_head_has_the_canonical_points(model: HeadModel, bones: BonePoints) -> None:
    """The queries lie where the points of the mean head at rest lie."""
    rest = bones(torch.zeros(model.identity_size, dtype=torch.float64), face(model), STILL)
    torch.testing.assert_close(rest, bones.canonical, atol=1e-9, rtol=0)


def test_bone_is_rigid(model: HeadModel, bones: BonePoints) -> None:
    """Distances within the skull, and within the jaw, are those of the person, whatever the face does."""
    identity = somebody(model, 1).expand(3, -1)
    expression = torch.stack(
        [
            face(model),
            face(model, jawOpen=0.9, jawLeft=0.3),
            face(model, mouthSmileLeft=1.0, browDownLeft=1.0),
        ]
    )
    pose = torch.stack([STILL, torch.linspace(-0.5, 0.5, 15, dtype=torch.float64), STILL])
    points = bones(identity, expression, pose)
    assert points.shape == (3, 1500, 3)
    for part in (points[:, ~bones.on_jaw][:, ::25], points[:, bones.on_jaw][:, ::25]):
        apart = torch.cdist(part, part)
        torch.testing.assert_close(apart, apart[:1].expand_as(apart), atol=1e-7, rtol=0)


def test_only_the_jaw_follows_the_lower_teeth(model: HeadModel, bones: BonePoints) -> None:
    """When the mouth opens, the skull stays, and the chin goes down as far as the lower teeth do."""
    identity = somebody(model, 2)
    closed = bones(identity, face(model), STILL)
    opened = bones(identity, face(model, jawOpen=0.7), STILL)
    moved = (opened - closed).norm(dim=-1)
    jaw = torch.from_numpy(bones.on_jaw)
    assert moved[~jaw].max() < 1e-9
    teeth = model.region("lower_teeth")
    at = [model(identity, face(model, jawOpen=amount), STILL)[teeth] for amount in (0.0, 0.7)]
    rotation, translation = bones.jaw_motion(identity, face(model, jawOpen=0.7))
    torch.testing.assert_close(at[0] @ rotation.mT + translation, at[1], atol=0.0035, rtol=0)
    torch.testing.assert_close(closed[jaw] @ rotation.mT + translation, opened[jaw], atol=1e-9, rtol=0)
    assert moved[jaw].max() > 0.015


def test_bone_lies_at_the_depth_of_the_tables(model: HeadModel) -> None:
    """Under each landmark of the literature, straight below the skin of anybody, lies bone at its depth."""
    mean = model.mean.numpy()
    skin = Surface(mean, model.triangles)
    places = np.array([each.position for each in DEPTHS]) / 1e3
    closest, triangle = skin.closest(places)
    assert np.linalg.norm(closest - places, axis=1).max() < 0.006
    np.testing.assert_allclose(tissue_depth(places) * 1e3, [each.depth for each in DEPTHS], atol=1e-6)

    corners = np.asarray(model.triangles)[triangle]
    at = SurfacePoints(
        corners, np.stack([_weights(p, mean[c]) for p, c in zip(closest, corners, strict=True)])
    )
    depths = tissue_depth(at.evaluate(mean))
    bones = BonePoints(model, BoneAnchors(at, depths, np.zeros(len(depths), dtype=bool)))
    identity = somebody(model, 3)
    outside = at.evaluate(model.shape(identity, face(model)).numpy())
    below = np.linalg.norm(bones.neutral(identity).numpy() - outside, axis=1)
    np.testing.assert_allclose(below * 1e3, [each.depth for each in DEPTHS], atol=1.0)


def test_bone_is_under_the_skin(model: HeadModel, bones: BonePoints) -> None:
    """No point of bone sticks out of the head, on the mean head or on others."""
    triangles = model.triangles[np.isin(model.triangles, model.region("outer_skin")).all(axis=1)]
    for identity in (torch.zeros(model.identity_size, dtype=torch.float64), somebody(model, 4)):
        skin = Surface(model.shape(identity, face(model)).numpy(), triangles)
        points = bones.neutral(identity).numpy()
        closest, triangle = skin.closest(points)
        outward = ((points - closest) * skin.normals[triangle]).sum(-1)
        assert (outward > 0).mean() < 0.01
        assert 0.002 < np.median(-outward) < 0.012


def _weights(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    solved, *_ = np.linalg.lstsq(np.vstack([corners.T, np.ones(3)]), np.append(point, 1.0), rcond=None)
    return np.asarray(solved)
