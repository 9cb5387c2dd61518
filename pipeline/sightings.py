"""From the landmark files of the cameras to the observations that a fit wants."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError, NoFaceError
from detector.layouts import LAYOUTS, Layout, layout
from fitting.cameras.modes import CameraPlan
from fitting.frame_choice import few_landmarks
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.surface import SurfacePoints
from pipeline.camera_knowledge import camera_plan, given_rig
from pipeline.frames.ranges import format_frames
from pipeline.shoot.shoot import Shoot
from pipeline.stores.landmarks import FrameStatus, Landmarks, read_landmarks

log = logging.getLogger(__name__)

_QUERY_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Sightings:
    """What the cameras of a shoot saw.

    Attributes:
        observations: the landmarks of the frames to fit.
        rig: the cameras as far as they are known, in the order of the observations.
        plan: what the fit is to take for known of them.
        layout: name of the landmark layout.
    """

    observations: Observations
    rig: Rig
    plan: CameraPlan
    layout: str


@dataclass(frozen=True)
class Excerpt:
    """A part of what the cameras of a shoot saw.

    Attributes:
        numbers: of the frames, ascending; all, if it is None.
        few_landmarks: whether some landmarks are enough, to tell frames apart by.
    """

    numbers: tuple[int, ...] | None = None
    few_landmarks: bool = False


WHOLE = Excerpt()


def read_sightings(
    shoot: Shoot, model: HeadModel, *, to_fit: bool = True, excerpt: Excerpt = WHOLE
) -> Sightings:
    """Read the cameras and landmarks of a shoot.

    In a rig of two or more cameras, a frame of which only one camera has an image is left out. A frame that
    several cameras have but few see a face in is kept: the fit knows how to lean on its neighbours.

    Args:
        shoot: whose cameras are calibrated and whose landmarks are found.
        model: the head model that the layout lies on.
        to_fit: refuse landmarks that the model cannot be fitted to; otherwise they have unknown points.
        excerpt: the part that is wanted. Of some frames, those that nobody saw are no error, and cameras that
            see nothing in them are kept.

    Raises:
        InputError: the calibration or a landmark file is missing, or they do not belong together.
        UsageError: the landmarks lie inside the head.
        NoFaceError: no camera saw a face in any frame.
    """
    rig = given_rig(shoot, {name: source.size for name, source in shoot.sources.items()})
    files = [shoot.landmark_file(name) for name in shoot.camera_names if name in rig.names]
    stored = [_excerpt(read_landmarks(file, excerpt.numbers), excerpt) for file in files]
    _check_alike(stored)
    for name in sorted(set(shoot.camera_names) - set(rig.names)):
        log.warning("Camera %s is not calibrated; it is left out of the fit", name)
    plan = camera_plan(shoot, rig)
    everything = excerpt.numbers is None
    if plan.finds_places and everything:
        stored = _placeable(stored)
    names = [each.header.camera for each in stored]
    frames = stored[0].header.frames
    kept = _enough_images(stored)
    if everything and not kept.any():
        raise InputError("No frame was seen by two cameras", where=shoot.name)
    name = stored[0].header.layout
    chosen = layout(name if name in LAYOUTS else shoot.fit_layout, model)
    if not _same_queries(stored[0], chosen.queries.numpy()):
        raise InputError(
            "The landmarks were made for another head model or another layout",
            where=str(shoot.landmarks_folder),
            fix="Run: vultus detect --force",
        )
    seen = np.stack([each.seen for each in stored], axis=1)
    if everything and not seen[kept].any():
        raise NoFaceError("No camera saw a face in any frame", where=shoot.name)
    points = _points(chosen, to_fit)
    points = points.subset(few_landmarks(len(points))) if excerpt.few_landmarks else points
    # landmarks that a head model of others has no point for
    known = np.isfinite(points.weights).all(axis=1) | (chosen.surface is None)
    wanted = np.ix_(kept, known)
    observations = Observations(
        frames=frames[kept],
        mean=np.stack([each.rows.mean[wanted] for each in stored], axis=1),
        sigma=np.stack([each.rows.sigma[wanted] for each in stored], axis=1),
        seen=seen[kept],
        points=points.subset(known),
        fps=shoot.settings.shoot.fps,
    )
    return Sightings(observations, rig.select(names), plan, chosen.name)


def _excerpt(stored: Landmarks, excerpt: Excerpt) -> Landmarks:
    """Some of the landmarks, without what holds the memory of the others."""
    if not excerpt.few_landmarks:
        return stored
    few, rows = few_landmarks(stored.rows.mean.shape[1]), stored.rows
    return replace(stored, rows=replace(rows, mean=rows.mean[:, few], sigma=rows.sigma[:, few]))


def _placeable(stored: Sequence[Landmarks]) -> list[Landmarks]:
    """The cameras that see a face in some frame: of the others nothing can be found."""
    sees = [each for each in stored if each.seen.any()]
    if not sees:
        raise NoFaceError("No camera saw a face in any frame")
    for each in stored:
        if not each.seen.any():
            name = each.header.camera
            log.warning("Camera %s sees no face in any frame and cannot be placed; it is left out", name)
    return sees


def _points(chosen: Layout, to_fit: bool) -> SurfacePoints:
    if to_fit or chosen.surface is not None:
        return chosen.points
    return SurfacePoints.unknown(len(chosen))


def to_be_fitted(shoot: Shoot, sightings: Sightings, model: HeadModel) -> Sightings:
    """The landmarks of the file's layout, where all vertices were detected for a personal shape."""
    if not shoot.settings.fit.personal_shape or sightings.layout != "vertices":
        return sightings
    wanted = layout(shoot.fit_layout, model)
    observations = sightings.observations.between_vertices(wanted.points)
    return replace(sightings, observations=observations, layout=wanted.name)


def warn_left_out(left_out: Sequence[int]) -> None:
    """Tell of frames that are left out of the fit."""
    if left_out:
        log.warning(
            "Left out of the fit, because only one camera has an image: %s %s",
            "frame" if len(left_out) == 1 else "frames",
            format_frames(left_out),
        )


def _check_alike(stored: Sequence[Landmarks]) -> None:
    if not stored:
        raise InputError("Not one camera of the shoot is calibrated", fix="Run: vultus calibrate")
    first = stored[0].header
    for other in (each.header for each in stored[1:]):
        if other.layout != first.layout or not np.array_equal(other.frames, first.frames):
            raise InputError(
                f"The landmarks of cameras {first.camera} and {other.camera} differ in layout or frames",
                fix="Run: vultus detect",
            )


def _enough_images(stored: Sequence[Landmarks]) -> NDArray[np.bool_]:
    """(F,) the frames that two cameras have an image of, or one where there is only one camera."""
    usable = (FrameStatus.OK, FrameStatus.NO_FACE)
    images = np.stack([np.isin(each.rows.status, usable) for each in stored], axis=1)
    return np.asarray(images.sum(axis=1) >= min(2, len(stored)))


def _same_queries(stored: Landmarks, queries: NDArray[np.floating]) -> bool:
    return stored.header.queries.shape == queries.shape and bool(
        np.allclose(stored.header.queries, queries, atol=_QUERY_TOLERANCE)
    )
