"""Held-out synthetic samples as labelled faces: exact labels of any layout of the surface."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.evaluation.labelled_faces import LabelledFace, box_size, eye_distance, labelled_region
from detector.layouts import Layout
from detector.training.samples import UNIT, list_shards, read_shard

Image = NDArray[np.uint8]


def held_out_shards(folder: Path) -> list[Path]:
    """The shards of a folder that training keeps for measuring; none where it is no folder of samples."""
    return [path for path in list_shards(folder) if path.name.startswith("held_")]


def faces_of_samples(folder: Path, wanted: Layout, sparse: Layout) -> list[LabelledFace]:
    """The held-out samples of a folder, labelled with a layout.

    Args:
        folder: of shards (:mod:`detector.training.samples`).
        wanted: a layout of the surface.
        sparse: the layout "ibug68", which gives the units of errors and the region.

    Raises:
        InputError: there are none, or one is damaged.
        UsageError: the layout's points do not lie on the surface.
    """
    shards = held_out_shards(folder)
    if not shards:
        raise InputError("no held-out samples", where=str(folder))
    faces = []
    for path in shards:
        chunk = read_shard(path)
        for index, (image, positions) in enumerate(zip(chunk.images, chunk.positions, strict=True)):
            pixels = positions.astype(np.float64) / UNIT
            faces.append(_face(f"{path.stem}.{index}", image, pixels, wanted, sparse))
    return faces


def _face(
    name: str, image: Image, pixels: NDArray[np.float64], wanted: Layout, sparse: Layout
) -> LabelledFace:
    points, outline = (
        np.asarray(each.points.evaluate(pixels), dtype=np.float64) for each in (wanted, sparse)
    )
    everything = np.ones(len(sparse), dtype=bool)
    return LabelledFace(
        name=name,
        read=partial(np.asarray, image),
        points=points,
        labelled=np.ones(len(wanted), dtype=bool),
        eyes=eye_distance(outline),
        box=box_size(outline),
        region=labelled_region(outline, everything, sparse),
    )
