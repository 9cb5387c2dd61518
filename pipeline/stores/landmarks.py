"""The landmarks of one camera in one HDF5 file.

The file grows under a temporary name and is closed after each chunk, so that a killed process leaves a
readable file whose ``done`` mask says where to go on. All space is taken when the file is made: later writes
change no HDF5 structure (a kill cannot tear it), and a full disk shows before the work and not after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline.stores.hdf5 import (
    CorruptStoreError,
    partial_path,
    publish,
    reading,
    stamp,
    stored_fingerprint,
    writing,
)

KIND = "vultus-landmarks"
SCHEMA = 2
OLDEST_SCHEMA = 1
"""Whose regions have no roll and which has no uncertainty; it is read, but not gone on with."""

_REASON_BYTES = 160


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


class LandmarkWriter:
    """Writes one landmark file chunk by chunk, going on with an earlier one if it was the same work.

    Args:
        path: the final name.
        header: what is to be detected.

    Raises:
        DiskError: the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, header: LandmarkHeader) -> None:
        self.path = path
        self.header = header
        self._partial = partial_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._resumable():
            self._create()

    def done(self) -> NDArray[np.bool_]:
        """(F,) the frames that are on disk."""
        with reading(self._partial, kind=KIND, schema=SCHEMA) as file:
            return np.asarray(file["done"][:], dtype=bool)

    def rows(self, end: int) -> LandmarkRows:
        """The rows that are stored before a position, from which tracking goes on."""
        with reading(self._partial, kind=KIND, schema=SCHEMA) as file:
            return _read_rows(file, slice(0, end))

    def write(self, start: int, rows: LandmarkRows) -> None:
        """Store rows from position ``start`` on and mark them done.

        Raises:
            DiskError: the disk is full.
        """
        end = start + len(rows.status)
        with writing(self._partial, "r+") as file:
            file["mean"][start:end] = rows.mean
            file["sigma"][start:end] = rows.sigma
            file["region"][start:end] = rows.region
            file["uncertainty"][start:end] = rows.uncertainty
            file["status"][start:end] = rows.status
            file["reason"][start:end] = [text.encode()[:_REASON_BYTES] for text in rows.reason]
            file.flush()
            file["done"][start:end] = True

    def finish(self) -> Path:
        """Give the whole file its final name.

        Raises:
            CorruptStoreError: frames are still pending.
        """
        pending = int((~self.done()).sum())
        if pending:
            raise CorruptStoreError(f"{pending} frames were never written", where=str(self._partial))
        return publish(self.path)

    def _resumable(self) -> bool:
        if self._is_same_work(self._partial):
            return True
        if self._is_same_work(self.path):
            # Another camera of the shoot was not finished: this one goes on beside it.
            self.path.replace(self._partial)
            return True
        return False

    def _is_same_work(self, path: Path) -> bool:
        try:
            return stored_fingerprint(path, kind=KIND, schema=SCHEMA) == self.header.fingerprint
        except CorruptStoreError:
            return False

    def _create(self) -> None:
        header, frames, landmarks = self.header, len(self.header.frames), len(self.header.queries)
        self._partial.unlink(missing_ok=True)
        with writing(self._partial, "w") as file:
            file.attrs["camera"] = header.camera
            file.attrs["image_size"] = header.size
            file.attrs["layout"] = header.layout
            file["frames"] = np.asarray(header.frames, dtype=np.int64)
            file["queries"] = np.asarray(header.queries, dtype=np.float32)
            file["queries"].attrs["units"] = "canonical head, 0.15 m"
            _reserve(file, "mean", (frames, landmarks, 2), np.dtype(np.float32), units="px")
            _reserve(file, "sigma", (frames, landmarks), np.dtype(np.float32), units="px")
            _reserve(file, "region", (frames, 4), np.dtype(np.float32), units="px, px, px, rad")
            _reserve(file, "uncertainty", (frames,), np.dtype(np.float32), units="half sides of the region")
            _reserve(file, "status", (frames,), h5py.enum_dtype({s.name: s.value for s in FrameStatus}, "u1"))
            _reserve(file, "reason", (frames,), np.dtype(f"S{_REASON_BYTES}"))
            _reserve(file, "done", (frames,), np.dtype(bool))
            # Last: a file without its stamp is one whose making was cut short, and is made again.
            stamp(file, kind=KIND, schema=SCHEMA, fingerprint=header.fingerprint)


def read_landmarks(path: Path) -> Landmarks:
    """Read a finished landmark file.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged or of another kind.
    """
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        width, height = (int(value) for value in file.attrs["image_size"])
        header = LandmarkHeader(
            camera=str(file.attrs["camera"]),
            size=(width, height),
            frames=np.asarray(file["frames"][:], dtype=np.int64),
            layout=str(file.attrs["layout"]),
            queries=np.asarray(file["queries"][:], dtype=np.float32),
            fingerprint=str(file.attrs["fingerprint"]),
        )
        return Landmarks(header, _read_rows(file, slice(None)))


def landmark_fingerprint(path: Path) -> str | None:
    """The fingerprint of a finished landmark file; None where there is none.

    Raises:
        CorruptStoreError: the file is damaged.
    """
    return stored_fingerprint(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA)


def _read_rows(file: h5py.File, rows: slice) -> LandmarkRows:
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


def _reserve(file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype, *, units: str = "") -> None:
    """Make a contiguous dataset whose space is taken at once; floating point starts as NaN."""
    fill = np.nan if dtype.kind == "f" else None
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    dataset = file.create_dataset(name, shape, dtype=dtype, fillvalue=fill, dcpl=layout)
    if units:
        dataset.attrs["units"] = units
