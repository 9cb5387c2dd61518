"""Cameras found from the head that they see: where a fit with unknown cameras starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import NoFaceError
from fitting.cameras.focal_search import search_focals
from fitting.cameras.graph import Link, Sights, all_links, chain, check_mirrored
from fitting.cameras.perspective import MIN_LANDMARKS, Views, pose_heads
from fitting.observations import Observations

Array = NDArray[np.float64]

_FRAMES = 60
_LANDMARKS = 160
_GUESSED_FOCAL = 1.5


@dataclass(frozen=True, eq=False)
class CameraStart:
    """Cameras to begin with.

    Attributes:
        rig: the cameras that could be placed, the first one as it will be held. The world is that of the
            head: its origin at the head's mean place, Y up and Z out of the face.
        kept: their positions among the cameras that were asked for.
        depth: metres, the median distance of the head from the cameras.
        turning: radians, how far the head turns: the largest angle from its mean rotation.
        notes: what a person should know, a sentence each.
    """

    rig: Rig
    kept: NDArray[np.int64]
    depth: float
    turning: float
    notes: tuple[str, ...]


def unknown_camera(name: str, size: tuple[int, int]) -> Camera:
    """A camera of which only the image size (width, height) is known: centred, without distortion."""
    width, height = size
    focal = _GUESSED_FOCAL * float(np.hypot(width, height))
    K = np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])
    return Camera(name, width, height, K)


def find_cameras(
    observations: Observations, cameras: Sequence[Camera], head: Array, *, lenses_known: bool
) -> CameraStart:
    """Find the cameras from the head: its pose in each image, then how the cameras stand to each other.

    Args:
        observations: F frames, C cameras, L landmarks.
        cameras: the C cameras; their poses are not read, and their focal lengths only where they are known.
        head: (L, 3) landmarks of the mean head in metres, canonical. The rig's scale is that of this head.
        lenses_known: whether the focal lengths of the cameras are known.

    Raises:
        NoFaceError: if no camera sees a head that can be placed.
        CalibrationError: if cameras have no frames in common, or one has mirrored images; they are named.
    """
    placeable = observations.used.sum(-1) >= MIN_LANDMARKS
    kept = np.flatnonzero(placeable.any(0))
    if not len(kept):
        raise NoFaceError(
            f"no frame has {MIN_LANDMARKS} landmarks in any camera", fix="Look at the detected landmarks"
        )
    blind = [each.name for index, each in enumerate(cameras) if index not in kept]
    notes = [
        f"Camera {name}: it sees no face in any frame and cannot be placed; it is left out" for name in blind
    ]
    frames = _spread_frames(placeable[:, kept])
    points = _spread(len(head), _LANDMARKS)
    seen = observations.select_cameras(kept).select_frames(frames)
    seen = replace(
        seen, mean=seen.mean[:, :, points], sigma=seen.sigma[:, :, points], points=seen.points.subset(points)
    )
    chosen = [cameras[int(index)] for index in kept]
    if not lenses_known:
        chosen = _with_focals(seen, chosen, head[points])
    sights = _sights(seen, chosen, head[points])
    return _placed(sights, chosen, kept, notes)


def _with_focals(seen: Observations, cameras: Sequence[Camera], head: Array) -> list[Camera]:
    views = [_views(seen, index, each, focal=1.0) for index, each in enumerate(cameras)]
    diagonals = np.array([np.hypot(*each.size) for each in cameras])
    focals = search_focals(views, diagonals, head)
    return [_with_focal(each, focal) for each, focal in zip(cameras, focals, strict=True)]


def _with_focal(camera: Camera, focal: float) -> Camera:
    K = camera.K.copy()
    K[[0, 1], [0, 1]] = focal
    return replace(camera, K=K)


def _views(seen: Observations, index: int, camera: Camera, focal: float | None = None) -> Views:
    """What one camera saw, in pixels from its centre where the focal length is 1, else normalised."""
    used = seen.used[:, index]
    pixels = np.where(used[..., None], seen.mean[:, index], camera.principal)
    ideal = camera.normalise(pixels)
    scale = float(camera.focal.mean())
    sigma = np.where(used & np.isfinite(ideal).all(-1), seen.sigma[:, index] / scale, np.inf)
    views = Views(np.nan_to_num(ideal), sigma)
    return views if focal is None else views.scaled(scale / focal)


def _sights(seen: Observations, cameras: Sequence[Camera], head: Array) -> Sights:
    """The head in each frame and camera."""
    poses = [pose_heads(_views(seen, index, each), head) for index, each in enumerate(cameras)]
    return Sights(
        np.stack([each.rotation for each in poses], axis=1),
        np.stack([each.translation for each in poses], axis=1),
        np.stack([each.known for each in poses], axis=1),
    )


def _placed(
    sights: Sights, cameras: Sequence[Camera], kept: NDArray[np.int64], notes: Sequence[str]
) -> CameraStart:
    names = [each.name for each in cameras]
    links = all_links(sights)
    check_mirrored(links, names)
    placed = chain(links, len(cameras), 0, names)
    rotation, translation, turning = _mean_head(sights, placed)
    rig = Rig(
        tuple(
            replace(each, R=link.rotation @ rotation, t=link.rotation @ translation + link.translation)
            for each, link in zip(cameras, placed, strict=True)
        )
    )
    depth = float(np.median(sights.translation[sights.known][:, 2]))
    return CameraStart(rig, kept, depth, turning, tuple(notes))


def _mean_head(sights: Sights, placed: Sequence[Link]) -> tuple[Array, Array, float]:
    """The head's mean pose (3, 3) and (3,) in the root camera, and how far it turns from it."""
    rotations, shifts = [], []
    for index, link in enumerate(placed):
        known = sights.known[:, index]
        rotations.append(link.rotation.T @ sights.rotation[known, index])
        shifts.append((sights.translation[known, index] - link.translation) @ link.rotation)
    each = Rotation.from_matrix(np.concatenate(rotations))
    mean = each.mean()
    first = Rotation.from_matrix(rotations[0]) if len(rotations[0]) else each
    apart = (first * first.mean().inv()).magnitude()
    return mean.as_matrix(), np.median(np.concatenate(shifts), axis=0), float(apart.max())


def _spread_frames(placeable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Up to :data:`_FRAMES` positions of (F, C), first those that link cameras which few others link."""
    if len(placeable) <= _FRAMES:
        return np.arange(len(placeable))
    chosen: list[int] = []
    order = _interleaved(len(placeable))
    views = placeable[order].astype(np.float64)
    counts = np.zeros((placeable.shape[1],) * 2)
    left = np.ones(len(order), dtype=bool)
    while len(chosen) < _FRAMES:
        gain = np.einsum("fc,cd,fd->f", views, 1 / (1 + counts), views)
        best = int(np.argmax(np.where(left, gain, -1.0)))
        left[best] = False
        counts += np.outer(views[best], views[best])
        chosen.append(int(order[best]))
    return np.array(sorted(chosen))


def _interleaved(count: int) -> NDArray[np.int64]:
    """0 to count - 1, so ordered that any first part of it is spread evenly (van der Corput's sequence)."""
    bits = max(1, int(np.ceil(np.log2(count))))
    turned = [int(f"{index:0{bits}b}"[::-1], 2) for index in range(2**bits)]
    return np.array([index for index in turned if index < count])


def _spread(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
