"""Images of a board as a function of the cameras and of the board's poses, with analytic derivatives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import MIN_DEPTH
from calibration.lens import coefficient_jacobian, distort, distort_jacobian

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LENS_SIZE = 12
"""fx fy cx cy, then the coefficients of :mod:`calibration.lens`: k1 k2 p1 p2 k3 k4 k5 k6"""
CAMERA_SIZE = LENS_SIZE + 6
"""The lens, then rotation (a left-multiplied rotation vector) and translation."""


@dataclass(frozen=True)
class State:
    """All unknowns but the board's points: C cameras, B board poses; `x_cam = R_c (R_b p + t_b) + t_c`.

    Attributes:
        lens: (C, LENS_SIZE) focal lengths and principal points in pixels, coefficients.
        fisheye: (C,) which lenses are fisheyes.
        camera_rotation: (C, 3, 3).
        camera_translation: (C, 3) metres.
        board_rotation: (B, 3, 3) board to world.
        board_translation: (B, 3) metres.
    """

    lens: Array
    fisheye: Bools
    camera_rotation: Array
    camera_translation: Array
    board_rotation: Array
    board_translation: Array

    def boards_moved(self, step: Array) -> State:
        """The state after a step (B, 6) of its boards: left-multiplied rotation vectors, then shifts."""
        return replace(
            self,
            board_rotation=Rotation.from_rotvec(step[:, :3]).as_matrix() @ self.board_rotation,
            board_translation=self.board_translation + step[:, 3:],
        )

    def cameras_moved(self, step: Array) -> State:
        """The state after a step (C, CAMERA_SIZE) of its cameras."""
        turn = Rotation.from_rotvec(step[:, LENS_SIZE : LENS_SIZE + 3]).as_matrix()
        return replace(
            self,
            lens=self.lens + step[:, :LENS_SIZE],
            camera_rotation=turn @ self.camera_rotation,
            camera_translation=self.camera_translation + step[:, LENS_SIZE + 3 :],
        )


@dataclass(frozen=True)
class Images:
    """M images of the board.

    Attributes:
        camera: (M,) which camera took it.
        board: (M,) which board pose it shows.
        pixels: (M, N, 2) its corners in pixels, NaN where one is not seen.
    """

    camera: Ints
    board: Ints
    pixels: Array

    @property
    def seen(self) -> Bools:
        """(M, N) which corners are seen."""
        return np.asarray(np.isfinite(self.pixels).all(axis=-1))

    def take(self, index: Ints | Bools | slice) -> Images:
        """Some of the images."""
        return Images(self.camera[index], self.board[index], self.pixels[index])


@dataclass(frozen=True)
class Derivatives:
    """Pixels of M images by the unknowns, finite for unseen corners too.

    Attributes:
        by_camera: (M, N, 2, CAMERA_SIZE).
        by_board: (M, N, 2, 6) by a left-multiplied rotation vector and a shift of the board.
        by_point: (M, N, 2, 3) by the point itself, in the board's axes.
    """

    by_camera: Array
    by_board: Array
    by_point: Array


def image_rms(residuals: Array) -> Array:
    """RMS distance (M,) of residuals (M, N, 2) over the corners that are seen; NaN where none is."""
    squared = (residuals**2).sum(-1)
    seen = np.isfinite(squared)
    count = seen.sum(-1)
    mean = np.where(seen, squared, 0.0).sum(-1) / np.maximum(count, 1)
    return np.where(count > 0, np.sqrt(mean), np.nan)


@dataclass(frozen=True)
class _Lenses:
    """The lenses of M images: values (M, 1, LENS_SIZE), and which are fisheyes (M, 1)."""

    values: Array
    fisheye: Bools

    @classmethod
    def of(cls, state: State, images: Images) -> _Lenses:
        return cls(state.lens[images.camera][:, None], state.fisheye[images.camera][:, None])

    @property
    def focal(self) -> Array:
        return self.values[..., :2]

    @property
    def model(self) -> tuple[Array, Bools]:
        """What :mod:`calibration.lens` takes."""
        return self.values[..., 4:], self.fisheye


def residuals(state: State, images: Images, points: Array) -> Array:
    """Projected minus seen corners (M, N, 2) of board points (N, 3); NaN where a corner is not seen."""
    local, _ = _local(state, images, points)
    lens = _Lenses.of(state, images)
    bent = distort(local[..., :2] / np.maximum(local[..., 2:], MIN_DEPTH), *lens.model)
    return np.asarray(bent * lens.focal + lens.values[..., 2:4] - images.pixels)


def _local(state: State, images: Images, points: Array) -> tuple[Array, Array]:
    """Corners (M, N, 3) in camera axes, and their offsets from the board's origin (M, N, 3) in the world."""
    camera, board = images.camera, images.board
    turned = points @ state.board_rotation[board].transpose(0, 2, 1)
    world = turned + state.board_translation[board][:, None]
    return world @ state.camera_rotation[camera].transpose(0, 2, 1) + state.camera_translation[camera][
        :, None
    ], turned


def _swung(rows: Array, vectors: Array) -> Array:
    """Rows (..., 2, 3) times the cross-product matrices of vectors (..., 3): `row x vector`."""
    return np.cross(rows, vectors[..., None, :])


def derivatives(state: State, images: Images, points: Array) -> Derivatives:
    """The derivatives of :func:`residuals` by all unknowns."""
    local, turned = _local(state, images, points)
    lens = _Lenses.of(state, images)
    ideal, by_local = _by_local(local, lens)
    arm = local - state.camera_translation[images.camera][:, None]
    by_camera = np.concatenate((_by_lens(ideal, lens), -_swung(by_local, arm), by_local), axis=-1)
    by_world = by_local @ state.camera_rotation[images.camera][:, None]
    by_point = by_world @ state.board_rotation[images.board][:, None]
    return Derivatives(by_camera, _by_board(by_world, turned), by_point)


def board_derivatives(state: State, images: Images, points: Array) -> Array:
    """Pixels by the board's unknowns alone (M, N, 2, 6)."""
    local, turned = _local(state, images, points)
    _, by_local = _by_local(local, _Lenses.of(state, images))
    return _by_board(by_local @ state.camera_rotation[images.camera][:, None], turned)


def _by_local(local: Array, lens: _Lenses) -> tuple[Array, Array]:
    """Normalised coordinates (M, N, 2), and pixels by points in camera axes (M, N, 2, 3)."""
    depth = np.maximum(local[..., 2:], MIN_DEPTH)
    ideal = local[..., :2] / depth
    by_ideal = distort_jacobian(ideal, *lens.model) * lens.focal[..., None] / depth[..., None]
    return ideal, np.concatenate(
        (by_ideal, -(by_ideal * ideal[..., None, :]).sum(-1, keepdims=True)), axis=-1
    )


def _by_board(by_world: Array, turned: Array) -> Array:
    return np.concatenate((-_swung(by_world, turned), by_world), axis=-1)


def _by_lens(ideal: Array, lens: _Lenses) -> Array:
    """Pixels by the lens: (M, N, 2, LENS_SIZE)."""
    jacobian = np.zeros((*ideal.shape, LENS_SIZE))
    jacobian[..., [0, 1], [0, 1]] = distort(ideal, *lens.model)
    jacobian[..., [0, 1], [2, 3]] = 1.0
    jacobian[..., 4:] = coefficient_jacobian(ideal, *lens.model) * lens.focal[..., None]
    return jacobian
