"""A rehearsal: a performance whose truth is known, as the cameras of a studio would see its landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.performance import Performance
from fitting.posed import posed_vertices
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]
Noise = Callable[[Observations, np.random.Generator], Observations]

_FPS = 24.0
_SIZE = (1280, 1024)
_FOCAL = 2000.0
_DISTANCE = 1.2
_ARC = np.radians(120.0)
_RISE = 0.15
_ACTIVE, _STRENGTH = 14, 0.7
_NO_NOISE = 0.05


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """F frames, V vertices.

    Attributes:
        observations: exact landmarks. rig: the cameras that see them.
        identity: (B,) beta. expression: (F, E) psi. pose: (F, 15) theta.
        vertices: (F, V, 3) metres, the head in the world.
    """

    observations: Observations
    rig: Rig
    identity: Array
    expression: Array
    pose: Array
    vertices: Array

    def seen(self, noise: Noise, seed: int = 0) -> Observations:
        """The landmarks with errors, the same ones each time."""
        return noise(self.observations, np.random.default_rng(seed))

    def vertex_errors(self, model: HeadModel, performance: Performance, vertices: NDArray[np.int64]) -> Array:
        """(F, N) metres between true and fitted vertices, in the world and unaligned."""
        fitted = [posed_vertices(model, performance, frame) for frame in range(len(self.vertices))]
        return np.asarray(np.linalg.norm(np.stack(fitted)[:, vertices] - self.vertices[:, vertices], axis=-1))


def studio(count: int) -> Rig:
    """Cameras 1.2 m before the head, on an arc of 120 degrees at three heights; one pixel is 0.6 mm."""
    cameras = []
    angles = np.linspace(-_ARC / 2, _ARC / 2, count) if count > 1 else np.zeros(1)
    for index, angle in enumerate(angles):
        height = _RISE * (index % 3 - 1) if count > 1 else 0.0
        centre = _DISTANCE * np.array([np.sin(angle), height, np.cos(angle)])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        R = np.stack((right, np.cross(forward, right), forward))
        K = np.array([[_FOCAL, 0, (_SIZE[0] - 1) / 2], [0, _FOCAL, (_SIZE[1] - 1) / 2], [0, 0, 1]])
        cameras.append(Camera(f"cam{index:02d}", *_SIZE, K, np.zeros(5), R, -R @ centre))
    return Rig(tuple(cameras), "rehearsal")


def rehearse(model: HeadModel, points: SurfacePoints, rig: Rig, frames: int, seed: int = 0) -> Rehearsal:
    """A person of the head model's own, who speaks and turns before the cameras.

    Args:
        model: the head model. points: the landmarks. rig: the cameras.
        frames: how many, at 24 a second. seed: of person and performance.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / _FPS
    identity = rng.normal(size=model.identity_size)
    expression = np.zeros((frames, model.expression_size))
    for shape in rng.permutation(model.expression_size)[:_ACTIVE]:
        wave = np.sin(rng.uniform(4, 9) * time + rng.uniform(0, 6))
        expression[:, shape] = _STRENGTH * rng.random() * np.clip(wave, 0, 1)
    pose = np.zeros((frames, model.pose_size))
    swing = [np.sin(rng.uniform(2, 4) * time + rng.uniform(0, 6)) for _ in range(9)]
    pose[:, :3] = np.stack([0.15 * swing[0], 0.3 * swing[1], 0.08 * swing[2]], axis=1)
    pose[:, 3:6] = 0.06 * np.stack(swing[3:6], axis=1)
    pose[:, 6:9] = pose[:, 9:12] = np.stack([0.1 * swing[6], 0.2 * swing[7], 0 * time], axis=1)
    pose[:, 12:] = 0.02 * np.stack([swing[8], swing[0], swing[4]], axis=1)
    with torch.no_grad():
        rows = (torch.as_tensor(each).to(model.mean) for each in (identity, expression, pose))
        vertices = model(*rows).cpu().numpy().astype(np.float64)
    return Rehearsal(observe(points, vertices, rig), rig, identity, expression, pose, vertices)


def observe(points: SurfacePoints, vertices: Array, rig: Rig) -> Observations:
    """Exact landmarks of posed vertices (F, V, 3) in all cameras, with a sigma of 0.05 px."""
    placed = points.evaluate(vertices)
    return exact_observations(points, np.asarray(placed, dtype=np.float64), rig)


def exact_observations(points: SurfacePoints, placed: Array, rig: Rig) -> Observations:
    """Exact landmarks from where they are in space (F, L, 3)."""
    pixels = np.stack([camera.project(placed) for camera in rig], axis=1)
    return Observations(
        np.arange(1001, 1001 + len(placed)),
        pixels,
        np.full(pixels.shape[:3], _NO_NOISE),
        np.ones(pixels.shape[:2], dtype=bool),
        points,
        _FPS,
    )


def even_noise(sigma: float) -> Noise:
    """Independent errors of as many pixels, which their sigmas state."""

    def apply(seen: Observations, rng: np.random.Generator) -> Observations:
        mean = seen.mean + sigma * rng.normal(size=seen.mean.shape)
        return replace(seen, mean=mean, sigma=np.full(seen.shape, max(sigma, _NO_NOISE)))

    return apply


def mixed_noise(least: float, most: float, *, stated: bool = True) -> Noise:
    """Errors between so many pixels, log-uniformly: some landmarks are sure and others are not.

    Args:
        least, most: pixels.
        stated: whether the sigmas say which; otherwise all state the root mean square.
    """

    def apply(seen: Observations, rng: np.random.Generator) -> Observations:
        sigma = np.exp(rng.uniform(np.log(least), np.log(most), seen.shape))
        mean = seen.mean + sigma[..., None] * rng.normal(size=seen.mean.shape)
        even = np.full(seen.shape, np.sqrt(np.mean(sigma**2)))
        return replace(seen, mean=mean, sigma=sigma if stated else even)

    return apply


def gross_outliers(sigma: float, share: float, pixels: float) -> Noise:
    """:func:`even_noise`, and a share of the landmarks anywhere within so many pixels of where they are."""

    def apply(seen: Observations, rng: np.random.Generator) -> Observations:
        noisy = even_noise(sigma)(seen, rng)
        wild = rng.random(seen.shape) < share
        mean = noisy.mean + wild[..., None] * rng.uniform(-pixels, pixels, noisy.mean.shape)
        return replace(noisy, mean=mean)

    return apply
