"""A board calibration for people: a text summary, and a picture of where each camera saw the board."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.from_boards.calibrate import BoardCalibration

Image = NDArray[np.uint8]

# Colours of the picture, RGB.
_BACKGROUND = 32
_COVERED = (60, 60, 72)
_POSES = (90, 200, 120)
_LENS_ONLY = (235, 200, 80)
_REJECTED = (235, 80, 70)
_CELLS = 8


def summary_lines(result: BoardCalibration) -> list[str]:
    """The result as lines of plain text: a table of cameras, distances, notes, rejected images."""
    header = (
        "camera",
        "images",
        "found",
        "lens",
        "poses",
        "covered",
        "RMS px",
        "focal px",
        "principal point px",
    )
    rows = [header, *(_row(result, camera) for camera in result.rig)]
    lines = [f"Board: {result.board}. The world is that of {result.reference}, with Y up.", ""]
    lines += _table(rows)
    lines += _distances(result)
    for name, count in result.counts.items():
        if count.missing:
            lines.append(f"{name}: the board was not found in {_numbers(count.missing)}")
    lines += result.rig.notes
    if result.rejected:
        lines += ["", f"Rejected images: {len(result.rejected)}"]
        lines += [f"  {one.camera} {one.frame}: {one.reason}" for one in result.rejected]
    return lines


def _row(result: BoardCalibration, camera: Camera) -> tuple[str, ...]:
    count, deviation = result.counts[camera.name], result.deviations[camera.name]
    return (
        camera.name,
        str(count.images),
        str(count.found),
        str(count.lens),
        str(count.poses),
        f"{_coverage(result, camera).mean():.0%}",
        f"{result.residual_px[camera.name]:.2f}",
        f"{camera.focal[0]:.1f}, {camera.focal[1]:.1f} ± {deviation.focal.max():.1f}",
        f"{camera.principal[0]:.1f}, {camera.principal[1]:.1f} ± {deviation.principal.max():.1f}",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _distances(result: BoardCalibration) -> list[str]:
    """Distances between neighbours in the rig's order, which a person can check with a tape."""
    neighbours = [
        f"{a.name} to {b.name} {np.linalg.norm(a.centre - b.centre) * 1000:.1f} mm"
        for a, b in pairwise(result.rig)
    ]
    return [f"Distances: {', '.join(neighbours)}"] if neighbours else []


def _numbers(frames: Iterable[int]) -> str:
    return ", ".join(str(frame) for frame in frames)


def coverage_picture(result: BoardCalibration, name: str, image: Image | None = None) -> Image:
    """Where one camera saw the corners of the board.

    Green corners determined lens and poses, yellow ones the lens only, red ones nothing. Parts of the image
    that no trusted corner covers are darker, for there the lens is extrapolated.

    Args:
        result: the calibration.
        name: the camera.
        image: (H, W) grey image to draw on, of the camera's size; a plain ground by default.

    Returns:
        (H, W, 3) RGB picture.
    """
    camera = result.rig[name]
    ground = np.full((camera.height, camera.width), _BACKGROUND, np.uint8) if image is None else image
    picture = np.repeat(ground[..., None], 3, axis=2)
    _cover(picture, _coverage(result, camera), plain=image is None)
    unfit = _unfit(result, name)
    used = set(result.used[name])
    radius = max(2, camera.width // 400)
    for frame, corners in result.detections[name].items():
        colour = _POSES if frame in used else _REJECTED if frame in unfit else _LENS_ONLY
        for x, y in np.rint(corners).astype(int):
            cv2.circle(picture, (int(x), int(y)), radius, colour, -1, cv2.LINE_AA)
    return picture


def _unfit(result: BoardCalibration, name: str) -> set[int]:
    """Frames of a camera that determined nothing."""
    return {one.frame for one in result.rejected if one.camera == name and not one.lens}


def _coverage(result: BoardCalibration, camera: Camera) -> NDArray[np.bool_]:
    """Which cells of the image, (rows, columns), hold corners that determined the lens."""
    unfit = _unfit(result, camera.name)
    frames = result.detections[camera.name]
    corners = np.concatenate([corners for frame, corners in frames.items() if frame not in unfit])
    span = ((-0.5, camera.height - 0.5), (-0.5, camera.width - 0.5))
    counts, _, _ = np.histogram2d(corners[:, 1], corners[:, 0], bins=_CELLS, range=span)
    return np.asarray(counts > 0)


def _cover(picture: Image, covered: NDArray[np.bool_], *, plain: bool) -> None:
    """Mark the covered cells of a plain picture, or darken the others of an image."""
    height, width = picture.shape[:2]
    ys, xs = (np.linspace(0, side, _CELLS + 1).astype(int) for side in (height, width))
    for row, column in np.ndindex(_CELLS, _CELLS):
        cell = picture[ys[row] : ys[row + 1], xs[column] : xs[column + 1]]
        if plain and covered[row, column]:
            cell[...] = _COVERED
        elif not plain and not covered[row, column]:
            cell[...] = cell // 2
