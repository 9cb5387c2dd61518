"""Writing the landmarks of one camera to one HDF5 file, so that a kill at any moment loses little.

The file grows under a temporary name and is closed after each chunk, so that a killed process leaves a
readable file whose ``done`` mask says where to go on. All space is taken when the file is made: later writes
change no HDF5 structure (a kill cannot tear it), and a full disk shows before the work and not after it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from calibration.errors import DiskError
from pipeline.stores.hdf5 import (
    CorruptStoreError,
    partial_path,
    publish,
    reading,
    stamp,
    stored_fingerprint,
    writing,
)
from pipeline.stores.landmarks import KIND, SCHEMA, FrameStatus, LandmarkHeader, LandmarkRows, read_rows

log = logging.getLogger(__name__)

_REASON_BYTES = 160


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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskError(
                f"The folder cannot be made ({error.strerror})", where=str(path.parent)
            ) from error
        if not self._resumable():
            self._create()

    def done(self) -> NDArray[np.bool_]:
        """(F,) the frames that are on disk."""
        with reading(self._partial, kind=KIND, schema=SCHEMA) as file:
            return np.asarray(file["done"][:], dtype=bool)

    def regions(self, start: int, end: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Regions (N, 4) and statuses (N,) of frames from a position to another."""
        with reading(self._partial, kind=KIND, schema=SCHEMA) as file:
            return np.asarray(file["region"][start:end]), np.asarray(file["status"][start:end])

    def adopt(self, path: Path) -> int:
        """Take over what another file of the same work has done, finished or not, and this one has not.

        Returns:
            how many; 0 where there is no such file, and where it is of other work or damaged.

        Raises:
            DiskError: the disk is full.
        """
        if not self._is_same_work(path):
            return 0
        try:
            with reading(path, kind=KIND, schema=SCHEMA) as file:
                theirs = np.asarray(file["frames"][:], dtype=np.int64)
                _, here, there = np.intersect1d(self.header.frames, theirs, return_indices=True)
                new = np.asarray(file["done"][:], dtype=bool)[there] & ~self.done()[here]
                for own, other in _runs(here[new], there[new]):
                    self.write(own.start, read_rows(file, other))
                return int(new.sum())
        except CorruptStoreError as error:
            log.warning("%s What it held is made again.", error)
            return 0

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
        except CorruptStoreError as error:
            log.warning("%s What it held is made again.", error)
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


def _runs(here: NDArray[np.intp], there: NDArray[np.intp]) -> Iterator[tuple[slice, slice]]:
    """Stretches in which positions (N,) of two files go on by one in both."""
    if not len(here):
        return
    breaks = np.flatnonzero((np.diff(here) != 1) | (np.diff(there) != 1)) + 1
    for own, other in zip(np.split(here, breaks), np.split(there, breaks), strict=True):
        yield slice(int(own[0]), int(own[-1]) + 1), slice(int(other[0]), int(other[-1]) + 1)


def _reserve(file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype, *, units: str = "") -> None:
    """Make a contiguous dataset whose space is taken at once; floating point starts as NaN."""
    fill = np.nan if dtype.kind == "f" else None
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    dataset = file.create_dataset(name, shape, dtype=dtype, fillvalue=fill, dcpl=layout)
    if units:
        dataset.attrs["units"] = units
