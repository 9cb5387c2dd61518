"""Synthetic performances with a known truth, projected into known cameras."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from fitting.head_model import HeadModel, load_head_model
from fitting.observations import Observations
from fitting.performance import Performance
from fitting.rehearsal import Rehearsal
from fitting.surface import SurfacePoints
from tests.calibration.rigs import arc_rig

Array = NDArray[np.float64]

SHAPES = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "mouthPucker")


@lru_cache
def head() -> HeadModel:
    """The real head model, in float64."""
    return load_head_model(dtype=torch.float64)


@lru_cache
def face_points(count: int = 160) -> SurfacePoints:
    """Vertices spread over the face, and some of either eyeball."""
    model = head()
    face = model.region("face")
    chosen = face[np.linspace(0, len(face) - 1, count).astype(int)]
    eyes = [model.parts[name][::9] for name in ("left_eye", "right_eye")]
    return SurfacePoints.from_vertices(np.concatenate([chosen, *eyes]))


def scene(
    *,
    frames: tuple[int, ...] = (1001, 1002, 1003, 1004),
    cameras: int = 4,
    noise: float = 0.0,
    seed: int = 3,
) -> Rehearsal:
    """A talking, turning head about the origin; landmarks with `noise` pixels of Gaussian error."""
    model, rng = head(), np.random.default_rng(seed)
    rig, points = arc_rig(cameras, degrees=80.0), face_points()
    time = (np.array(frames) - frames[0]) / 24.0
    identity = model.sample_identity(1, rng)[0].numpy()
    expression = np.zeros((len(frames), model.expression_size))
    for name in SHAPES:
        pulse = np.sin(6 * time + rng.uniform(0, 3))
        expression[:, model.expression_names.index(name)] = 0.6 * np.clip(pulse, 0, 1)
    pose = np.zeros((len(frames), 15))
    pose[:, 1] = 0.3 * np.sin(3 * time) + 0.1
    pose[:, 0] = 0.1
    pose[:, 12:] = np.stack([0.02 * time, 0.01 * np.cos(4 * time), 0 * time], axis=1)
    with torch.no_grad():
        rows = (torch.as_tensor(each) for each in (identity, expression, pose))
        vertices = model(*rows).numpy()
    pixels = np.stack([camera.project(points.evaluate(vertices)) for camera in rig], axis=1)
    pixels = pixels + noise * rng.normal(size=pixels.shape)
    observations = Observations(
        np.array(frames),
        pixels,
        np.full(pixels.shape[:3], max(noise, 0.2)),
        np.ones(pixels.shape[:2], dtype=bool),
        points,
    )
    return Rehearsal(observations, rig, identity, expression, pose, vertices)


def vertex_errors(performance: Performance, truth: Rehearsal) -> Array:
    """(F, N) metres between true and fitted vertices of the face, in the world, unaligned."""
    return truth.vertex_errors(head(), performance, head().region("face"))
