"""A movie as a source of frames: frame number = start frame + position in the stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from calibration.errors import InputError
from pipeline.frames.images import Image, UnreadableImageError
from pipeline.frames.share import check_share

MOVIE_SUFFIXES = frozenset({".mov", ".mp4", ".m4v", ".mkv", ".avi", ".mxf"})


class Movie:
    """The first video stream of a movie file.

    Frames are counted once without decoding and are decoded in order; asking for an earlier frame starts
    again from the beginning, because seeking by time is not exact in every codec and a wrong frame would go
    unseen.
    """

    def __init__(self, path: Path, *, start_frame: int = 1001) -> None:
        self.path = path
        self._start = start_frame
        self._lock = threading.Lock()
        self._stream: Iterator[Any] | None = None
        self._next = 0
        count, self._size, self.fps = self._inspect()
        self._frames = tuple(range(start_frame, start_frame + count))

    @property
    def frames(self) -> tuple[int, ...]:
        """Ascending frame numbers."""
        return self._frames

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._size

    def fingerprint(self) -> list[tuple[str, int, int]]:
        """Name, bytes and time of change of the file, to notice a changed input."""
        status = self.path.stat()
        return [(self.path.name, status.st_size, status.st_mtime_ns)]

    def read(self, frame: int) -> Image:
        """Decode one frame to (H, W, 3) sRGB.

        Raises:
            UnreadableImageError: the movie has no such frame, or it does not decode.
        """
        index = frame - self._start
        if not 0 <= index < len(self._frames):
            raise UnreadableImageError(f"The movie has no frame {frame}", where=str(self.path))
        with self._lock:
            return self._read_at(index)

    def _read_at(self, index: int) -> Image:
        if self._stream is None or index < self._next:
            self._stream, self._next = self._decode(), 0
        while True:
            picture = next(self._stream, None)
            if picture is None:
                self._stream = None
                raise UnreadableImageError(
                    f"Frame {index + self._start} does not decode", where=str(self.path)
                )
            self._next += 1
            if self._next > index:
                return _rgb(picture)

    def _decode(self) -> Iterator[Any]:
        try:
            with av.open(str(self.path)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                yield from container.decode(stream)
        except av.FFmpegError as error:
            check_share(self.path, error.errno)
            raise UnreadableImageError(
                f"The movie does not decode ({error.strerror})", where=str(self.path)
            ) from error

    def _inspect(self) -> tuple[int, tuple[int, int], float]:
        if not self.path.exists():
            raise InputError("The movie does not exist", where=str(self.path))
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise InputError("The file has no video stream", where=str(self.path))
                stream = container.streams.video[0]
                count = sum(1 for packet in container.demux(stream) if packet.size)
                rate = stream.average_rate
                return count, (stream.width, stream.height), float(rate) if rate else 0.0
        except av.FFmpegError as error:
            raise InputError(
                f"The file is not a readable movie ({error.strerror})", where=str(self.path)
            ) from error


def _rgb(picture: Any) -> Image:
    return np.ascontiguousarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
