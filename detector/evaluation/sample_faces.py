"""Held-out synthetic samples as labelled faces: exact labels of any layout of the surface, and of bones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from detector.evaluation.labelled_faces import LabelledFace, box_size, eye_distance, labelled_region
from detector.layouts import Layout
from detector.training.samples import UNIT, SampleChunk, list_shards, read_shard

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]


def held_out_shards(folder: Path) -> list[Path]:
    """The shards of a folder that training keeps for measuring; none where it is no folder of samples."""
    return [path for path in list_shards(folder) if path.name.startswith("held_")]


def faces_of_samples(
    folder: Path, wanted: Sequence[Layout], sparse: Layout, vertices: int
) -> list[LabelledFace]:
    """The held-out samples of a folder, labelled with some layouts, one after the other.

    Args:
        folder: of shards (:mod:`detector.training.samples`).
        wanted: layouts of the surface or of bones.
        sparse: the layout "ibug68", which gives the units of errors and the region.
        vertices: V, of the head model.

    Raises:
        InputError: there are none, or one is damaged, or has no bones where those are wanted.
        UsageError: a layout's points lie neither on the surface nor on bones.
    """
    faces = []
    for path, chunk in _held_out(folder):
        for index, (image, positions) in enumerate(zip(chunk.images, chunk.positions, strict=True)):
            pixels = positions.astype(np.float64) / UNIT
            try:
                labels = np.concatenate([_labels(each, pixels, vertices) for each in wanted])
            except IndexError as error:
                raise InputError(
                    "the samples are labelled with the surface alone", where=str(path)
                ) from error
            outline = _labels(sparse, pixels, vertices)
            faces.append(_face(f"{path.stem}.{index}", image, labels, outline, sparse))
    return faces


def hold_bones(folder: Path, vertices: int) -> bool:
    """Whether the held-out samples of a folder are labelled with more than the head model's V vertices.

    Raises:
        InputError: there are no held-out samples, or one is damaged.
    """
    return all(chunk.positions.shape[1] > vertices for _, chunk in _held_out(folder))


def _held_out(folder: Path) -> list[tuple[Path, SampleChunk]]:
    shards = held_out_shards(folder)
    if not shards:
        raise InputError("no held-out samples", where=str(folder))
    return [(path, read_shard(path)) for path in shards]


def _labels(wanted: Layout, pixels: Floats, vertices: int) -> Floats:
    """Labels (L, 2) of a layout out of those (P, 2) of a sample.

    Raises:
        IndexError: the sample lacks them.
    """
    if wanted.bones is None:
        return np.asarray(wanted.points.evaluate(pixels[:vertices]), dtype=np.float64)
    return pixels[vertices + wanted.bones]


def _face(name: str, image: Image, labels: Floats, outline: Floats, sparse: Layout) -> LabelledFace:
    return LabelledFace(
        name=name,
        read=partial(np.asarray, image),
        points=labels,
        labelled=np.ones(len(labels), dtype=bool),
        eyes=eye_distance(outline),
        box=box_size(outline),
        region=labelled_region(outline, np.ones(len(sparse), dtype=bool), sparse),
    )
