"""How good a fit is: against a true surface, against the images, and against what heads are like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.closest import Surface
from fitting.head_model import HeadModel
from fitting.performance import Performance
from fitting.surface_alignment import surface_onto_points

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorSummary:
    """Errors over everything that was measured, in the unit in which they were measured.

    Attributes:
        median, mean, p90: of all errors. count: how many there are.
    """

    median: float
    mean: float
    p90: float
    count: int

    @classmethod
    def of(cls, errors: Iterable[NDArray[np.floating]]) -> ErrorSummary:
        """Summarise arrays of errors (one per frame, say) together; NaN marks what was not measured.

        Raises:
            InputError: if there is no error at all.
        """
        together = np.concatenate([np.ravel(each) for each in errors] or [np.zeros(0)])
        known = together[np.isfinite(together)]
        if not known.size:
            raise InputError("there is nothing to measure the fit against")
        return cls(
            float(np.median(known)), float(known.mean()), float(np.quantile(known, 0.9)), int(known.size)
        )


def surface_error(
    truth: Array, vertices: Array, triangles: NDArray[np.int64], *, align: bool = True
) -> Array:
    """Distance from points of the true surface to the fitted surface.

    Args:
        truth: (N, 3) metres, points on the true surface, only where it should be scored.
        vertices: (V, 3) metres, the fitted head. triangles: (T, 3).
        align: whether to bring one onto the other first, rigidly and without scale; they are to overlap
            within a few centimetres, as they do in one calibrated world.

    Returns:
        (N,) metres, exact distances to the closest point of the fitted triangles.

    Raises:
        InputError: if a point or a vertex is no number.
    """
    if not len(truth) or not np.isfinite(truth).all() or not np.isfinite(vertices).all():
        raise InputError("a surface error needs points that are numbers on both sides")
    surface = Surface(vertices, triangles)
    points = np.asarray(truth, dtype=np.float64)
    moved = surface_onto_points(surface, points).undo(points) if align else points
    closest, _ = surface.closest(moved)
    return np.asarray(np.linalg.norm(closest - moved, axis=-1))


def scaled_surface_error(truth: Array, vertices: Array, triangles: NDArray[np.int64]) -> tuple[Array, float]:
    """:func:`surface_error` where the fitted surface may also grow: the shape without its size.

    Returns:
        (N,) metres of the truth, and how large the fitted surface is: 1.1 for a tenth too large.

    Raises:
        InputError: as there.
    """
    surface = Surface(vertices, triangles)
    motion = surface_onto_points(surface, np.asarray(truth, dtype=np.float64), with_scale=True)
    growth = float(motion.scale[0])
    return growth * surface_error(motion.undo(truth), vertices, triangles, align=False), 1 / growth


@torch.no_grad()
def interocular_distance(model: HeadModel, identity: Array) -> float:
    """Metres between the centres of the eyeballs of an identity (B,): 55 to 75 mm in an adult."""
    joints = model.joints(torch.as_tensor(identity).to(model.mean))
    left, right = (model.joint_names.index(name) for name in ("left_eye", "right_eye"))
    return float((joints[left] - joints[right]).norm())


def reprojection_error(performance: Performance) -> ErrorSummary:
    """Pixels between seen and fitted landmarks, over all frames and cameras."""
    return ErrorSummary.of([performance.residual_px])
