"""A lens in fewer coefficients than it has, for formats that have no more."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import UsageError
from calibration.lens import coefficient_jacobian, distort

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

WORST_PX = 0.1
"""A lens that a format has not is written as the nearest that it has where no place is off by more."""

_GRID = 24


def in_brown(camera: Camera, count: int, program: str) -> Array:
    """The lens as the first (count,) of k1 k2 p1 p2 k3: its own, or the nearest, which the log then tells.

    Raises:
        UsageError: no such lens is near, of a camera that has more coefficients than the program.
    """
    if not camera.fisheye and not np.any(camera.distortion[count:]):
        return camera.distortion[:count]
    coefficients, worst = refit(camera, count)
    if not worst <= WORST_PX:
        raise UsageError(
            f"the lens has coefficients that {program} has not; "
            f"without them, places would be {worst:.2g} px off",
            where=f"Camera {camera.name}",
            fix="Write another format, such as opencv",
        )
    log.warning(
        "Camera %s: %s has not all coefficients of the lens; the nearest were written, %.2g px off at worst",
        *(camera.name, program, worst),
    )
    return coefficients


def refit(camera: Camera, count: int) -> tuple[Array, float]:
    """The first coefficients of k1 k2 p1 p2 k3 that bend the camera's image most like its own lens.

    The bend is linear in them, so that the least squares over a grid of the whole image are one step.

    Args:
        camera: with a lens of more coefficients.
        count: how many there may be, 4 or 5.

    Returns:
        the coefficients (count,), and by how many pixels the worst place of the image is off.
    """
    edges = np.array(camera.size) - 0.5
    x, y = np.meshgrid(np.linspace(-0.5, edges[0], _GRID), np.linspace(-0.5, edges[1], _GRID))
    ideal = camera.normalise(np.stack((x, y), axis=-1).reshape(-1, 2))
    bend = distort(ideal, camera.distortion, camera.fisheye) - ideal
    effect = coefficient_jacobian(ideal, np.zeros(8))[..., :count]
    coefficients, *_ = np.linalg.lstsq(effect.reshape(-1, count), bend.reshape(-1), rcond=None)
    off = (effect @ coefficients - bend) * camera.focal
    return np.asarray(coefficients, dtype=np.float64), float(np.linalg.norm(off, axis=-1).max())
