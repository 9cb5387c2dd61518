"""A shoot with ground truth as labelled faces: the true surface's 68 landmarks, seen by each camera."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from detector.evaluation.labelled_faces import LabelledFace, box_size, eye_distance, labelled_region
from detector.layouts import Layout
from pipeline.frames.sources import FrameSource
from pipeline.shoot.shoot import Shoot
from pipeline.truth import Truth


def faces_of_shoot(shoot: Shoot, truth: Truth, rig: Rig, sparse: Layout) -> list[LabelledFace]:
    """Every image of the shoot whose frame and camera the truth knows.

    All 68 are labelled, also those that the head hides: they are points of the surface, as ours are. The
    true surface is of another topology than the head model, so that denser layouts have no counterpart.

    Args:
        shoot: the images.
        truth: with landmarks.
        rig: cameras of the truth's world.
        sparse: the layout "ibug68".

    Raises:
        InputError: the truth has no landmarks, or no image is known to it.
    """
    if truth.landmarks is None:
        raise InputError("the ground truth names no landmarks (landmarks68)", where=shoot.name)
    faces = []
    for name, source in shoot.sources.items():
        if name not in rig.names:
            continue
        for frame, points in zip(truth.frames.tolist(), truth.landmarks, strict=True):
            if frame in shoot.frames and frame in source.frames:
                faces.append(_face(f"{name}.{frame}", source, frame, rig[name], points, sparse))
    if not faces:
        raise InputError(
            "the shoot and the ground truth have no camera and frame in common", where=shoot.name
        )
    return faces


def _face(
    name: str, source: FrameSource, frame: int, camera: Camera, points: NDArray[np.float64], sparse: Layout
) -> LabelledFace:
    pixels = camera.project(points)
    labelled = np.asarray(np.isfinite(pixels).all(axis=1))
    return LabelledFace(
        name=name,
        read=partial(source.read, frame),
        points=pixels,
        labelled=labelled,
        eyes=eye_distance(pixels),
        box=box_size(pixels),
        region=labelled_region(pixels, labelled, sparse),
    )
