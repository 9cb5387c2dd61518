"""Where a camera stands by most frames: each proposes a pose, the best part of the others improves it.

Of the frames at least a good part shows the board where the cameras that stand see it; the others may show it
anywhere, and even agree with each other. A pose is therefore judged by the frames that fit it best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import Images, State, image_rms, residuals
from calibration.from_boards.adjustment.poses import HALF_TURN, Sightings, fit_boards

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_MAX_PROPOSALS = 24
_IMPROVED = 6
_ROUNDS = 3
# The share of the frames that improves a proposal, and the one that judges it.
_GOOD = 0.4
_JUDGES = 0.5
# So many points of each board are asked.
_POINTS = 16


@dataclass(frozen=True)
class Proposals:
    """One camera's images of F frames, against boards whose place is known.

    Attributes:
        lens: (LENS_SIZE,) of the camera.
        fisheye: whether it is a fisheye.
        board_rotation: (F, 3, 3) board to world, of each frame.
        board_translation: (F, 3) metres.
        images: F images of the camera, in the order of the frames.
        points: (N, 3) board points in metres.
        turned: the order (N,) of the points on the turned board, if it looks the same.
    """

    lens: Array
    fisheye: bool
    board_rotation: Array
    board_translation: Array
    images: Sightings
    points: Array
    turned: Ints | None

    def best(self) -> tuple[Array, Array]:
        """The pose (3, 3), (3,) world to camera that the judges among the frames like best."""
        R, t = self._proposed()
        chosen = np.argsort(self._score(self._errors(R, t)[0]))[:_IMPROVED]
        R, t = R[chosen], t[chosen]
        for _ in range(_ROUNDS):
            R, t = self._improved(R, t)
        best = int(self._score(self._errors(R, t)[0]).argmin())
        return R[best], t[best]

    def _proposed(self) -> tuple[Array, Array]:
        """A pose (K, 3, 3), (K, 3) from each of some frames, for either end of the board."""
        count = len(self.images)
        some = np.unique(np.linspace(0, count - 1, min(count, _MAX_PROPOSALS)).astype(int))
        turns = [np.eye(3)] if self.turned is None else [np.eye(3), HALF_TURN]
        from_board = self.board_rotation[some].transpose(0, 2, 1)
        R = np.concatenate([self.images.R[some] @ turn @ from_board for turn in turns])
        every = np.tile(some, len(turns))
        return R, self.images.t[every] - np.einsum("kij,kj->ki", R, self.board_translation[every])

    def _score(self, errors: Array) -> Array:
        """(K,) mean squared error of the better part of the frames, by errors (K, F)."""
        judges = max(1, int(np.ceil(_JUDGES * errors.shape[1])))
        return np.asarray((np.sort(errors, axis=1)[:, :judges] ** 2).mean(axis=1))

    def _errors(self, R: Array, t: Array) -> tuple[Array, Array]:
        """RMS in pixels (K, F) of each frame for each pose, and the corners (K, F, P, 2) as they fit."""
        ways = [self.images.pixels]
        if self.turned is not None:
            ways.append(self.images.pixels[:, self.turned])
        pixels = np.stack([way[:, self._asked] for way in ways])
        frames, asked = pixels.shape[1:3]
        state = self._state(R, t)
        rms = []
        for way in pixels:
            images = self._images(np.broadcast_to(way, (len(R), *way.shape)))
            left = residuals(state, images, self._world).reshape(-1, asked, 2)
            rms.append(image_rms(left).reshape(len(R), frames))
        errors = np.nan_to_num(np.stack(rms), nan=np.inf)
        which = errors.argmin(axis=0)
        return errors.min(axis=0), pixels[which, np.arange(frames)]

    def _improved(self, R: Array, t: Array) -> tuple[Array, Array]:
        """Each pose fitted to the frames that fit it best."""
        errors, pixels = self._errors(R, t)
        good = max(1, int(np.ceil(_GOOD * errors.shape[1])))
        limit = np.sort(errors, axis=1)[:, good - 1 : good]
        shown = np.where((errors <= limit)[..., None, None], pixels, np.nan)
        placed = fit_boards(self._state(R, t), self._images(shown), self._world).state
        return placed.board_rotation, placed.board_translation

    @property
    def _asked(self) -> slice:
        return slice(None, None, max(1, len(self.points) // _POINTS))

    @property
    def _world(self) -> Array:
        """The points of all boards (F * P, 3) in the world: one large board, as far as the camera goes."""
        turned = self.points[self._asked] @ self.board_rotation.transpose(0, 2, 1)
        return np.asarray((turned + self.board_translation[:, None]).reshape(-1, 3))

    def _state(self, R: Array, t: Array) -> State:
        """The camera at the origin, and the large board where each pose has it."""
        return State(self.lens[None], np.array([self.fisheye]), np.eye(3)[None], np.zeros((1, 3)), R, t)

    def _images(self, pixels: Array) -> Images:
        """Images of the large board by corners (K, F, P, 2)."""
        count = len(pixels)
        return Images(np.zeros(count, dtype=np.int64), np.arange(count), pixels.reshape(count, -1, 2))
