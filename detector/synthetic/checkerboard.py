"""A calibration board to photograph: a white plate with a checkerboard, moved before the cameras."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from detector.synthetic.surfaces import Kind, Material, Pixels, Surface

Array = NDArray[np.float64]

TEXELS_PER_SQUARE = 48
BORDER_SQUARES = 1


def board_surface(corners: tuple[int, int], square: float, rotation: Array, centre: Array) -> Surface:
    """A board with (columns, rows) inner corners of `square` metres.

    Args:
        corners: inner corners along x and y.
        square: side of a square in metres.
        rotation: (3, 3) board axes in the world: x along columns, y up along rows, z towards the viewer.
        centre: (3,) in metres.
    """
    columns, rows = corners[0] + 1 + 2 * BORDER_SQUARES, corners[1] + 1 + 2 * BORDER_SQUARES
    half = np.array([columns, rows]) * square / 2
    # Many small quads, so that the texture is interpolated in perspective on every driver alike.
    x, y = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    local = np.stack([x * half[0], y * half[1], np.zeros_like(x)], axis=-1).reshape(-1, 3)
    corner = (np.arange(8)[:, None] * 9 + np.arange(8)).ravel()
    quads = corner[:, None] + np.array([0, 1, 10, 9])
    material = Material(Kind.SOLID, roughness=0.8, specular=0.2, texture=_texture(corners))
    return Surface(
        (local @ rotation.T + centre).astype(np.float32),
        np.broadcast_to(rotation[:, 2], local.shape).astype(np.float32),
        quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3),
        material,
        np.stack([(x + 1) / 2, (y + 1) / 2], axis=-1).reshape(-1, 2).astype(np.float32),
    )


def board_poses(count: int, centre: Array, rng: np.random.Generator) -> list[tuple[Array, Array]]:
    """Rotations (3, 3) and centres (3,) of a board that is held around a point and tilted every way."""
    poses = []
    for i in range(count):
        turn = 2 * np.pi * i / count
        tilt = np.deg2rad([22.0 * np.sin(turn), 18.0 * np.cos(turn), 12.0 * np.sin(2 * turn)])
        tilt = tilt + np.deg2rad(rng.uniform(-5.0, 5.0, 3))
        offset = np.array([0.035 * np.cos(turn), 0.05 * np.sin(turn), 0.07 * np.cos(2 * turn)])
        poses.append((Rotation.from_euler("xyz", tilt).as_matrix(), centre + offset))
    return poses


def _texture(corners: tuple[int, int]) -> Pixels:
    """The board as an image (H, W, 3) uint8, black in its top left square."""
    rows, columns = corners[1] + 1, corners[0] + 1
    pattern = (np.add.outer(np.arange(rows), np.arange(columns)) % 2) * 1.0
    framed = np.pad(pattern, BORDER_SQUARES, constant_values=1.0)
    image = np.kron(framed, np.ones((TEXELS_PER_SQUARE, TEXELS_PER_SQUARE)))
    grey = (25 + image * 205).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
