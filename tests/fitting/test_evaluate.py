"""Measuring a fit: exact distances to a surface, alignment, and summaries."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.errors import InputError
from fitting.closest import Surface, closest_on_triangles
from fitting.evaluate import ErrorSummary, interocular_distance, surface_error
from tests.fitting.scenes import head

Array = NDArray[np.float64]


def bumpy_sphere() -> tuple[Array, NDArray[np.int64]]:
    """A sphere of 10 cm with bumps, so that no rigid motion maps it onto itself."""
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=0.1)
    vertices = np.asarray(sphere.vertices, dtype=np.float64)
    bumps = 1 + 0.1 * np.sin(30 * vertices[:, :1]) + 0.1 * np.cos(25 * vertices[:, 1:2] + vertices[:, 2:])
    return vertices * bumps, np.asarray(sphere.faces, dtype=np.int64)


def around(vertices: Array, count: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.asarray(vertices[rng.choice(len(vertices), count)] + 0.02 * rng.normal(size=(count, 3)))


def test_the_closest_point_is_the_closest_of_all_triangles() -> None:
    """Neighbour search gives what trying every triangle gives, on triangles of very different sizes."""
    vertices, triangles = bumpy_sphere()
    large = np.array([[0.3, 0.3, 0.3], [-0.3, 0.3, 0.3], [0.3, -0.3, 0.3]])
    vertices, triangles = np.vstack([vertices, large]), np.vstack([triangles, [len(vertices) + np.arange(3)]])
    points = np.vstack([around(vertices, 200), [[0.0, 0.0, 0.28], [5.0, 5.0, 5.0]]])
    closest, triangle = Surface(vertices, triangles).closest(points)
    every = closest_on_triangles(points[:, None], vertices[triangles][None])
    best = np.linalg.norm(every - points[:, None], axis=-1).min(1)
    np.testing.assert_allclose(np.linalg.norm(closest - points, axis=-1), best, atol=1e-12)
    on_it = closest_on_triangles(closest, vertices[triangles[triangle]])
    np.testing.assert_allclose(on_it, closest, atol=1e-12)


def test_the_closest_point_agrees_with_trimesh() -> None:
    """The triangle formula is the one that trimesh has."""
    vertices, triangles = bumpy_sphere()
    corners = vertices[triangles[:300]]
    points = around(vertices, 300, seed=1)
    expected = trimesh.triangles.closest_point(corners, points)
    np.testing.assert_allclose(closest_on_triangles(points, corners), expected, atol=1e-12)


def test_a_point_above_a_face_is_as_far_as_it_is_high() -> None:
    """The distance is to the surface, not to the nearest vertex."""
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    above = np.array([[0.25, 0.25, 0.003]])
    error = surface_error(above, vertices, np.array([[0, 1, 2]]), align=False)
    assert error == pytest.approx([0.003])


def test_a_rigid_motion_of_the_same_surface_is_no_error() -> None:
    """Alignment takes out a rotation of five degrees and a shift of a centimetre."""
    vertices, triangles = bumpy_sphere()
    turn = Rotation.from_rotvec(np.radians([3.0, -4.0, 1.0]))
    moved = turn.apply(vertices[::2]) + np.array([0.005, -0.008, 0.003])
    assert surface_error(moved, vertices, triangles, align=False).mean() > 2e-3
    assert surface_error(moved, vertices, triangles).max() < 1e-6


def test_alignment_does_not_hide_a_wrong_size() -> None:
    """A surface that is five per cent too large has an error: there is no scale in the alignment."""
    vertices, triangles = bumpy_sphere()
    assert surface_error(1.05 * vertices[::2], vertices, triangles).mean() > 2e-3


def test_a_surface_that_is_no_number_is_refused() -> None:
    """NaN never becomes a measurement."""
    vertices, triangles = bumpy_sphere()
    with pytest.raises(InputError, match="numbers"):
        surface_error(np.full((3, 3), np.nan), vertices, triangles)


def test_a_summary_leaves_out_what_was_not_measured() -> None:
    """NaN marks an unseen landmark and does not count."""
    summary = ErrorSummary.of([np.array([1.0, 2.0, np.nan]), np.array([3.0])])
    assert (summary.median, summary.mean, summary.count) == (2.0, 2.0, 3)
    assert summary.p90 == pytest.approx(2.8)
    with pytest.raises(InputError, match="nothing"):
        ErrorSummary.of([np.array([np.nan])])


def test_the_mean_head_has_human_eyes() -> None:
    """The eyes of the mean identity are 55 to 75 mm apart."""
    model = head()
    assert 0.055 < interocular_distance(model, np.zeros(model.identity_size)) < 0.075
