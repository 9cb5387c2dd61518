"""The smallest shoot that a worker can be given: two known cameras, and three grey images of each."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from jobs.tasks import JobContext, Task

CAMERAS = ("left", "right")
FRAMES = (1001, 1002, 1003)


def write_small_shoot(folder: Path) -> Path:
    """Images, cameras.json and shoot.toml; return the folder."""
    for name in CAMERAS:
        (folder / name).mkdir(parents=True)
        for frame in FRAMES:
            cv2.imwrite(str(folder / name / f"{name}.{frame}.png"), np.full((40, 32, 3), 90, np.uint8))
    cameras = [
        {
            "name": name,
            "width": 32,
            "height": 40,
            "K": [[90, 0, 15.5], [0, 90, 19.5], [0, 0, 1]],
            "dist": [0, 0, 0, 0, 0],
            "R": np.diag([1, -1, -1]).tolist(),
            "t": [0, 0, 900],
        }
        for name in CAMERAS
    ]
    (folder / "cameras.json").write_text(json.dumps({"units": "mm", "cameras": cameras}))
    tables = "".join(f'[cameras.{name}]\nimages = "{name}"\n' for name in CAMERAS)
    calibration = '[calibration]\nsource = "file"\nfile = "cameras.json"\n'
    (folder / "shoot.toml").write_text(f'{tables}{calibration}[detect]\nlayout = "ibug68"\n')
    return folder


def job_in(folder: Path, **changes: object) -> JobContext:
    """A job whose folder is made here."""
    return JobContext("night", str(folder / "job"), str(folder), **changes)  # type: ignore[arg-type]


def task_of(shoot: Path, stage: str = "calibrate", *, frames: str = "", needs: tuple[str, ...] = ()) -> Task:
    """A task of the sequence ``take``."""
    return Task("take", str(shoot), stage, frames, needs)
