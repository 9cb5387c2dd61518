"""The frames of one camera: a folder of numbered images, a pattern such as ``left.####.exr``, or a movie."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import fileseq

from calibration.errors import InputError
from pipeline.frames.images import IMAGE_SUFFIXES, Image, UnreadableImageError, read_image
from pipeline.frames.movies import MOVIE_SUFFIXES, Movie

READ_THREADS = 4
MOST_READ_THREADS = 16

READY = 16
"""Images that are kept ready for the network, beside those that threads are at; a rig asks for many."""

T = TypeVar("T")

_PATTERN = re.compile(r"#|@|%\d*d|\$F\d*")


class FrameSource(Protocol):
    """What a camera saw, by frame number."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Ascending frame numbers; gaps are legal."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def read(self, frame: int) -> Image:
        """One frame as (H, W, 3) sRGB; raises UnreadableImageError where it cannot be had."""

    def fingerprint(self) -> list[tuple[str, int, int]]:
        """Name, bytes and time of change of each file, to notice changed inputs."""


class ImageSequence:
    """Numbered image files of one size.

    Args:
        files: path of each frame number.
        name: what to call the sequence in messages.
        exposure: stops, for linear images.
    """

    def __init__(self, files: dict[int, Path], *, name: str, exposure: float = 0.0) -> None:
        if not files:
            raise InputError("There are no numbered images", where=name)
        self._files = dict(sorted(files.items()))
        self._name = name
        self._exposure = exposure
        self._size: tuple[int, int] | None = None
        self._size_frame = 0

    @property
    def frames(self) -> tuple[int, ...]:
        """Ascending frame numbers."""
        return tuple(self._files)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as the first readable image has them.

        Raises:
            InputError: not one of the images is readable.
        """
        if self._size is None:
            for frame, path in self._files.items():
                try:
                    image = read_image(path, exposure=self._exposure)
                except UnreadableImageError:
                    continue
                self._size, self._size_frame = (image.shape[1], image.shape[0]), frame
                break
            else:
                raise InputError(f"None of the {len(self._files)} images is readable", where=self._name)
        return self._size

    def path(self, frame: int) -> Path:
        """The file of a frame.

        Raises:
            UnreadableImageError: the sequence has no such frame.
        """
        if frame not in self._files:
            raise UnreadableImageError(f"There is no frame {frame}", where=self._name)
        return self._files[frame]

    def read(self, frame: int) -> Image:
        """Decode one frame to (H, W, 3) sRGB.

        Raises:
            UnreadableImageError: the image is missing, truncated or not an image.
            InputError: its size differs from that of the other images of the camera.
        """
        image = read_image(self.path(frame), exposure=self._exposure)
        width, height = self.size
        if image.shape[:2] != (height, width):
            found, expected = f"{image.shape[1]} x {image.shape[0]}", f"{width} x {height}"
            raise InputError(
                f"Frame {frame} is {found} but frame {self._size_frame} is {expected}",
                where=self._name,
                fix="All images of one camera must have one size: leave the frame out or replace it",
            )
        return image

    def fingerprint(self) -> list[tuple[str, int, int]]:
        """Name, bytes and time of change of each file."""
        marks = []
        for path in self._files.values():
            status = path.stat()
            marks.append((path.name, status.st_size, status.st_mtime_ns))
        return marks


def open_source(path: Path, *, start_frame: int = 1001, exposure: float = 0.0) -> FrameSource:
    """Open a folder of numbered images, a pattern, or a movie.

    Args:
        path: a folder; a pattern with ``####``, ``%04d`` or ``$F4`` for the frame number; or a movie file.
        start_frame: number of a movie's first frame.
        exposure: stops, for linear images.

    Raises:
        InputError: nothing is there, or a folder holds more than one sequence.
    """
    if path.suffix.lower() in MOVIE_SUFFIXES:
        return Movie(path, start_frame=start_frame)
    if path.is_dir():
        return ImageSequence(_folder_files(path), name=str(path), exposure=exposure)
    if _PATTERN.search(path.name):
        return ImageSequence(_pattern_files(path), name=str(path), exposure=exposure)
    raise InputError(
        "There is no such folder, movie or pattern of images"
        if not path.exists()
        else "This is neither a folder nor a movie",
        where=str(path),
        fix="Give a folder of numbered images, a movie, or a pattern such as left.####.jpg",
    )


def image_sequences(folder: Path) -> list[fileseq.FileSequence]:
    """The sequences of numbered images that lie in a folder, by name."""
    found = fileseq.findSequencesOnDisk(str(folder))
    images = [s for s in found if s.extension().lower() in IMAGE_SUFFIXES and s.frameSet() is not None]
    return sorted(images, key=str)


def read_ahead(
    frames: Iterable[tuple[FrameSource, int]],
    prepare: Callable[[Image], T],
    *,
    threads: int = READ_THREADS,
    held: int = 0,
) -> Generator[T | UnreadableImageError, None, None]:
    """Yield frames in order while the next ones are decoded and prepared in threads.

    A frame that cannot be read yields its error in place of the image, so that the caller can record it.

    Args:
        frames: sources and frame numbers, in the order in which they are wanted.
        prepare: what else is done with an image in the thread, such as the upload to a device.
        threads: that decode.
        held: images that are ready or being made at a time; at least one for each thread.
    """
    waiting: deque[Future[T | UnreadableImageError]] = deque()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for source, frame in frames:
                waiting.append(pool.submit(_read_or_error, source, frame, prepare))
                if len(waiting) > max(threads, held):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read_or_error(
    source: FrameSource, frame: int, prepare: Callable[[Image], T]
) -> T | UnreadableImageError:
    try:
        image = source.read(frame)
    except UnreadableImageError as error:
        return error
    return prepare(image)


def _folder_files(folder: Path) -> dict[int, Path]:
    sequences = image_sequences(folder)
    if len(sequences) > 1:
        names = ", ".join(f"{s.basename()}{'#' * s.zfill()}{s.extension()}" for s in sequences[:4])
        raise InputError(
            f"The folder holds {len(sequences)} image sequences ({names})",
            where=str(folder),
            fix="Name the one that is meant by a pattern",
        )
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir()) if not sequences else []
    if inside:
        raise InputError(
            f"There are no numbered images, but folders ({', '.join(inside[:4])})",
            where=str(folder),
            fix=f"Give one of them, such as {folder / inside[0]}",
        )
    return _files(sequences[0]) if sequences else {}


def _pattern_files(pattern: Path) -> dict[int, Path]:
    try:
        sequence = fileseq.findSequenceOnDisk(str(pattern), pad_style=fileseq.PAD_STYLE_HASH1)
    except ValueError as error:  # every fileseq exception is a ValueError
        raise InputError("No file matches the pattern", where=str(pattern)) from error
    return _files(sequence)


def _files(sequence: fileseq.FileSequence) -> dict[int, Path]:
    return {int(frame): Path(sequence.frame(frame)) for frame in sequence.frameSet()}
