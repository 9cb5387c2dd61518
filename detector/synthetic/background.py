"""What is behind the head: invented studios, walls and places, or a folder of photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.synthetic.noise import noise, palette
from detector.synthetic.scenery import clutter, crowd, greenery, room, shelves, street, writing
from detector.synthetic.surfaces import Pixels

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
Image = NDArray[np.float32]
Painter = Callable[[int, np.random.Generator], Image]


def draw_background(
    size: int, brightness: float, rng: np.random.Generator, folder: Path | None = None
) -> Pixels:
    """A background (size, size, 3) uint8 sRGB.

    Args:
        size: side in pixels.
        brightness: mean sRGB value that it tends to, in [0, 1].
        rng: the source of chance.
        folder: photographs to cut it out of half of the time; None invents all.

    Raises:
        InputError: the folder holds no images, or one cannot be read.
    """
    if folder is not None and rng.random() < 0.5:
        return _photograph(folder, size, rng)
    shares = np.array([share for share, _ in PAINTERS])
    paint = PAINTERS[rng.choice(len(PAINTERS), p=shares / shares.sum())][1]
    image = paint(size, rng)
    grey = image.mean(axis=-1, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.4, 1.1)
    level = float(np.clip(0.85 * brightness * np.exp(rng.normal(0.0, 0.4)), 0.03, 0.9))
    gain = min(level / max(float(image.mean()), 0.02), 3.0)
    if rng.random() < 0.8:  # a sky may burn out, a wall seldom does
        gain = min(gain, 1.1 / max(float(np.quantile(image, 0.97)), 0.1))
    image = np.clip(np.maximum(image, 0.0) * gain, 0.0, 1.0)
    if rng.random() < 0.65:
        blur = float(np.exp(rng.uniform(np.log(0.5), np.log(size / 35))))
        image = cv2.GaussianBlur(image, (0, 0), blur)
    return np.asarray(np.rint(image * 255.0), np.uint8)


def _plain(size: int, rng: np.random.Generator) -> Image:
    key = rng.random()
    if key < 0.35:
        colour = np.full(3, rng.uniform(0.02, 0.95))
    elif key < 0.45:
        colour = np.array([0.1, 0.65, 0.2]) * rng.uniform(0.6, 1.3)
    else:
        colour = palette(1, rng)[0]
    y, x = np.mgrid[0:size, 0:size] / size
    centre = rng.uniform(-0.2, 1.2, 2)
    falloff = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) * rng.uniform(0.0, 2.0))
    return np.asarray((falloff[..., None] * np.clip(colour, 0.0, 1.0)), np.float32)


def _gradient(size: int, rng: np.random.Generator) -> Image:
    a, b = palette(2, rng)
    angle = rng.uniform(0.0, 2 * np.pi)
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    t = 0.5 + 0.5 * np.tanh(
        (x * np.cos(angle) + y * np.sin(angle) + rng.normal(0.0, 0.2)) * rng.uniform(1.0, 12.0)
    )
    return np.asarray((a + t[..., None] * (b - a)), np.float32)


def _clouds(size: int, rng: np.random.Generator) -> Image:
    colours = palette(3, rng)
    roughness = rng.uniform(0.4, 0.8)
    a, b = noise(size, 7, rng, roughness), noise(size, 5, rng, roughness)
    image = colours[0] + _soft(a)[..., None] * (colours[1] - colours[0])
    return np.asarray((image + _soft(b)[..., None] * 0.6 * (colours[2] - image)), np.float32)


def _bokeh(size: int, rng: np.random.Generator) -> Image:
    image = (_clouds(size, rng) * rng.uniform(0.1, 0.5)).astype(np.float32)
    radius = rng.uniform(0.01, 0.08) * size
    lights = np.zeros_like(image)
    for _ in range(rng.integers(8, 60)):
        centre = tuple(int(v) for v in rng.uniform(0, size, 2))
        colour = np.clip(np.array([1.0, 0.85, 0.6]) * rng.uniform(0.4, 1.4, 3), 0.0, 1.0) * rng.uniform(
            0.2, 0.9
        )
        disc = np.zeros_like(image)
        cv2.circle(
            disc, centre, max(1, int(radius * rng.uniform(0.7, 1.2))), colour.tolist(), -1, cv2.LINE_AA
        )
        lights = np.maximum(lights, disc)
    return np.asarray(image + lights)


def _stripes(size: int, rng: np.random.Generator) -> Image:
    colours = palette(2, rng)
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0.0, np.pi)])
    y, x = np.mgrid[0:size, 0:size] / size
    phase = (x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(3.0, 40.0) * np.pi + rng.uniform(0.0, 6.0)
    t = 0.5 + 0.5 * np.tanh(np.sin(phase) * rng.uniform(0.8, 8.0))
    image = colours[0] + t[..., None] * (colours[1] - colours[0])
    return np.asarray((image * np.exp(0.15 * noise(size, 5, rng))[..., None]), np.float32)


def _bricks(size: int, rng: np.random.Generator) -> Image:
    image = np.full((size, size, 3), rng.uniform(0.2, 0.7), np.float32)
    height = rng.uniform(0.04, 0.12) * size
    width = height * rng.uniform(1.0, 3.2)
    base = palette(1, rng)[0]
    for row in range(int(size / height) + 2):
        start = -width * ((row % 2) * 0.5 + rng.uniform(0.0, 0.1))
        for left in np.arange(start, size, width):
            colour = np.clip(base * np.exp(rng.normal(0.0, 0.2)) + rng.normal(0.0, 0.03, 3), 0.0, 1.0)
            corner = (int(left), int(row * height)), (int(left + width * 0.93), int((row + 0.9) * height))
            cv2.rectangle(image, *corner, colour.tolist(), -1)
    return np.asarray(image * np.exp(0.12 * noise(size, 7, rng, 0.8))[..., None], np.float32)


def _soft(values: Image) -> Image:
    return np.asarray(0.5 + 0.5 * np.tanh(values), np.float32)


PAINTERS: tuple[tuple[float, Painter], ...] = (
    (0.16, _plain),
    (0.05, _gradient),
    (0.04, _clouds),
    (0.06, _bokeh),
    (0.03, _stripes),
    (0.04, _bricks),
    (0.12, clutter),
    (0.12, greenery),
    (0.16, room),
    (0.04, shelves),
    (0.06, street),
    (0.08, crowd),
    (0.04, writing),
)


@lru_cache(maxsize=4)
def _listed(folder: Path) -> tuple[Path, ...]:
    paths = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES))
    if not paths:
        raise InputError("the folder of backgrounds holds no images", where=str(folder))
    return paths


def _photograph(folder: Path, size: int, rng: np.random.Generator) -> Pixels:
    paths = _listed(folder)
    path = paths[rng.integers(len(paths))]
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError("the background cannot be read as an image", where=str(path))
    side = int(min(image.shape[:2]) * rng.uniform(0.4, 1.0))
    y = rng.integers(0, image.shape[0] - side + 1)
    x = rng.integers(0, image.shape[1] - side + 1)
    cut = cv2.resize(image[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cut[..., ::-1] if rng.random() < 0.5 else cut[:, ::-1, ::-1])
