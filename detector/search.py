"""Finding the heads in an image: the network itself on windows of several sizes (W22 section 3.3).

W22 takes the least uncertain window. Here the surest windows are cut anew about their own landmarks until
they frame what they show; those that then are sure, and stay where they are, in several slightly different
views are faces. All faces of an image are told; which of them is meant is a choice (:mod:`detector.faces`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from detector.faces import WORDS, Choice, Face, choose, distinct, nearest
from detector.predictor import Picture, Prediction, Predictor
from detector.views import jittered

STILL = 0.02
"""Drift below which a window is not cut anew."""


@dataclass(frozen=True)
class SearchOptions:
    """How to look for heads.

    The network reads a head in windows of half to twice its region's side that are off by 0.4 of it: that
    gives the steps. On photographs, faces come to an uncertainty below 0.07 and a drift below 0.04, and what
    is no face to more than 0.11.

    Attributes:
        largest, smallest: sides of the windows, in long sides of the image.
        step: factor between sizes.
        stride: distance of neighbouring windows, in their sides.
        promising: windows that are less sure than this are not looked at again.
        candidates: windows of a size that are.
        refinements: times that a window is cut anew about its own landmarks.
        views: slightly different crops, in the median of which a face must be sure and stay where it is.
        most_uncertain: a head must be surer than this (geometric mean of sigma, half sides of the region).
        most_drift: and must reproduce its region this well (see :meth:`Prediction.drift`).
        rival: other faces are looked for down to this share of the side of the largest.
        choice: which of several faces is meant.
        working_size: the image is first reduced to this long side, pixels.
    """

    largest: float = 1.0
    smallest: float = 0.16
    step: float = 2.0
    stride: float = 0.5
    promising: float = 0.30
    candidates: int = 6
    refinements: int = 3
    views: int = 3
    most_uncertain: float = 0.10
    most_drift: float = 0.15
    rival: float = 0.5
    choice: Choice = "largest"
    working_size: int = 1024


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to.

    Attributes:
        region: (4,) float32 cx, cy, size in pixels, roll in radians, of the face that is meant; None when
            there is no face.
        uncertainty: of that face, or of what came nearest to one.
        reason: why there is none, in words; empty when there is one.
        faces: all, the surest first.
        choice: which of them was taken, in words.
    """

    region: NDArray[np.float32] | None
    uncertainty: float
    reason: str = ""
    faces: tuple[Face, ...] = ()
    choice: str = ""

    @property
    def remark(self) -> str:
        """What a person ought to know of the choice; empty when there was none."""
        return f"{len(self.faces)} faces, {self.choice} is taken" if len(self.faces) > 1 else ""


@dataclass
class _Sieve:
    """Faces so far, and the best that was refused: the surest of those that stay, else the surest."""

    faces: list[Face] = field(default_factory=list)
    refused: Face | None = None

    def add(self, face: Face, options: SearchOptions) -> None:
        """Keep a face unless it is refused, or is one that is known already."""
        if face.uncertainty > options.most_uncertain or face.drift > options.most_drift:
            if self.refused is None or face.uncertainty < self.refused.uncertainty:
                self.refused = face
            return
        self.faces.append(face)
        regions, uncertainty = self.regions(), np.array([each.uncertainty for each in self.faces])
        self.faces = [self.faces[i] for i in distinct(regions, uncertainty, len(self.faces))]

    def regions(self) -> NDArray[np.float32]:
        """(N, 4) of the faces."""
        return np.array([face.region for face in self.faces], np.float32).reshape(-1, 4)


def search(
    predictor: Predictor,
    image: Picture,
    options: SearchOptions | None = None,
    *,
    near: NDArray[np.float32] | None = None,
) -> Found:
    """Find the head that is meant.

    Args:
        predictor: of any layout.
        image: (H, W, 3) uint8 RGB.
        options: how to look.
        near: a region (4,) where it was a moment ago; of several faces the nearest to it is then meant.
    """
    options = options or SearchOptions()
    sieve = _sift(predictor, image, options)
    if sieve.faces:
        meant, how = choose(sieve.faces, tuple(image.shape), options.choice), WORDS[options.choice]
        if near is not None:
            meant, how = nearest(sieve.faces, near), "the nearest to the last"
        return Found(meant.region, meant.uncertainty, "", tuple(sieve.faces), how)
    best = sieve.refused
    if best is None:
        return Found(None, float("inf"), f"no window is sure enough: none below {options.promising:g}")
    if best.uncertainty > options.most_uncertain:
        sure = f"uncertainty {best.uncertainty:.3f}, at most {options.most_uncertain:g}"
        return Found(None, best.uncertainty, f"no window is sure enough: {sure}")
    drift = f"drift {best.drift:.2f}, at most {options.most_drift:g}"
    return Found(None, best.uncertainty, f"no window agrees with its own landmarks: {drift}")


def acceptable(prediction: Prediction, options: SearchOptions) -> NDArray[np.bool_]:
    """Which predictions (N,) show a head: sure, and framed as they say."""
    sure = prediction.uncertainty <= options.most_uncertain
    return np.asarray(sure & (prediction.drift() <= options.most_drift))


