"""Other people in the background, out of focus: they have skin and hair too, but are not the subject."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthetic.noise import palette

Array = NDArray[np.float64]
Image = NDArray[np.float32]


def paint_bystander(image: Image, rng: np.random.Generator) -> None:
    """Head, hair, neck and shoulders of somebody behind; skin colour alone does not make a subject."""
    size = image.shape[0]
    tall = float(np.exp(rng.uniform(np.log(0.06), np.log(0.3)))) * size
    at = np.array([rng.uniform(-0.1, 1.1), rng.uniform(0.15, 0.85)]) * size
    light = rng.uniform(0.5, 1.15)
    skin = np.array([0.80, 0.60, 0.48]) ** rng.uniform(0.6, 3.0) * light
    hair = np.array([0.25, 0.17, 0.11]) ** rng.uniform(0.5, 2.0) * light
    cloth = np.clip(palette(1, rng)[0], 0.03, 1.0) * light
    turn = float(rng.normal(0.0, 8.0))
    face = rng.random() < 0.7

    def oval(x: float, y: float, w: float, h: float, colour: Array) -> None:
        where = (float(at[0] + x * tall), float(at[1] + y * tall))
        shape = (where, (max(2 * w * tall, 1.0), max(2 * h * tall, 1.0)), turn)
        cv2.ellipse(image, shape, np.clip(colour, 0, 1).tolist(), -1, cv2.LINE_AA)

    long = rng.uniform(0.0, 0.5)
    oval(0.0, 1.9, 1.05, 1.0, cloth)
    oval(0.0, 3.0, 1.1, 1.4, cloth)
    oval(0.0, -0.05 + long, 0.45, 0.52 + long, hair)
    oval(0.0, 0.5, 0.2, 0.45, skin * 0.75)
    if not face:
        return
    oval(0.0, 0.07, 0.36, 0.48, skin)
    oval(0.12, 0.12, 0.22, 0.36, skin * 1.06)
    for x in (-0.15, 0.15):
        oval(x, -0.03, 0.07, 0.035, skin * 0.35)
        oval(x, -0.11, 0.09, 0.02, hair)
    oval(0.0, 0.14, 0.05, 0.05, skin * 0.8)
    oval(0.0, 0.30, 0.12, 0.035, skin * np.array([0.8, 0.5, 0.5]))
