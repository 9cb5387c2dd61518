"""The landmarks of one camera in one HDF5 file: what is in it, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline.stores.hdf5 import reading, stored_fingerprint

KIND = "vultus-landmarks"
SCHEMA = 2
OLDEST_SCHEMA = 1
"""Whose regions have no roll and which has no uncertainty; it is read, but not gone on with."""


class FrameStatus(IntEnum):
    """What became of a frame of a camera."""

    PENDING = 0
    OK = 1
    MISSING = 2
    UNREADABLE = 3
    NO_FACE = 4


@dataclass(frozen=True, eq=False)
class LandmarkHeader:
    """What is known before detection.

    Attributes:
        camera: its name.
        size: width and height of its images, pixels.
        frames: (F,) frame numbers, ascending.
        layout: name of the layout.
        queries: (L, 3) its queries.
        fingerprint: of settings and inputs.
    """

    camera: str
    size: tuple[int, int]
    frames: NDArray[np.int64]
    layout: str
    queries: NDArray[np.float32]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class LandmarkRows:
    """Landmarks of some frames of one camera.

    Attributes:
        mean: (F, L, 2) full-resolution, distorted image pixels; NaN where the status is not OK.
        sigma: (F, L) pixels; NaN likewise.
        region: (F, 4) the region looked at: cx, cy, size in pixels, roll in radians; NaN likewise.
        uncertainty: (F,) geometric mean of sigma over the head, in half sides of the region; NaN likewise,
            and in files of schema 1.
        status: (F,) FrameStatus.
        reason: (F,) why, in words; where OK a remark, such as that there were two faces, mostly empty.
    """

    mean: NDArray[np.float32]
    sigma: NDArray[np.float32]
    region: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    status: NDArray[np.uint8]
    reason: list[str]

    def __len__(self) -> int:
        return len(self.status)

    def select(self, index: NDArray[np.int64]) -> LandmarkRows:
        """The rows at some positions; these very ones, without a copy, if that is all of them."""
        if np.array_equal(index, np.arange(len(self))):
            return self
        arrays = {name: values[index] for name, values in vars(self).items() if name != "reason"}
        return LandmarkRows(**arrays, reason=[self.reason[each] for each in index])

    @classmethod
    def empty(cls, frames: int, landmarks: int) -> LandmarkRows:
        """Rows of pending frames."""
        return cls(
            mean=np.full((frames, landmarks, 2), np.nan, np.float32),
            sigma=np.full((frames, landmarks), np.nan, np.float32),
            region=np.full((frames, 4), np.nan, np.float32),
            uncertainty=np.full(frames, np.nan, np.float32),
            status=np.zeros(frames, np.uint8),
            reason=[""] * frames,
        )


@dataclass(frozen=True, eq=False)
class Landmarks:
    """A whole landmark file."""

    header: LandmarkHeader
    rows: LandmarkRows

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(F,) whether the frame has landmarks."""
        return np.asarray(self.rows.status == FrameStatus.OK)


def read_landmarks(path: Path, numbers: Sequence[int] | None = None) -> Landmarks:
    """Read a finished landmark file, or the frames of some numbers, those of them that it has.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged or of another kind.
    """
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        header = _read_header(file)
        if numbers is None:
            return Landmarks(header, read_rows(file, slice(None)))
        wanted = np.flatnonzero(np.isin(header.frames, list(numbers)))
        between = slice(wanted[0], wanted[-1] + 1) if len(wanted) else slice(0)
        rows = read_rows(file, between).select(wanted - (between.start or 0))
        return Landmarks(replace(header, frames=header.frames[wanted]), rows)


def read_regions(path: Path) -> NDArray[np.float32]:
    """The regions (F, 4) of a finished file, without its landmarks; errors as :func:`read_landmarks`."""
    with reading(path, kind=KIND, schema=SCHEMA) as file:
        return np.asarray(file["region"][:], dtype=np.float32)


def landmark_fingerprint(path: Path) -> str | None:
    """The fingerprint of a finished landmark file; None where there is none.

    Raises:
        CorruptStoreError: the file is damaged.
    """
    return stored_fingerprint(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA)


def read_header(path: Path) -> LandmarkHeader:
    """What a finished file says of itself; errors as :func:`read_landmarks`."""
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        return _read_header(file)


def _read_header(file: h5py.File) -> LandmarkHeader:
    width, height = (int(value) for value in file.attrs["image_size"])
    return LandmarkHeader(
        camera=str(file.attrs["camera"]),
        size=(width, height),
        frames=np.asarray(file["frames"][:], dtype=np.int64),
        layout=str(file.attrs["layout"]),
        queries=np.asarray(file["queries"][:], dtype=np.float32),
        fingerprint=str(file.attrs["fingerprint"]),
    )


def read_rows(file: h5py.File, rows: slice) -> LandmarkRows:
    """Some rows of an open file."""
    region = np.asarray(file["region"][rows], dtype=np.float32)
    if file.attrs["schema_version"] == 1:
        upright = np.where(np.isnan(region[:, :1]), np.float32(np.nan), np.float32(0.0))
        region, uncertainty = np.hstack([region, upright]), np.full(len(region), np.nan, np.float32)
    else:
        uncertainty = np.asarray(file["uncertainty"][rows], dtype=np.float32)
    return LandmarkRows(
        mean=np.asarray(file["mean"][rows], dtype=np.float32),
        sigma=np.asarray(file["sigma"][rows], dtype=np.float32),
        region=region,
        uncertainty=uncertainty,
        status=np.asarray(file["status"][rows], dtype=np.uint8),
        reason=[text.decode(errors="replace") for text in file["reason"][rows]],
    )
