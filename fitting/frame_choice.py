"""Some frames of a long take that tell as much of the head as all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitting.observations import Observations

Array = NDArray[np.float64]

_LANDMARKS, _COMPONENTS = 24, 12
_USUAL = 98.0
"""Percent: frames that look less like the others than so many may be a detector's errors."""
_LEAST_OF_CAMERA = 10


def telling_frames(observations: Observations, count: int) -> NDArray[np.int64]:
    """Positions of frames from which identity and cameras are found; the same ones each time.

    Half of them are spread evenly. The others are those least like any that are chosen, in how the landmarks
    lie to each other in the images: other expressions, and other poses of the head. Cameras that see the head
    in hardly any of these get some more frames of theirs. Frames of one camera alone are left out where there
    are enough others.

    Args:
        observations: F frames; a few landmarks of each are enough (:func:`few_landmarks`).
        count: how many; all that show a face, if there are not more.
    """
    views = observations.views
    seen = np.flatnonzero(views >= min(2, observations.shape[1]))
    seen = seen if len(seen) >= count else np.flatnonzero(views > 0)
    if len(seen) <= count:
        return seen
    looks = _looks(observations.select_frames(seen))
    far = np.linalg.norm(looks, axis=1)
    usual = far <= np.percentile(far, _USUAL)
    chosen = np.unique(np.linspace(0, len(seen) - 1, (count + 1) // 2).round().astype(np.int64))
    nearest = np.min([_apart(looks, looks[each]) for each in chosen], axis=0)
    others = []
    for _ in range(count - len(chosen)):
        others.append(int(np.argmax(np.where(usual, nearest, -1.0))))
        nearest = np.minimum(nearest, _apart(looks, looks[others[-1]]))
    return _with_all_cameras(observations, seen[np.unique([*chosen, *others])])


def few_landmarks(count: int) -> NDArray[np.int64]:
    """Positions of the landmarks, of so many, that frames are told apart by."""
    return np.arange(0, count, max(1, count // _LANDMARKS))


def _looks(observations: Observations) -> Array:
    """(F, n) how landmarks lie to each other in each frame, in the directions in which frames differ most."""
    used = observations.used[..., None]
    number = np.maximum(used.sum(2, keepdims=True), 1)
    mean = np.where(used, observations.mean, 0.0).astype(np.float64)
    shape = np.where(used, mean - mean.sum(2, keepdims=True) / number, 0.0)
    size = np.sqrt((shape * shape).sum((2, 3), keepdims=True) / number)
    shape = shape / np.where(size > 0, size, 1.0)
    usual = shape.sum(0) / np.maximum(used.sum(0), 1)
    rows = np.where(used, shape - usual, 0.0).reshape(len(shape), -1)
    _, directions = np.linalg.eigh(rows.T @ rows)
    return np.asarray(rows @ directions[:, -_COMPONENTS:])


def _apart(looks: Array, one: Array) -> Array:
    return np.asarray(np.square(looks - one).sum(1))


def _with_all_cameras(observations: Observations, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    sees = observations.seeing
    more = [chosen]
    for camera in range(sees.shape[1]):
        own = np.flatnonzero(sees[:, camera])
        if sees[chosen, camera].sum() < min(_LEAST_OF_CAMERA, len(own)):
            more.append(
                own[np.linspace(0, len(own) - 1, min(_LEAST_OF_CAMERA, len(own))).round().astype(int)]
            )
    return np.unique(np.concatenate(more))
