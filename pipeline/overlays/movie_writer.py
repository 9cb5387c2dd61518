"""H.264 movies, written one frame at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.container
import cv2
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from calibration.whole_file import whole_file

Image = NDArray[np.uint8]

_BT709 = 1  # the code of ITU-R BT.709 for matrix, primaries and transfer alike
_TV_RANGE = 1
# The same pictures give the same bytes, on any number of cores: x264's threads part the work among
# them, and its macroblock tree reads memory that was never written.
_REPEATABLE = {"threads": "4", "x264-params": "mbtree=0"}


@contextmanager
def movie_writer(path: Path, fps: float, quality: int = 20) -> Iterator[MovieWriter]:
    """A writer of an mp4 that is there, whole, when the block ends well, and absent when it fails.

    Args:
        path: of the movie.
        fps: frames per second.
        quality: H.264's constant rate factor: 18 looks lossless, 28 is small.

    Raises:
        InputError: the file cannot be written.
    """
    options = {"movflags": "+faststart"}
    with whole_file(path) as partial, av.open(str(partial), mode="w", options=options) as container:
        writer = MovieWriter(container, fps, quality)
        yield writer
        writer.finish()


class MovieWriter:
    """Takes (H, W, 3) uint8 RGB images; :func:`movie_writer` makes one.

    The first image sets the size, made even as yuv420p needs; later ones of another size are scaled to it.
    """

    def __init__(self, container: av.container.OutputContainer, fps: float, quality: int) -> None:
        self.count = 0
        self._container = container
        self._rate = Fraction(fps).limit_denominator(1001)
        self._quality = quality
        self._stream: av.VideoStream | None = None

    def write(self, image: Image) -> None:
        """Append one frame."""
        stream = self._stream or self._start(image)
        if image.shape[:2] != (stream.height, stream.width):
            image = _even(cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = self.count, 1 / self._rate
        self._container.mux(stream.encode(frame))
        self.count += 1

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())

    def _start(self, image: Image) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=self._rate)
        stream.height, stream.width = _even(image).shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(self._quality), "preset": "veryfast"} | _REPEATABLE
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _TV_RANGE
        self._stream = stream
        return stream


def _even(image: Image) -> Image:
    """The image without its last row or column where their number is odd."""
    return image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
