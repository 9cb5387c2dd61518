"""Lengths in another unit: of one camera among others, or of the whole rig by the size of the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.camera import Camera
from fitting.camera_checks.hypothesis import CameraMistake, Hypothesis, Suspects
from fitting.camera_checks.sample import Sample

HEAD_HEIGHT = 0.23
POSSIBLE_SIZE, USUAL_SIZE = (0.5, 2.0), (0.75, 1.35)
"""Of heads, the mean head being 1."""

UNITS = {
    1e3: "millimetres taken for metres",
    1e2: "centimetres taken for metres",
    10.0: "millimetres taken for centimetres",
    39.37: "inches taken for metres",
    3.281: "feet taken for metres",
    2.54: "centimetres taken for inches",
    1e-3: "metres taken for millimetres",
    1e-2: "metres taken for centimetres",
    0.1: "centimetres taken for millimetres",
    0.0254: "metres taken for inches",
    0.3048: "metres taken for feet",
    0.3937: "inches taken for centimetres",
}
"""By how many times too long lengths are, and why."""

_NEAR = 1.3


def scaled(camera: Camera, factor: float) -> Camera:
    """The camera so many times as far from the world's origin."""
    return replace(camera, t=factor * camera.t)


def one_in_another_unit(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """The translation of one camera in another unit than those of the others."""
    for factor, words in UNITS.items():
        kind = CameraMistake(
            "unit",
            f"{{its}} translation is in another unit than the others': {words}",
            f"Divide {{its}} translation by {factor:g}",
            partial(scaled, factor=1 / factor),
            whole=False,
        )
        yield from kind(sample, suspects)


def unit_of(scale: float) -> tuple[float, str] | None:
    """What lengths are to be divided by, and why, when a head is so many times as large as the mean head.

    Returns:
        None for a size that a head can have, or that no known unit explains.
    """
    if not np.isfinite(scale) or POSSIBLE_SIZE[0] < scale < POSSIBLE_SIZE[1]:
        return None
    factor, words = min(UNITS.items(), key=lambda each: abs(np.log(scale / each[0])))
    return (factor, words) if abs(np.log(scale / factor)) < np.log(_NEAR) else None


def whole_unit(sample: Sample, factor: float, words: str) -> Hypothesis:
    """All lengths in another unit."""
    every = tuple(range(len(sample.rig)))
    return Hypothesis(
        "unit",
        every,
        f"all lengths are in another unit: {words}",
        f"Divide all translations by {factor:g}, or say the unit of the file",
        lambda sample: sample.with_cameras(partial(scaled, factor=1 / factor), every),
    )


def head_height(scale: float) -> str:
    """The height of the head in words."""
    metres = scale * HEAD_HEIGHT
    return f"{metres:.2f} m" if metres > 0.1 else f"{1000 * metres:.2g} mm"
