"""Takes too long for one fit: identity from some frames, then stretches of frames each for itself.

What all frames share (identity, cameras, personal shape) is known as well as it can be after some hundred
frames: what the detector gets wrong alike in all of them does not average away. With that held, frames are
tied to nothing but their neighbours in time, so that a stretch with a few frames more at both ends comes out
as it would in a fit of the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import NoFaceError
from fitting.fit import FitStart, fit_known
from fitting.head_model import HeadModel
from fitting.head_motion import head_motion
from fitting.initialise import fill_between
from fitting.observations import Observations, softened
from fitting.options import FitOptions
from fitting.parameters import CAMERA_GROUPS
from fitting.performance import FrameStatus, Performance, frame_status
from fitting.quality import PLACES
from fitting.reliability import Reliability
from fitting.solvers.choice import Progress
from fitting.uncertainty import Uncertainty

Array = NDArray[np.float64]

OVERLAP = 24
"""Frames that a stretch is fitted with at both ends and that are not its own: a second of most takes."""

_OF_FRAMES = ("frames", "expression", "pose", "residual_px", "status")
_UNSURE_OF_FRAMES = ("expression", "motion", "surface")
_FRAME_TERMS = ("landmarks", "expression", "bounds", "joints", "temporal", "intersect")


@dataclass(frozen=True)
class Stretch:
    """Positions in a take: its own frames are `start` to `end`, and it is fitted from `before` to `after`."""

    start: int
    end: int
    before: int
    after: int

    def __len__(self) -> int:
        return self.end - self.start


def stretches(frames: int, length: int) -> tuple[Stretch, ...]:
    """The stretches of a take of so many frames; none if it is no longer than `length`, or that is 0."""
    if not length or frames <= length:
        return ()
    count = -(-frames // length)
    edges = [round(frames * each / count) for each in range(count + 1)]
    return tuple(
        Stretch(start, end, max(0, start - OVERLAP), min(frames, end + OVERLAP))
        for start, end in pairwise(edges)
    )


def fit_stretch(
    model: HeadModel,
    observations: Observations,
    own: NDArray[np.bool_],
    shared: Performance,
    options: FitOptions,
    progress: Progress | None = None,
) -> Performance:
    """Expression and pose of a stretch of frames, with what all frames share held.

    Args:
        model: of the actor, the personal shape included.
        observations: of the stretch and its overlap, of the cameras in `shared.rig`.
        own: (F,) the frames of the stretch itself; what comes of the others is thrown away.
        shared: the fit of some frames of the take that found identity and cameras.
        options: of the whole fit; progress: as :func:`fitting.fit.fit_performance` takes it.

    Returns:
        the performance of the own frames, its energies theirs alone. Frames that cannot be placed have the
        status interpolated, and :func:`joined` fills them.

    Raises:
        SolverError: as the fit does.
    """
    covariance = None if shared.uncertainty is None else shared.uncertainty.identity_covariance
    start = FitStart(identity=shared.identity, identity_covariance=covariance)
    held = replace(options, frozen=options.frozen | {"identity", *CAMERA_GROUPS}, gauge="camera", moving=None)
    seen = replace(observations, seen=observations.seen & fitted_cameras(shared))
    try:
        found, energies = fit_known(model, seen, shared.rig, held, own, progress, start)
    except NoFaceError:
        found, energies = _nothing(model, seen, shared), dict[str, float]()
    own_terms = {name: value for name, value in energies.items() if name in _FRAME_TERMS}
    return replace(_own_rows(found, own), energies=own_terms, personal_shape=None)


def fitted_cameras(performance: Performance) -> NDArray[np.bool_]:
    """(C,) the cameras that a fit believed: it leaves out those that contradict the others."""
    return np.asarray(np.isfinite(performance.residual_px).any((0, 2)))


def joined(
    shared: Performance,
    parts: Sequence[Performance],
    sigmas: NDArray[np.floating],
    options: FitOptions,
    places: Array,
) -> Performance:
    """The stretches of a take as one performance, as a fit of the whole would give it.

    Args:
        shared: what was fitted to find what all frames share.
        parts: the stretches, in their order.
        sigmas: (F, C, L) residuals in the sigmas of the fit, NaN where not seen (:func:`sigma_residuals`).
        options: of the fit.
        places: (F, P, 3) metres, some points of the head in the world (:func:`some_places`).

    Returns:
        the performance. Its uncertainty takes what is unsure about the identity from the frames that it was
        found in; the frames' own leaves out what is unsure about cameras that were found.
    """
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _OF_FRAMES
    }
    known = rows["status"] != FrameStatus.INTERPOLATED
    uncertainty = _joined_uncertainty(shared, parts)
    surface = np.full(len(known), np.nan) if uncertainty is None else uncertainty.surface
    spread = np.where(known[:, None, None], places, np.nan)
    iterations = Counter(shared.iterations)
    for part in parts:
        iterations.update(part.iterations)
    return replace(
        shared,
        **rows,
        energies=_energies(shared, parts, rows["residual_px"], options),
        converged=shared.converged and all(part.converged for part in parts),
        iterations=dict(iterations),
        uncertainty=uncertainty,
        reliability=Reliability.judge(rows["residual_px"], sigmas, surface, spread, rows["frames"]),
    )


def filled(parts: Sequence[Performance]) -> list[Performance]:
    """The stretches with the frames that no camera saw interpolated between their neighbours in the take.

    Raises:
        NoFaceError: no frame of any stretch was fitted.
    """
    frames, expression, pose, status = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("frames", "expression", "pose", "status")
    )
    known = status != FrameStatus.INTERPOLATED
    if not known.any():
        raise NoFaceError("no camera sees a face in any frame", fix="Look at the detected landmarks")
    expression, pose = fill_between(expression, pose, known, frames)
    edges = np.cumsum([len(part.frames) for part in parts])[:-1]
    rows = zip(parts, np.split(expression, edges), np.split(pose, edges), strict=True)
    return [replace(part, expression=own, pose=moved) for part, own, moved in rows]


@torch.no_grad()
def some_places(model: HeadModel, observations: Observations, part: Performance) -> Array:
    """(F, P, 3) metres, some of the landmarks of a stretch in space."""
    head = model.restrict(observations.points.subset(_thin(len(observations.points))))
    like = head.weights
    rows = (torch.as_tensor(each).to(like) for each in (part.identity, part.expression, part.pose))
    return np.asarray(head(*rows).cpu().numpy(), dtype=np.float64)


@torch.no_grad()
def sigma_residuals(
    model: HeadModel, observations: Observations, part: Performance, options: FitOptions
) -> NDArray[np.float32]:
    """(F, C, L) the residuals of a stretch in the sigmas of the fit, NaN where not seen."""
    joints = model.restrict(observations.points).vertices.joints(
        torch.as_tensor(part.identity).to(model.mean)
    )
    origin = head_motion(torch.as_tensor(part.pose).to(joints), joints)[:, 12:].cpu().numpy()
    depths = np.stack([camera.to_camera(origin)[:, 2] for camera in part.rig], axis=1)
    sigma = softened(observations, part.rig, depths, options.sigma_floor, options.landmark_spread)
    return np.asarray(part.residual_px / sigma, dtype=np.float32)


def _thin(landmarks: int) -> NDArray[np.int64]:
    return np.arange(0, landmarks, max(1, landmarks // PLACES))


def _own_rows(found: Performance, own: NDArray[np.bool_]) -> Performance:
    rows: dict[str, Any] = {name: getattr(found, name)[own] for name in _OF_FRAMES}
    unsure = found.uncertainty
    if unsure is not None:
        unsure = replace(unsure, **{name: getattr(unsure, name)[own] for name in _UNSURE_OF_FRAMES})
    return replace(found, uncertainty=unsure, reliability=None, **rows)


def _nothing(model: HeadModel, seen: Observations, shared: Performance) -> Performance:
    """A stretch in which no frame can be placed."""
    count = len(seen.frames)
    return replace(
        shared,
        frames=seen.frames,
        expression=np.zeros((count, model.expression_size)),
        pose=np.zeros((count, model.pose_size)),
        residual_px=np.full(seen.shape, np.nan, dtype=np.float32),
        status=frame_status(np.zeros(count, dtype=np.int64)),
        converged=True,
        iterations={},
        uncertainty=_unknown(shared.uncertainty, count),
    )


def _unknown(unsure: Uncertainty | None, count: int) -> Uncertainty | None:
    if unsure is None:
        return None
    blank = {name: np.full((count, *getattr(unsure, name).shape[1:]), np.nan) for name in _UNSURE_OF_FRAMES}
    return replace(unsure, **blank)


def _joined_uncertainty(shared: Performance, parts: Sequence[Performance]) -> Uncertainty | None:
    known = [part.uncertainty for part in parts]
    if shared.uncertainty is None or any(each is None for each in known):
        return None
    rows = {name: np.concatenate([getattr(each, name) for each in known]) for name in _UNSURE_OF_FRAMES}
    return replace(shared.uncertainty, **rows)


def _energies(
    shared: Performance,
    parts: Sequence[Performance],
    residual_px: NDArray[np.floating],
    options: FitOptions,
) -> dict[str, float]:
    """The terms of the frames added up, and those of what they share as a fit of all frames weighs them."""
    names = [name for name in shared.energies if name != "total"]
    sums = {name: sum(part.energies.get(name, 0.0) for part in parts) for name in names}
    for name in set(names) - set(_FRAME_TERMS):
        sums[name] = shared.energies[name]
    more = _repeats(residual_px, options) / _repeats(shared.residual_px, options)
    sums["identity"] = more * shared.energies["identity"]
    return sums | {"total": sum(sums.values())}


def _repeats(residual_px: NDArray[np.floating], options: FitOptions) -> float:
    """By how much E_identity weighs more; see :attr:`fitting.options.FitOptions.systematic`."""
    views = float(np.count_nonzero(np.isfinite(residual_px))) / residual_px.shape[2]
    return float(1 + options.systematic * views)
