"""Frames that are not to be relied on are flagged with the reason, and good ones are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitting.reliability import FrameFlag, Reliability, ResidualStatistics

Array = NDArray[np.float64]

FRAMES = np.array([1001, 1002, 1003, 1006, 1007, 1008, 1009, 1010])


def residuals() -> Array:
    """(8, 3, 50) of a good fit, in sigmas."""
    return np.asarray(np.linalg.norm(np.random.default_rng(0).normal(0, 0.7, (8, 3, 50, 2)), axis=-1))


def places() -> Array:
    """(8, 4, 3) of a head that moves evenly, over a gap in the frames."""
    corners = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
    return corners + 0.005 * (FRAMES - 1001)[:, None, None]


def judge(residual: Array, surface: Array | None = None, place: Array | None = None) -> Reliability:
    certain = np.full(8, 5e-4) if surface is None else surface
    return Reliability.judge(2 * residual, residual, certain, places() if place is None else place, FRAMES)


def test_a_good_fit_has_no_flags() -> None:
    """Even movement, over a gap too, is no jump."""
    assert not judge(residuals()).flags.any()


def test_each_reason_is_told_apart() -> None:
    """One frame of each kind; the frames beside them stay without fault."""
    residual, surface, place = residuals(), np.full(8, 5e-4), places()
    residual[1, 1:] = np.nan
    residual[2] *= 4
    surface[4] = 5e-3
    place[6] += 0.03
    flags = judge(residual, surface, place).flags
    expected = [0] * 8
    expected[1], expected[2] = int(FrameFlag.FEW_VIEWS), int(FrameFlag.LARGE_RESIDUAL)
    expected[4], expected[6] = int(FrameFlag.UNCERTAIN), int(FrameFlag.JUMP)
    assert flags.tolist() == expected
    assert (FrameFlag.FEW_VIEWS | FrameFlag.JUMP).words() == "few views, jump"


def test_a_frame_that_nobody_saw_is_flagged_and_has_no_residual() -> None:
    """Its statistics are NaN, without a warning."""
    residual = residuals()
    residual[3] = np.nan
    surface = np.full(8, 5e-4)
    surface[3] = np.nan
    found = judge(residual, surface)
    assert found.flags[3] == FrameFlag.FEW_VIEWS
    assert np.isnan(found.by_frame.table[3]).all()


def test_a_shoot_with_one_camera_is_not_flagged_for_it() -> None:
    """A frame that its only camera sees has as many views as there are."""
    assert not judge(residuals()[:, :1]).flags.any()


def test_statistics_are_over_what_each_camera_saw() -> None:
    """Median and 95th percentile, in pixels and in sigmas, by camera and by frame."""
    residual = residuals()
    residual[:, 2] *= 3
    by_camera = judge(residual).by_camera
    assert by_camera.median_px[2] > 2.5 * by_camera.median_px[0]
    np.testing.assert_allclose(by_camera.median_px, 2 * by_camera.median_sigma)
    np.testing.assert_allclose(by_camera.p95_sigma[0], np.quantile(residual[:, 0], 0.95))
    again = ResidualStatistics.from_table(by_camera.table)
    np.testing.assert_array_equal(again.p95_px, by_camera.p95_px)