def window_sizes(shape: tuple[int, ...], options: SearchOptions) -> list[float]:
    """Sides of the windows in pixels, largest first."""
    long = float(max(shape[:2]))
    count = int(np.floor(np.log(options.largest / options.smallest) / np.log(options.step) + 1e-9)) + 1
    return [long * options.largest / options.step**i for i in range(count)]


def windows(shape: tuple[int, ...], side: float, options: SearchOptions) -> NDArray[np.float32]:
    """Windows (N, 3) of one size that cover an image, centred no nearer to its border than a quarter side."""
    axes = []
    for extent in (shape[1], shape[0]):
        # a head may be cut by the border: centres start a quarter of a window inside, not half of one
        low, high = min(side / 4, extent / 2), max(extent - side / 4, extent / 2)
        count = int(np.ceil((high - low) / (options.stride * side) - 1e-6)) + 1
        axes.append(np.linspace(low, high, count) if count > 1 else np.array([extent / 2]))
    x, y = np.meshgrid(*axes)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, side)], axis=1).astype(np.float32)


def _sift(predictor: Predictor, image: Picture, options: SearchOptions) -> _Sieve:
    """The faces of an image, in its full-resolution pixels, from large windows to small."""
    reduced, factor = _reduce(predictor.upload(image), options.working_size)
    sieve = _Sieve()
    shape = tuple(reduced.shape)
    for side in window_sizes(shape, options):
        known = sieve.regions()
        if len(known) and side < options.rival * known[:, 2].max():
            break
        grid = _away_from(windows(shape, side, options), known)
        for face in _faces_in(predictor, reduced, grid, options):
            sieve.add(face, options)
    sieve.faces = [_enlarged(face, factor) for face in sieve.faces]
    return sieve


def _away_from(grid: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows whose middle is not the middle of a head that is known."""
    distance = np.abs(grid[:, None, :2] - known[None, :, :2]).max(axis=-1)
    away: NDArray[np.float32] = grid[~(distance < known[None, :, 2] / 4).any(axis=1)]
    return away


def _faces_in(
    predictor: Predictor, image: Tensor, grid: NDArray[np.float32], options: SearchOptions
) -> list[Face]:
    """What the most promising windows (N, 3) of one size come to, be they faces or not."""
    if not len(grid):
        return []
    found = predictor.predict_windows(image, grid)
    found = found.select(np.flatnonzero(found.uncertainty <= options.promising))
    regions, uncertainty = np.empty((0, 4), np.float32), np.empty(0, np.float32)
    for _ in range(options.refinements):
        found = found.select(distinct(found.next_region, found.uncertainty, options.candidates))
        if not len(found):
            break
        found = predictor.predict_windows(image, _sane(found.next_region, tuple(image.shape)))
        regions = np.concatenate([regions, found.region])
        uncertainty = np.concatenate([uncertainty, found.uncertainty])
        if found.drift().max() <= STILL:
            break
    # of all looks at a head the surest: refining may lead from one head to a neighbour
    kept = distinct(regions, uncertainty, options.candidates)
    return _confirmed(predictor, image, regions[kept], options)


def _confirmed(
    predictor: Predictor, image: Tensor, regions: NDArray[np.float32], options: SearchOptions
) -> list[Face]:
    """The heads of some regions (N, 4), each as sure and as steady as the median of several views of it."""
    if not len(regions):
        return []
    views = jittered(torch.from_numpy(regions), options.views)
    looks = predictor.predict_windows(image, views.flatten(0, 1).numpy())
    uncertainty = np.median(looks.uncertainty.reshape(options.views, -1), axis=0)
    drift = np.median(looks.drift().reshape(options.views, -1), axis=0)
    return [Face(looks.next_region[i], float(uncertainty[i]), float(drift[i])) for i in range(len(regions))]


def _enlarged(face: Face, factor: float) -> Face:
    """The face in an image that is so many times as large."""
    region = face.region.copy()
    region[:2] = (region[:2] + 0.5) * factor - 0.5
    region[2] *= factor
    return Face(region, face.uncertainty, face.drift)


def _sane(regions: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Regions (N, 4) whose centre is in the image and whose size is neither nothing nor everything."""
    height, width = shape[:2]
    low, high = np.array([0, 0, 16, -np.pi]), np.array([width, height, 3 * max(height, width), np.pi])
    return np.clip(np.nan_to_num(regions), low, high).astype(np.float32)


def _reduce(image: Tensor, size: int) -> tuple[Tensor, float]:
    """The image with at most this long side, and how many of its pixels are one of the reduced."""
    height, width = image.shape[:2]
    factor = max(height, width) / size
    if factor <= 1:
        return image, 1.0
    smaller = (round(height / factor), round(width / factor))
    planes = functional.interpolate(image.permute(2, 0, 1)[None].float(), smaller, mode="area")
    return planes[0].permute(1, 2, 0).round().to(torch.uint8), width / smaller[1]
