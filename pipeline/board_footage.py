"""The images of a board that a calibration looks at: from folders or movies, no more than are useful."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from pipeline.frames.images import Image, UnreadableImageError
from pipeline.frames.movies import Movie
from pipeline.frames.sources import FrameSource, open_source
from pipeline.shoot.board_settings import BoardSettings
from pipeline.shoot.section import CameraSettings
from pipeline.shoot.shoot import Shoot

log = logging.getLogger(__name__)

Grey = NDArray[np.uint8]
Views = dict[str, dict[int, Callable[[], Grey]]]

ENOUGH = 200
"""Images of a camera; more say nothing new about it."""

_ROW_SHARE = 4  # one part of so many is frames in a row


@dataclass(frozen=True)
class BoardFootage:
    """Where the images of a board are.

    Attributes:
        poses: by camera, with frame numbers that are shared by images of the same moment.
        lenses: by camera, further images for the lens alone.
        every: use each so many-th frame; None for what is useful.
    """

    poses: Mapping[str, FrameSource]
    lenses: Mapping[str, FrameSource]
    every: int | None

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height in pixels by camera.

        Raises:
            InputError: the images for a camera's lens have another size than its other images.
        """
        sizes = {name: source.size for name, source in self.poses.items()}
        for name, source in self.lenses.items():
            if source.size != sizes[name]:
                one, other = (f"{size[0]} x {size[1]}" for size in (source.size, sizes[name]))
                raise InputError(
                    f"The images for the lens are {one} but the others {other}",
                    where=f"Camera {name}",
                    fix="A lens is calibrated at the size and crop of the shot",
                )
        return sizes

    def images(self) -> Views:
        """By camera and frame, functions that load a grey image; of long sequences a part, common to all."""
        frames = thinned({name: source.frames for name, source in self.poses.items()}, self.every)
        return {name: _views(self.poses[name], frames[name]) for name in self.poses}

    def lens_images(self) -> Views:
        """The same for the lenses alone."""
        views = {}
        for name, source in self.lenses.items():
            frames = thinned({name: source.frames}, self.every)[name]
            views[name] = _views(source, frames)
        return views

    def fingerprint(self) -> dict[str, object]:
        """What tells whether any of the images has changed."""
        return {
            what: {name: source.fingerprint() for name, source in sources.items()}
            for what, sources in (("poses", self.poses), ("lenses", self.lenses))
        }


def open_board(shoot: Shoot, settings: BoardSettings) -> BoardFootage:
    """The images of the board of a shoot.

    Raises:
        InputError: a folder or movie is missing, or belongs to no camera of the shoot.
    """
    unknown = sorted({*settings.images, *settings.lens_images} - set(shoot.camera_names))
    if unknown:
        raise InputError(f"There is no camera '{unknown[0]}' to calibrate", where=str(shoot.file))

    def opened(footage: CameraSettings) -> FrameSource:
        path = shoot.path(footage.images)
        return open_source(path, start_frame=footage.start_frame, exposure=footage.exposure)

    return BoardFootage(
        {name: opened(footage) for name, footage in settings.images.items()},
        {name: opened(footage) for name, footage in settings.lens_images.items()},
        settings.every,
    )


def thinned(
    frames: Mapping[str, Sequence[int]], every: int | None = None, enough: int = ENOUGH
) -> dict[str, tuple[int, ...]]:
    """The frames of each camera to look at; those that several cameras have stay common to them.

    Args:
        frames: ascending frame numbers by camera.
        every: keep each so many-th frame number of those that there are; None to keep about `enough`,
            most of them evenly spread, some in a row.
        enough: frames of a camera that are kept.
    """
    counts: dict[int, int] = {}
    for numbers in frames.values():
        for number in numbers:
            counts[number] = counts.get(number, 0) + 1
    if every is not None:
        kept = set(sorted(counts)[::every])
        return {name: tuple(f for f in numbers if f in kept) for name, numbers in frames.items()}
    if max((len(numbers) for numbers in frames.values()), default=0) <= enough:
        return {name: tuple(numbers) for name, numbers in frames.items()}
    shared = _in_a_row(counts, enough // _ROW_SHARE)
    shared |= spread([number for number in sorted(counts) if counts[number] > 1], enough - len(shared))
    chosen = {}
    for name, numbers in frames.items():
        common = shared & set(numbers)
        alone = [number for number in numbers if number not in common]
        chosen[name] = tuple(sorted(common | spread(alone, enough - len(common))))
    return chosen


def _in_a_row(counts: Mapping[int, int], length: int) -> set[int]:
    """Numbers in a row, in the middle of those that most cameras have: they tell whether clocks agree."""
    most = max(counts.values())
    numbers = [number for number in sorted(counts) if counts[number] == most and most > 1]
    first = max(0, (len(numbers) - length) // 2)
    return set(numbers[first : first + length])


def spread(numbers: Sequence[int], count: int) -> set[int]:
    """At most `count` of the numbers, from the first to the last."""
    if len(numbers) <= count or count <= 0:
        return set(numbers[: max(count, 0)])
    return {numbers[index] for index in np.linspace(0, len(numbers) - 1, count).round().astype(int)}


def _views(source: FrameSource, frames: Sequence[int]) -> dict[int, Callable[[], Grey]]:
    read = _Strip(source, frames).read if isinstance(source, Movie) else source.read
    return {frame: partial(_grey, read, source.size, frame) for frame in frames}


class _Strip:
    """A movie of which some frames are asked for in nearly their order, by several threads.

    A movie is decoded from its start; frames that are passed on the way to one that was asked for earlier
    wait here for their own turn, so that the movie never has to begin again.
    """

    def __init__(self, movie: FrameSource, wanted: Sequence[int]) -> None:
        self._movie = movie
        self._ahead = list(reversed(wanted))
        self._passed: dict[int, Image | UnreadableImageError] = {}
        self._lock = threading.Lock()

    def read(self, frame: int) -> Image:
        """One frame as (H, W, 3) sRGB; raises UnreadableImageError where it cannot be had."""
        with self._lock:
            while self._ahead and self._ahead[-1] <= frame:
                number = self._ahead.pop()
                self._passed[number] = self._decoded(number)
            found = self._passed.pop(frame, None)
            if found is None:
                found = self._decoded(frame)
        if isinstance(found, UnreadableImageError):
            raise found
        return found

    def _decoded(self, frame: int) -> Image | UnreadableImageError:
        try:
            return self._movie.read(frame)
        except UnreadableImageError as error:
            return error


def _grey(read: Callable[[int], Image], size: tuple[int, int], frame: int) -> Grey:
    """An image of the board; a black one, in which there is no board, where the file cannot be read."""
    try:
        return np.asarray(cv2.cvtColor(read(frame), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    except UnreadableImageError as error:
        log.warning("Calibrate: %s It is left out.", error)
        return np.zeros(size[::-1], dtype=np.uint8)
