"""Cameras whose images are mirrored, where the board looks the same in a mirror.

Such a camera sees the board in every image and its lens fits well, but no frame agrees on where it stands.
Flipped back, all do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import Board
from calibration.errors import CalibrationError

Array = NDArray[np.float64]
Found = Mapping[str, Mapping[int, Array | None]]

_PARTNERS = 2


@dataclass(frozen=True)
class Mirrors:
    """What is needed to find out whether a camera is mirrored.

    Attributes:
        found: points (N, 2) by camera and frame, None where the board was not found.
        sizes: (width, height) in pixels by camera.
        board: the board.
        fit_together: whether the cameras of such a mapping can be calibrated with each other.
    """

    found: Found
    sizes: Mapping[str, tuple[int, int]]
    board: Board
    fit_together: Callable[[Found], bool]

    def explained(self, error: CalibrationError, without: Collection[str] = ()) -> CalibrationError:
        """The same error, or a better one if its camera fits another one only when it is flipped.

        Args:
            error: why a camera could not be placed.
            without: cameras that could not be placed either.
        """
        name = error.where.removeprefix("Camera ")
        if name not in self.found or self.board.mirrored is None:
            return error
        for partner in self._partners(name, without):
            pair = {partner: self.found[partner], name: self.found[name]}
            if not self.fit_together(pair) and self.fit_together(pair | {name: self._flipped(name)}):
                return CalibrationError(
                    f"its images are mirrored against those of {partner}: flipped, the two agree",
                    where=error.where,
                    fix="Flip them back, or turn mirroring off in the camera",
                )
        return error

    def _partners(self, name: str, without: Collection[str]) -> list[str]:
        """The cameras that share the most frames with one."""
        frames = self._frames(name)
        shared = {
            other: len(frames & self._frames(other))
            for other in self.found
            if other != name and other not in without
        }
        return sorted((other for other in shared if shared[other]), key=lambda other: -shared[other])[
            :_PARTNERS
        ]

    def _frames(self, name: str) -> set[int]:
        return {frame for frame, points in self.found[name].items() if points is not None}

    def _flipped(self, name: str) -> dict[int, Array | None]:
        """The points that a camera's images would show if they were flipped."""
        width = self.sizes[name][0]
        return {
            frame: None
            if points is None
            else (np.array([width - 1, 0]) + points * [-1, 1])[self.board.mirrored]
            for frame, points in self.found[name].items()
        }
