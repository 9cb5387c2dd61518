"""A turntable, an animation and a contact sheet of a take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from fitting.head_model import HeadModel
from fitting.performance import Performance
from pipeline.drawing.picture_file import write_picture
from pipeline.drawing.tiles import beside, label, wall
from pipeline.export.options import ExportOptions
from pipeline.overlays.movie_writer import movie_writer
from pipeline.preview.figure import Figure, Moment
from pipeline.preview.studio import VIEWS, Studio
from pipeline.progress import Progress, silent

Image = NDArray[np.uint8]

TURN = 96
"""Pictures of a full turn."""
SHEET_VIEWS = ("front", "three-quarter")
SHEET_FRAMES = 6
MOST_PIXELS = 2160


@dataclass(frozen=True)
class PreviewOptions:
    """How to draw a preview.

    Attributes:
        export: name, and what of the head is drawn: motion, subdivision, parts, topology; metres, Y up. With
            motion "world" the head moves about its mean place in the take, upright and looking ahead.
        height: of the movies' pictures in pixels; they are 4 by 5.
        fps: of the movies; None for that of the take.
        view: of the animation, a key of :data:`pipeline.preview.studio.VIEWS`.
        frames: numbers to draw, those that the take has of them; None for all.
        turned: number of the frame that is turned beside the neutral; None for the one furthest from it.
        draft: a quarter of the samples: less smooth, four times as fast.
        progress: called after each picture.

    Raises:
        UsageError: a value makes no sense.
    """

    export: ExportOptions
    height: int = 720
    fps: float | None = None
    view: str = "front"
    frames: tuple[int, ...] | None = None
    turned: int | None = None
    draft: bool = False
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.view not in VIEWS:
            raise UsageError(f"there is no view {self.view!r}", fix=f"Known are: {', '.join(VIEWS)}")
        if not 64 <= self.height <= MOST_PIXELS:
            raise UsageError(
                f"pictures cannot be {self.height} pixels high", fix=f"Choose 64 to {MOST_PIXELS}"
            )
        if self.fps is not None and not self.fps > 0.0:
            raise UsageError("fps must be positive")


def write_preview(
    performance: Performance, model: HeadModel, folder: Path, options: PreviewOptions
) -> list[Path]:
    """Write ``name_sheet.png``, ``name_turntable.mp4`` and ``name_animation.mp4``.

    The turntable shows the neutral and, beside it, one frame. Frames that the take lacks are left out of the
    animation; the number is written into each picture.

    Returns:
        the three files.

    Raises:
        UsageError: the take has none of the frames, or not the one to be turned.
        InputError: the folder cannot be written to.
        MissingDependencyError: OpenGL is not there.
    """
    wanted = performance.frames.tolist() if options.frames is None else options.frames
    chosen = performance.positions_of(wanted).tolist()
    turned = _turned(performance, chosen, options.turned)
    studio = Studio(options.height - options.height % 2, supersample=1 if options.draft else 2)
    preview = _Preview(performance, Figure(performance, model, options.export), studio, options, len(chosen))
    name = options.export.name
    return [
        preview.sheet(folder / f"{name}_sheet.png", chosen),
        preview.turntable(folder / f"{name}_turntable.mp4", turned),
        preview.animation(folder / f"{name}_animation.mp4", chosen),
    ]


class _Preview:
    def __init__(
        self, performance: Performance, figure: Figure, studio: Studio, options: PreviewOptions, frames: int
    ) -> None:
        self._performance, self._figure, self._studio = performance, figure, studio
        self._options = options
        self._fps = options.fps or float(performance.fps)
        self._done = 0
        self._total = len(SHEET_VIEWS) * min(SHEET_FRAMES, frames) + 2 * TURN + frames

    def sheet(self, path: Path, chosen: list[int]) -> Path:
        """Rows of views by columns of frames that are spread over the take."""
        spread = np.unique(np.linspace(0, len(chosen) - 1, SHEET_FRAMES).round().astype(int))
        columns = [chosen[position] for position in spread]
        tiles = [
            self._numbered(self._picture(self._figure.frame(position), VIEWS[view], path), position)
            for view in SHEET_VIEWS
            for position in columns
        ]
        write_picture(path, wall(tiles, len(columns), gap=4))
        return path

    def turntable(self, path: Path, turned: int) -> Path:
        """The neutral and one frame, turning side by side."""
        moments = [self._figure.neutral(), self._figure.frame(turned)]
        with movie_writer(path, self._fps) as movie:
            for step in range(TURN):
                sides = [self._picture(moment, 360.0 * step / TURN, path) for moment in moments]
                movie.write(beside([label(sides[0], ["neutral"]), self._numbered(sides[1], turned)]))
        return path

    def animation(self, path: Path, chosen: list[int]) -> Path:
        """The take from one side."""
        with movie_writer(path, self._fps) as movie:
            for position in chosen:
                picture = self._picture(self._figure.frame(position), VIEWS[self._options.view], path)
                movie.write(self._numbered(picture, position))
        return path

    def _picture(self, moment: Moment, degrees: float, path: Path) -> Image:
        picture = self._studio.photograph(self._figure.surfaces(moment), degrees)
        self._done += 1
        self._options.progress(self._done, self._total, path.name)
        return picture

    def _numbered(self, picture: Image, position: int) -> Image:
        return label(picture, [str(int(self._figure.scene.frames[position]))])


def _turned(performance: Performance, chosen: list[int], frame: int | None) -> int:
    """Where the frame for the turntable is: as wished, or the one with the strongest expression."""
    if frame is None:
        return chosen[int(np.linalg.norm(performance.expression[chosen], axis=1).argmax())]
    found = np.flatnonzero(np.asarray(performance.frames) == frame)
    if not len(found):
        raise UsageError(f"the performance has no frame {frame}", fix="Choose one that was fitted")
    return int(found[0])
