"""What a board calibration is worth, camera by camera: corners, residuals and coverage on one page."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.judgement.coverage import CELLS
from calibration.from_boards.judgement.facts import CameraFacts
from calibration.from_boards.judgement.reasons import Grade
from calibration.from_boards.judgement.verdict import CameraVerdict
from pipeline.drawing.curves import INK, PAPER
from pipeline.drawing.landmarks import SHIFT, fixed_point
from pipeline.drawing.shading import Colour
from pipeline.drawing.words import Writer

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

GRADES: dict[Grade, Colour] = {
    Grade.GOOD: (40, 130, 60),
    Grade.USABLE: (190, 120, 0),
    Grade.REDO: (200, 40, 34),
}
"""Colours of the grades."""

TOGETHER: Colour = (70, 235, 120)
ALONE: Colour = (255, 205, 60)
OFF: Colour = (255, 140, 40)
UNFIT: Colour = (255, 70, 70)
ARROW: Colour = (90, 220, 255)

_PICTURE, _SIDE, _EDGE = 1150, 440, 24
_GREY = 45  # brightness of a picture without a photograph
_DIMMED = 0.62
_EMPTY: Colour = (110, 20, 30)
_ARROW_PX = 24.0  # how long the arrow of a typical residual is drawn
_ROUND = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_MAP_HEIGHT = 190
_HEAT_PX = 3.0  # red: a lens that is to be calibrated again
_HEAT: tuple[tuple[float, Colour], ...] = (
    (0.0, (214, 236, 208)),
    (1 / 3, (250, 226, 130)),
    (1.0, (214, 60, 50)),
)


def camera_page(facts: CameraFacts, verdict: CameraVerdict, photo: Image | None) -> Image:
    """One camera's corners, what each is off by, the parts of its image without any, and the verdict.

    Args:
        facts: of the camera.
        verdict: on it.
        photo: (H, W, 3) uint8 RGB, one of its images; a plain ground without.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    factor = _PICTURE / max(facts.camera.size)
    width, height = (round(side * factor) for side in facts.camera.size)
    picture = _ground((width, height), photo)
    _shade_empty(picture, facts)
    arrow = _ARROW_PX / max(facts.residual_px, 1e-6)
    _residuals(picture, facts, factor, arrow)
    page = np.full((max(height + 2 * _EDGE, 1060), width + _SIDE + 3 * _EDGE, 3), PAPER, np.uint8)
    page[_EDGE : _EDGE + height, _EDGE : _EDGE + width] = picture
    _Side(page, facts, width + 2 * _EDGE).write(verdict, arrow)
    return page


