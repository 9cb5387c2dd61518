import numpy as np
import pytest

from calibration.errors import InputError
from calibration.triangulation import triangulate
from tests.calibration.rigs import arc_rig


def test_exact_pixels_give_exact_points() -> None:
    """Points seen without noise by a distorted rig come back to a nanometre."""
    rig = arc_rig(3)
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (4, 5, 3))
    pixels = np.stack([camera.project(points) for camera in rig], axis=-2)
    found, residual_px = triangulate(pixels, rig)
    np.testing.assert_allclose(found, points, atol=1e-9)
    assert residual_px.shape == (4, 5, 3)
    assert residual_px.max() < 1e-6


def test_a_view_of_weight_zero_is_ignored() -> None:
    """A view that is marked unseen has no say, and has no residual."""
    rig = arc_rig(3)
    point = np.array([0.02, -0.05, 0.1])
    pixels = np.stack([camera.project(point) for camera in rig])
    pixels[1] += 300.0
    found, residual_px = triangulate(pixels, rig, [1.0, 0.0, 1.0])
    np.testing.assert_allclose(found, point, atol=1e-9)
    assert np.isnan(residual_px).tolist() == [False, True, False]


def test_fewer_than_two_views_give_nan() -> None:
    """One view alone, or none, gives NaN and never a made-up point."""
    rig = arc_rig(3)
    pixels = np.full((2, 3, 2), np.nan)
    pixels[0, 1] = [500.0, 400.0]
    found, residual_px = triangulate(pixels, rig)
    assert np.isnan(found).all()
    assert np.isnan(residual_px).all()


def test_the_result_is_the_weighted_minimum() -> None:
    """No small step from the solution lowers the weighted squared reprojection error."""
    rig = arc_rig(4)
    rng = np.random.default_rng(3)
    pixels = np.stack([camera.project(np.array([0.05, 0.02, 0.03])) for camera in rig])
    pixels += rng.normal(0, 2.0, pixels.shape)
    weights = np.array([1.0, 0.2, 3.0, 0.5])

    def energy(point: np.ndarray) -> float:
        errors = np.stack([camera.project(point) for camera in rig]) - pixels
        return float((weights[:, None] * errors**2).sum())

    found, _ = triangulate(pixels, rig, weights)
    for step in np.eye(3) * 1e-5:
        assert energy(found + step) > energy(found)
        assert energy(found - step) > energy(found)


def test_a_surer_view_counts_more() -> None:
    """The residual of a view shrinks as its weight grows."""
    rig = arc_rig(3)
    pixels = np.stack([camera.project(np.zeros(3)) for camera in rig])
    pixels[0] += [0.0, 4.0]
    residuals = [triangulate(pixels, rig, [weight, 1, 1])[1][0] for weight in (0.1, 1.0, 10.0)]
    assert residuals[0] > residuals[1] > residuals[2]


def test_pixels_that_do_not_fit_the_rig_are_refused() -> None:
    """A wrong number of cameras is an error that says so."""
    with pytest.raises(InputError, match="a rig of 3 cameras"):
        triangulate(np.zeros((5, 2, 2)), arc_rig(3))
