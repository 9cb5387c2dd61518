"""Errors of faces as the literature reports them: NME, failures, area under the curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FAILURE = 10.0
"""A face whose mean error exceeds this many percent counts as failed."""


@dataclass(frozen=True)
class ErrorSummary:
    """Mean errors of faces, in percent of a length of the face.

    Attributes:
        mean, median: NME, over the faces that were found.
        fr10: percent of all faces whose error exceeds 10; those not found count as failures.
        auc10: area under the cumulative error curve from 0 to 10, in percent of the most possible. The curve
            is a staircase and is integrated exactly: the mean of max(0, 1 - error / 10), with 0 for faces
            that were not found.
    """

    mean: float
    median: float
    fr10: float
    auc10: float


def summarise(errors: Floats) -> ErrorSummary:
    """The figures of mean errors (N,) in percent, NaN where no face was found."""
    found = errors[np.isfinite(errors)]
    if not len(found):
        return ErrorSummary(float("nan"), float("nan"), 100.0, 0.0)
    area = np.clip(1 - found / FAILURE, 0, None).sum() / len(errors)
    failed = len(errors) - int((found <= FAILURE).sum())
    return ErrorSummary(
        mean=float(found.mean()),
        median=float(np.median(found)),
        fr10=100.0 * failed / len(errors),
        auc10=100.0 * float(area),
    )


def cumulative_curve(errors: Floats, at: Sequence[float] | Floats) -> Floats:
    """Percent of all faces (N,) whose error does not exceed each value; those not found (NaN) never count."""
    found = np.sort(errors[np.isfinite(errors)])
    return np.asarray(100.0 * np.searchsorted(found, at, side="right") / len(errors))


def face_means(values: Floats) -> Floats:
    """Mean over the landmarks (N, L) of each face; NaN where all are."""
    known = np.isfinite(values)
    sums, counts = np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
