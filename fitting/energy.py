"""The terms of the energy (W22 section 3.2), each a small function of plain tensors that gives a scalar.

Every term is half a sum of squares, so that a unit weight means one nat per squared standard deviation.
"""

from __future__ import annotations

from torch import Tensor

from fitting.robust import kernel


def squared_residuals(pixels: Tensor, mean: Tensor, precision: Tensor) -> Tensor:
    """(F, C, L) squared residuals in sigmas, `|x - mu|^2 / sigma^2`.

    Args:
        pixels: (F, C, L, 2) projected landmarks. mean: (F, C, L, 2) predicted landmarks, finite throughout.
        precision: (F, C, L) 1 / sigma^2 in 1 / px^2; 0 where not seen.
    """
    difference = pixels - mean
    return precision * (difference * difference).sum(-1)


def landmark_energy(
    pixels: Tensor, mean: Tensor, precision: Tensor, robust: str = "none", scale: float = 1.0
) -> Tensor:
    """E_landmarks (W22 eq. 2), `sum |x - mu|^2 / (2 sigma^2)`, optionally under a robust kernel.

    Args:
        pixels, mean, precision: see :func:`squared_residuals`.
        robust: a name in :data:`fitting.robust.KERNELS`. scale: residual in sigmas where the kernel bends.
    """
    return 0.5 * kernel(robust)(squared_residuals(pixels, mean, precision), scale).sum()


def expression_energy(expression: Tensor) -> Tensor:
    """E_expression, `|psi|^2 / 2` of (F, E): as little expression as explains the data."""
    return 0.5 * (expression * expression).sum()


def bounds_energy(expression: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Half the squared distance of psi (F, E) from [low, high]: the soft wall of an ARKit shape's range."""
    below = (low - expression).clamp(min=0)
    above = (expression - high).clamp(min=0)
    return 0.5 * (below * below + above * above).sum()


def joints_energy(pose: Tensor) -> Tensor:
    """E_joints, half the squared rotation of head and eyes in head motions (F, 15); the root is free."""
    local = pose[:, 3:12]
    return 0.5 * (local * local).sum()


def temporal_energy(points: Tensor, seconds: Tensor) -> Tensor:
    """E_temporal: landmarks remain still between neighbouring frames, in space rather than in the images.

    A random walk: what may move by 1 mm in a frame may move by 2 mm in four, so that the penalty is divided
    by the time between the frames, be it a gap in the numbers or a low frame rate.

    Args:
        points: (F, L, 3) landmarks in metres.
        seconds: (F - 1,) time from each frame to the next.
    """
    step = points[1:] - points[:-1]
    return 0.5 * ((step * step).sum((-1, -2)) / seconds).sum()


def camera_energy(increments: Tensor, sigma: float, together: float = 0.0) -> Tensor:
    """Half the squared increments (C, n) of a camera group in units of their stated uncertainty.

    Args:
        increments: (C, n). sigma: standard deviation of each.
        together: that of what all cameras have in common, besides.
    """
    common = shared_part(len(increments), sigma, together) * increments.sum(0) ** 2
    return 0.5 * ((increments * increments).sum() - common.sum()) / sigma**2


def shared_part(cameras: int, sigma: float, together: float) -> float:
    """k in the inverse `(1 - k 1 1^T) / sigma^2` of the covariance `sigma^2 + together^2 1 1^T`."""
    return together**2 / (sigma**2 + cameras * together**2)


def baseline(translation: Tensor, rotation: Tensor) -> Tensor:
    """Root mean square distance in metres of the cameras from their middle.

    Args:
        translation: (C, 3). rotation: (C, 3, 3); both world to camera.
    """
    # centre[c] = -R[c].T @ t[c]
    centres = -(rotation.transpose(-1, -2) @ translation.unsqueeze(-1)).squeeze(-1)
    apart = centres - centres.mean(0)
    return (apart * apart).sum(-1).mean().sqrt()


def scale_energy(measured: Tensor, given: Tensor, tolerance: float) -> Tensor:
    """Holds the rig's size: half the squared relative change of its :func:`baseline`, in tolerances."""
    return 0.5 * ((measured / given - 1) / tolerance) ** 2
