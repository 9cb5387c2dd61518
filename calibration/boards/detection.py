"""The board in all images of all cameras, found on several threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.boards.checkerboard import Board, detect_corners, unmirrored
from calibration.errors import InputError

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
Progress = Callable[[int, int, str], None]

View = Callable[[], Image] | NDArray[Any]
"""A grey image (H, W) as uint8, a function that loads one, or corners (N, 2) found elsewhere, in pixels."""


def detect_all(
    images: Mapping[str, Mapping[int, View]],
    sizes: Mapping[str, tuple[int, int]],
    board: Board,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[int, Array | None]]:
    """Corners (N, 2) by camera and frame, None where the board was not found.

    Args:
        images: by camera name and frame number, what :data:`View` allows.
        sizes: (width, height) in pixels by camera name.
        board: what to look for.
        workers: threads; all cores by default.
        progress: told (done, total, "camera frame").

    Raises:
        InputError: if a camera has no size, an image has another one, or corners do not fit the board.
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
        corners = np.asarray(given, dtype=np.float64)
        if len(corners) != len(board.points) or not np.isfinite(corners).all():
            raise InputError(
                f"{len(board.points)} finite corners are expected, not {len(corners)}", where=where
            )
        return unmirrored(corners, board)
    if given.shape[1::-1] != tuple(size):
        shape = " x ".join(str(side) for side in given.shape[1::-1])
        raise InputError(f"the image measures {shape}, the camera's {size[0]} x {size[1]}", where=where)
    return detect_corners(given, board)
