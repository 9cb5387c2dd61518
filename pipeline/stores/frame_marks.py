"""What became of the frames of a camera, out of its landmark file and without reading the landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.stores.hdf5 import reading
from pipeline.stores.landmarks import KIND, OLDEST_SCHEMA, SCHEMA


@dataclass(frozen=True, eq=False)
class FrameMarks:
    """The frames of one camera.

    Attributes:
        camera: its name.
        frames: (F,) frame numbers, ascending.
        status: (F,) :class:`pipeline.stores.landmarks.FrameStatus`.
        reason: (F,) why, in words; where there are landmarks a remark, mostly empty.
    """

    camera: str
    frames: NDArray[np.int64]
    status: NDArray[np.uint8]
    reason: tuple[str, ...]


def read_marks(path: Path) -> FrameMarks:
    """Read them.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged or of another kind.
    """
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        return FrameMarks(
            camera=str(file.attrs["camera"]),
            frames=np.asarray(file["frames"][:], dtype=np.int64),
            status=np.asarray(file["status"][:], dtype=np.uint8),
            reason=tuple(text.decode(errors="replace") for text in file["reason"][:]),
        )
