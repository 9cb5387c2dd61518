"""A small shoot whose truth is known: a head turns and speaks before three cameras, with exact landmarks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from calibration.formats import read_rig
from detector.layouts import layout
from detector.predictor import Picture, Prediction
from detector.region import with_roll
from fitting.head_model import HeadModel
from pipeline.shoot.shoot import Shoot, read_shoot
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import FrameStatus, LandmarkHeader, LandmarkRows

FRAMES = (1001, 1002, 1003, 1004)
SIZE = (320, 400)
YAWS = {"left": -25.0, "middle": 0.0, "right": 25.0}
SIGMA = 0.5


@dataclass(frozen=True, eq=False)
class SyntheticShoot:
    """The shoot on disk, and what is true of it."""

    shoot: Shoot
    identity: NDArray[np.float64]
    vertices: NDArray[np.float64]


def write_synthetic_shoot(folder: Path, model: HeadModel, *, extra: str = "") -> SyntheticShoot:
    """Write images (grey), cameras, landmarks and truth; ``middle`` alone has a frame 1005."""
    rng = np.random.default_rng(3)
    identity = 0.7 * rng.normal(size=model.identity_size)
    expression = np.zeros((len(FRAMES), model.expression_size))
    expression[:, model.expression_names.index("jawOpen")] = np.linspace(0, 0.6, len(FRAMES))
    pose = np.zeros((len(FRAMES), model.pose_size))
    pose[:, 1] = np.linspace(-0.2, 0.2, len(FRAMES))
    with torch.no_grad():
        head = model(*(torch.as_tensor(x, dtype=torch.float32) for x in (identity, expression, pose)))
    vertices = head.double().numpy()
    (folder / "cameras.json").parent.mkdir(parents=True, exist_ok=True)
    (folder / "cameras.json").write_text(json.dumps({"units": "mm", "cameras": [_camera(n) for n in YAWS]}))
    for name in YAWS:
        _write_images(folder / "images" / name, name)
    file = folder / "shoot.toml"
    tables = "".join(f'[cameras.{name}]\nimages = "images/{name}"\n' for name in YAWS)
    calibration = '[calibration]\nsource = "file"\nfile = "cameras.json"\n'
    file.write_text(f'[shoot]\nname = "turn"\n{tables}{calibration}[detect]\nlayout = "ibug68"\n{extra}')
    truth = folder / "truth.npz"
    eyes = np.full((len(FRAMES), 2, 3), np.nan)
    face = model.region("face")
    np.savez(truth, vertices=vertices * 1000, frames=FRAMES, idx_face=face, eye_centers_world=eyes)
    return SyntheticShoot(read_shoot(file), identity, vertices)


def write_landmarks(shoot: Shoot, model: HeadModel, vertices: NDArray[np.float64]) -> None:
    """Write exact landmarks, as a detection would; in frame 1002 the left camera sees no face."""
    rig = read_rig(shoot.cameras_file)
    chosen = layout(shoot.settings.detect.layout, model)
    points = chosen.points.evaluate(vertices)
    for name in shoot.camera_names:
        frames = np.array(shoot.frames)
        header = LandmarkHeader(name, SIZE, frames, chosen.name, chosen.queries.numpy(), f"exact {name}")
        rows = LandmarkRows.empty(len(frames), len(chosen))
        rows.mean[: len(FRAMES)] = rig[name].project(points)
        rows.sigma[: len(FRAMES)] = SIGMA
        rows.status[: len(FRAMES)] = FrameStatus.OK
        rows.status[len(FRAMES) :] = FrameStatus.MISSING
        if name == "middle":
            rows.mean[-1], rows.sigma[-1], rows.status[-1] = rows.mean[-2], SIGMA, FrameStatus.OK
        if name == "left":
            rows.mean[1], rows.sigma[1], rows.status[1] = np.nan, np.nan, FrameStatus.NO_FACE
        writer = LandmarkWriter(shoot.landmark_file(name), header)
        writer.write(0, rows)
        writer.finish()


class OraclePredictor:
    """Knows where everything is, as a perfect network would: the grey of an image tells camera and frame."""

    batch = 16

    def __init__(self, shoot: Shoot, model: HeadModel, vertices: NDArray[np.float64]) -> None:
        self.layout = layout(shoot.settings.detect.layout, model)
        points = self.layout.points.evaluate(vertices)
        points = np.concatenate([points, points[-1:]])  # frame 1005, which only middle has
        rig = read_rig(shoot.cameras_file)
        self._pixels = {
            grey_of(name, frame): rig[name].project(points[position]).astype(np.float32)
            for name in shoot.camera_names
            for position, frame in enumerate(shoot.frames)
        }

    def upload(self, image: Picture) -> torch.Tensor:
        return torch.as_tensor(image)

    def predict(self, images: Sequence[Picture], regions: NDArray[np.floating]) -> Prediction:
        looked = with_roll(torch.as_tensor(regions, dtype=torch.float32)).numpy()
        mean = np.stack([self._pixels[int(image[0, 0, 0])] for image in images])
        centre, upright = mean.mean(axis=1), np.tile([250.0, 0.0], (len(mean), 1))
        following = np.concatenate([centre, upright], axis=1).astype(np.float32)
        shift = np.abs(following[:, :2] - looked[:, :2]).max(axis=1)
        unsure = np.where(shift < 60, 0.02, 0.5).astype(np.float32)
        sigma = np.full(mean.shape[:2], SIGMA, np.float32)
        return Prediction(mean, sigma, looked, following, unsure)

    def predict_windows(self, image: Picture, regions: NDArray[np.floating]) -> Prediction:
        return self.predict([image] * len(regions), regions)


def grey_of(name: str, frame: int) -> int:
    """The grey of an image, by which the oracle knows it."""
    return 40 * (1 + list(YAWS).index(name)) + 3 * (frame - FRAMES[0])


def _write_images(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    for frame in (*FRAMES, 1005) if name == "middle" else FRAMES:
        grey = np.full((SIZE[1], SIZE[0], 3), grey_of(name, frame), np.uint8)
        cv2.imwrite(str(folder / f"{name}.{frame}.png"), grey)


def _camera(name: str) -> dict[str, object]:
    angle = np.deg2rad(YAWS[name])
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    # OpenCV axes: x right, y down, z forward, before a head that looks along +Z
    R = np.diag([1.0, -1.0, -1.0]) @ turn
    K = [[900, 0, 159.5], [0, 900, 199.5], [0, 0, 1]]
    return {
        "name": name,
        "width": SIZE[0],
        "height": SIZE[1],
        "K": K,
        "dist": [0, 0, 0, 0, 0],
        "R": R.tolist(),
        "t": [0, 0, 900],
    }
