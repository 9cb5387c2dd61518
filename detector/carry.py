"""Carrying regions through a calibrated rig, from the cameras that are sure to those that are not."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.triangulation import triangulate
from detector.region import region_from_landmarks

LEAST_CAMERAS = 2
LEAST_POINTS = 12


def carried_regions(
    rig: Rig,
    mean: NDArray[np.floating],
    sigma: NDArray[np.floating],
    seen: NDArray[np.bool_],
    queries: NDArray[np.floating],
) -> NDArray[np.float64] | None:
    """Where the head of one frame is in every camera, given its landmarks in some.

    Args:
        rig: C cameras.
        mean: (C, L, 2) pixels; anything where not seen.
        sigma: (C, L) pixels.
        seen: (C,) which cameras are sure.
        queries: (L, 3) of the landmarks.

    Returns:
        (C, 3) regions in pixels, NaN for a camera that the head is behind; None when fewer than two
        cameras are sure, or when they do not agree on where the head is.
    """
    if seen.sum() < LEAST_CAMERAS:
        return None
    weights = np.where(seen[:, None], 1 / np.square(np.where(seen[:, None], sigma, 1.0)), 0.0)
    pixels = np.where(seen[:, None, None], mean, 0.0).swapaxes(0, 1)
    points, _ = triangulate(pixels, rig, weights.swapaxes(0, 1))
    kept = np.isfinite(points).all(axis=1)
    if kept.sum() < LEAST_POINTS:
        return None
    points, canonical = points[kept], torch.as_tensor(queries[kept], dtype=torch.float64)
    regions = np.full((len(rig), 3), np.nan)
    for index, camera in enumerate(rig):
        if (camera.to_camera(points)[:, 2] > 0).all():
            projected = torch.as_tensor(camera.project(points))[None]
            regions[index] = region_from_landmarks(projected, canonical)[0].numpy()
    return regions
