"""A small made-up performance on the real head model, and what reads its frames."""

from __future__ import annotations

from functools import cache

import numpy as np

from calibration.camera import Camera, Rig
from fitting.head_model import HeadModel, load_head_model
from fitting.observations import Observations
from fitting.performance import FrameStatus, Performance
from fitting.posed import posed_vertices
from pipeline.frames.images import Image

FRAMES = (1001, 1002, 1003, 1006, 1007)  # 1004 and 1005 are a gap
WIDTH, HEIGHT = 161, 213


@cache
def head_model() -> HeadModel:
    return load_head_model()


def rig() -> Rig:
    """Two cameras before the head, at its left and at its right, with a slightly bent lens."""
    cameras = []
    for name, turn in (("left", 0.4), ("right", -0.3)):
        about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
        K = np.array([[520.0, 0.0, 80.0], [0.0, 520.0, 106.0], [0.0, 0.0, 1.0]])
        lens = np.array([-0.1, 0.02, 0.0, 0.0, 0.0])
        rotation = np.diag([1.0, -1.0, -1.0]) @ about_y
        cameras.append(Camera(name, WIDTH, HEIGHT, K, lens, rotation, np.array([0.0, 0.0, 1.0])))
    return Rig(tuple(cameras))


def performance(seed: int = 3) -> Performance:
    """Five frames with a gap, turning joints, and one frame (1003) that no camera saw."""
    model, rng, count = head_model(), np.random.default_rng(seed), len(FRAMES)
    pose = rng.normal(0.0, 0.15, (count, 15))
    pose[:, 12:] = rng.normal(0.0, 0.01, (count, 3))
    residual = np.abs(rng.normal(0.0, 1.0, (count, 2, 68)))
    residual[2] = np.nan
    status = np.full(count, FrameStatus.FITTED, np.int8)
    status[2] = FrameStatus.INTERPOLATED
    return Performance(
        frames=np.array(FRAMES, np.int64),
        identity=rng.normal(0.0, 0.5, model.identity_size),
        expression=rng.uniform(0.0, 0.6, (count, model.expression_size)),
        pose=pose,
        rig=rig(),
        energies={"total": 1.0},
        residual_px=residual,
        converged=True,
        fps=24.0,
        status=status,
    )


def observations(performed: Performance) -> Observations:
    """The fitted ibug68 landmarks of each frame, with sigmas between half a pixel and three."""
    model, count = head_model(), len(performed.frames)
    points = [model.ibug68.evaluate(posed_vertices(model, performed, k)) for k in range(count)]
    mean = np.stack([[camera.project(p) for camera in performed.rig] for p in points])
    sigma = np.random.default_rng(0).uniform(0.5, 3.0, mean.shape[:3])
    seen = np.asarray(np.isfinite(performed.residual_px).all(axis=-1))
    return Observations(performed.frames, mean, sigma, seen, model.ibug68, performed.fps)


class GreySource:
    """A camera whose every image is one grey; it lacks the frames that it is told to lack."""

    parallel_reads = 1

    def __init__(self, without: tuple[int, ...] = (), size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
        self.frames = tuple(frame for frame in FRAMES if frame not in without)
        self.size = size

    def read(self, frame: int) -> Image:
        return np.full((self.size[1], self.size[0], 3), 90, np.uint8)

    def fingerprint(self) -> list[tuple[str, int, int]]:
        return []