def _ground(size: tuple[int, int], photo: Image | None) -> Image:
    if photo is None:
        return np.full((size[1], size[0], 3), _GREY, np.uint8)
    grey = cv2.cvtColor(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.repeat((grey[..., None] * _DIMMED).astype(np.uint8), 3, axis=2)


def _shade_empty(picture: Image, facts: CameraFacts) -> None:
    """Redden the cells that no corner covers, with a line around the covered ones."""
    height, width = picture.shape[:2]
    covered = facts.coverage.covered.astype(np.uint8)
    mask = np.asarray(cv2.resize(covered, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    red = 0.55 * picture + 0.45 * np.array(_EMPTY)
    picture[mask == 0] = red[mask == 0].astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.polylines(picture, outlines, True, (170, 60, 70), 1)


def _residuals(picture: Image, facts: CameraFacts, factor: float, arrow: float) -> None:
    """Dots where corners were seen, coloured by their use, and arrows to where the calibration has them.

    Args:
        factor: picture pixels for a pixel of the image.
        arrow: picture pixels of arrow for a pixel of residual.
    """
    seen = facts.evidence
    for pixels, left, shared, agreeing in zip(
        seen.pixels, seen.residuals, seen.shared, seen.agreeing, strict=True
    ):
        there = np.isfinite(pixels).all(axis=1)
        start = pixels[there] * factor
        ends = np.stack((start, start + left[there] * arrow), axis=1)
        cv2.polylines(picture, list(fixed_point(ends)), False, ARROW, 1, cv2.LINE_AA, SHIFT)
        _dots(picture, start, TOGETHER if shared else ALONE if agreeing else OFF, 2.2)
    _dots(picture, seen.unfit * factor, UNFIT, 2.8)


def _dots(picture: Image, places: Float, colour: Colour, radius: float) -> None:
    for x, y in fixed_point(places):
        cv2.circle(picture, (int(x), int(y)), round(radius * (1 << SHIFT)), colour, -1, cv2.LINE_AA, SHIFT)


@dataclass(frozen=True)
class _Side:
    """The words beside the picture: name and verdict, numbers, legend, map of the lens, reasons."""

    page: Image
    facts: CameraFacts
    left: int

    def write(self, verdict: CameraVerdict, arrow: float) -> None:
        """All of it, from top to bottom."""
        rows = self._numbers()
        legend_top = 92 + 27 * len(rows)
        map_top = legend_top + 27 * len(self._legend()) + 66
        self._map(map_top)
        self._marks(legend_top, arrow)
        writer = Writer(self.page)
        writer.line(self.facts.name, (self.left, _EDGE - 4), 34)
        right = self.page.shape[1] - _EDGE
        writer.line(verdict.grade.word, (right, _EDGE), 30, GRADES[verdict.grade], "ra")
        for index, row in enumerate(rows):
            writer.line(row, (self.left, 76 + 27 * index), 19)
        for index, (_, words) in enumerate(self._legend()):
            writer.line(words, (self.left + 34, legend_top + 27 * index), 18)
        writer.line(self._arrow_words(arrow), (self.left + 150, legend_top + 27 * len(self._legend())), 18)
        self._map_words(writer, map_top)
        y: float = map_top + _MAP_HEIGHT + 22
        for reason in verdict.reasons:
            what = f"{reason.what[:1].upper()}{reason.what[1:]}."
            y = writer.paragraph(what, (self.left, y), _SIDE, 17, GRADES[reason.grade])
            y = writer.paragraph(f"{reason.fix}.", (self.left, y), _SIDE, 17) + 9
        writer.done()

    def _numbers(self) -> list[str]:
        facts, (least, most) = self.facts, self.facts.tilts
        held_out = "" if facts.held_out is None else f", held out {facts.held_out.held_out_px:.2f} px"
        x, y = facts.camera.principal
        return [
            f"Board found in {facts.counts.found} of {facts.counts.images} images",
            f"Corners off by {facts.residual_px:.2f} px RMS{held_out}",
            f"{facts.coverage.share:.0%} of the image covered, boards tilted {least:.0f} to {most:.0f}°",
            f"Focal {facts.camera.focal.mean():.1f} ± {facts.deviations.focal.max():.1f} px, "
            f"{facts.camera.lens_model} lens",
            f"Centre {x:.1f}, {y:.1f} ± {facts.deviations.principal.max():.1f} px",
        ]

    def _legend(self) -> list[tuple[Colour, str]]:
        """What the colours mean, of those that occur."""
        seen = self.facts.evidence
        alone = seen.agreeing & ~seen.shared
        rows = [
            (
                TOGETHER,
                f"placed the camera and found the lens ({seen.shared.sum()} images)",
                seen.shared.any(),
            ),
            (ALONE, f"found the lens only ({alone.sum()} images)", alone.any()),
            (
                OFF,
                f"out of sync: found the lens only ({self.facts.out_of_sync} images)",
                self.facts.out_of_sync,
            ),
            (UNFIT, "not used: they fit no lens", len(seen.unfit)),
            (_EMPTY, "no corners here: the lens is a guess", not self.facts.coverage.covered.all()),
        ]
        return [(colour, words) for colour, words, occurs in rows if occurs]

    def _marks(self, top: int, arrow: float) -> None:
        """The colours and the arrow of the legend."""
        for index, (colour, _) in enumerate(self._legend()):
            y = top + 27 * index
            cv2.rectangle(self.page, (self.left, y + 1), (self.left + 22, y + 19), _dark(colour), -1)
            if colour != _EMPTY:
                cv2.circle(self.page, (self.left + 11, y + 10), 5, colour, -1, cv2.LINE_AA)
        y = top + 27 * len(self._legend())
        cv2.rectangle(self.page, (self.left, y + 1), (self.left + 138, y + 19), (_GREY,) * 3, -1)
        end = self.left + 8 + round(self._arrow_px(arrow) * arrow)
        cv2.line(self.page, (self.left + 8, y + 10), (end, y + 10), ARROW, 2, cv2.LINE_AA)

    def _arrow_px(self, arrow: float) -> float:
        """A round number of pixels whose arrow has room in the legend."""
        return max((px for px in _ROUND if px * arrow < 122), default=_ROUND[0])

    def _arrow_words(self, arrow: float) -> str:
        return f"{self._arrow_px(arrow):g} px, to the calibrated place"

    def _map_size(self) -> tuple[int, int]:
        width, height = self.facts.camera.size
        return min(round(_MAP_HEIGHT * width / height), _SIDE), _MAP_HEIGHT

    def _map(self, top: int) -> None:
        """Colours of what the lens may be wrong by across the image."""
        width, height = self._map_size()
        share = np.clip(self.facts.lens_error_px / _HEAT_PX, 0, 1)
        stops = [stop for stop, _ in _HEAT]
        channels = [np.interp(share, stops, [colour[k] for _, colour in _HEAT]) for k in range(3)]
        cells = np.stack(channels, axis=-1).astype(np.uint8)
        shown = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
        self.page[top : top + height, self.left : self.left + width] = shown

    def _map_words(self, writer: Writer, top: int) -> None:
        width, height = self._map_size()
        size = 14 if width > _MAP_HEIGHT else 11
        writer.line("What the lens may be wrong by, in px", (self.left, top - 28), 19)
        for row, column in np.ndindex(CELLS, CELLS):
            if row % 2 == 0 and column % 2 == 0:
                x = self.left + (column + 0.5) * width / CELLS
                y = top + (row + 0.5) * height / CELLS
                writer.line(f"{self.facts.lens_error_px[row, column]:.1f}", (x, y), size, INK, "mm")


def _dark(colour: Colour) -> Colour:
    """The ground on which a colour of the legend stands."""
    return colour if colour == _EMPTY else (_GREY, _GREY, _GREY)
