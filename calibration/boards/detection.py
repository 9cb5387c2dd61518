"""The board in all images of all cameras, found on several threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import Board, runs_mirrored
from calibration.errors import InputError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Progress = Callable[[int, int, str], None]

View = Callable[[], Image] | NDArray[Any]
"""A grey image (H, W) as uint8, a function that loads one, or points (N, 2) found elsewhere, in pixels, with
NaN rows where a point is not seen."""


def detect_all(
    images: Mapping[str, Mapping[int, View]],
    sizes: Mapping[str, tuple[int, int]],
    board: Board,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[int, Array | None]]:
    """Points (N, 2) by camera and frame, NaN where one is not seen, None where the board was not found.

    Args:
        images: by camera name and frame number, what :data:`View` allows.
        sizes: (width, height) in pixels by camera name.
        board: what to look for, of any kind.
        workers: threads; all cores by default.
        progress: told (done, total, "camera frame").

    Raises:
        InputError: if a camera has no size, an image has another one, or given points do not fit the board.
    """
    unknown = [name for name in images if name not in sizes]
    if unknown:
        raise InputError(f"the image size of {', '.join(unknown)} is not given")
    found: dict[str, dict[int, Array | None]] = {name: {} for name in images}
    total = sum(len(frames) for frames in images.values())
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        waiting = {
            pool.submit(_corners, f"{name} {frame}", view, sizes[name], board): (name, frame)
            for name, frames in images.items()
            for frame, view in frames.items()
        }
        try:
            for done, future in enumerate(as_completed(waiting), start=1):
                name, frame = waiting[future]
                found[name][frame] = future.result()
                if progress is not None:
                    progress(done, total, f"{name} {frame}")
        finally:
            pool.shutdown(cancel_futures=True)
    return {name: dict(sorted(frames.items())) for name, frames in found.items()}


def _corners(where: str, view: View, size: tuple[int, int], board: Board) -> Array | None:
    given = view() if callable(view) else view
    if given.ndim == 2 and given.shape[1] == 2 and given.dtype.kind == "f":
        return _given(where, np.asarray(given, dtype=np.float64), board)
    if given.shape[1::-1] != tuple(size):
        shape = " x ".join(str(side) for side in given.shape[1::-1])
        raise InputError(f"the image measures {shape}, the camera's {size[0]} x {size[1]}", where=where)
    return board.detect(given)


def _given(where: str, pixels: Array, board: Board) -> Array:
    """Points that were found elsewhere, checked."""
    if len(pixels) != len(board.points):
        raise InputError(f"{len(board.points)} points are expected, not {len(pixels)}", where=where)
    if np.isinf(pixels).any() or not np.isfinite(pixels).any():
        raise InputError("the points are not finite; NaN marks those not seen, but not all", where=where)
    if runs_mirrored(board.points, pixels):
        raise InputError(
            "the points run the other way round than on the board",
            where=where,
            fix="Is the image mirrored, or are the points listed from the wrong side?",
        )
    return pixels
