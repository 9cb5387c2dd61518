"""A board calibration on one page: the rig and the boards from above and aslant, and what each frame gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.judgement.facts import Facts
from calibration.from_boards.judgement.reasons import Grade
from calibration.from_boards.judgement.verdict import RigVerdict
from calibration.from_boards.result import BoardCalibration
from pipeline.drawing.board_camera import GRADES
from pipeline.drawing.curves import INK, PAPER
from pipeline.drawing.rig_view import Stage, draw_aslant, draw_top
from pipeline.drawing.shading import Colour
from pipeline.drawing.words import Writer, text_width, wrapped

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

_WIDTH, _EDGE, _HEAD = 1600, 24, 96
_VIEW = (776, 635)
_MOST_BOARDS = 150
_SMALL = 18
_ROWS = 560  # pixels for all cameras' rows together
_ROW_RANGE = (9, 26)
_USES: Mapping[str, tuple[Colour, str]] = {
    "together": ((64, 170, 96), "agrees with the others"),
    "alone": ((235, 200, 70), "seen by this camera alone"),
    "sync": ((240, 130, 40), "out of sync"),
    "unfit": ((205, 45, 45), "fits no lens"),
    "missing": ((216, 216, 212), "no board found"),
}


def rig_page(facts: Facts, verdict: RigVerdict) -> Image:
    """The verdict, two views of the rig with the boards, and for each camera what became of every frame.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    stage = _stage(facts, verdict)
    views = [cv2.resize(draw(stage), _VIEW, interpolation=cv2.INTER_AREA) for draw in (draw_top, draw_aslant)]
    strip = _Strip.of(facts.calibration)
    top = _HEAD + _VIEW[1] + 30
    page = np.full((top + strip.height + _EDGE, _WIDTH, 3), PAPER, np.uint8)
    for index, view in enumerate(views):
        left = _EDGE + index * (_VIEW[0] + _EDGE)
        page[_HEAD : _HEAD + _VIEW[1], left : left + _VIEW[0]] = view
    strip.cells(page, top)
    writer = Writer(page)
    writer.line(verdict.headline, (_EDGE, 18), 28, GRADES[verdict.grade])
    if verdict.worst is not None:
        name, reason = verdict.worst
        writer.line(_fitting(f"{name}: {reason.what}", _WIDTH - 2 * _EDGE), (_EDGE, 60), _SMALL)
    strip.words(writer, top, verdict)
    writer.done()
    return page


def _fitting(text: str, width: float) -> str:
    """The text, cut short where it is wider."""
    lines = wrapped(text, _SMALL, width)
    return lines[0] + (" ..." if len(lines) > 1 else "")


def _stage(facts: Facts, verdict: RigVerdict) -> Stage:
    bad = [camera.name for camera in verdict.cameras if camera.grade is Grade.REDO]
    return Stage(facts.calibration.rig, bad=bad, boards=_outlines(facts), title="Rig and boards")


def _outlines(facts: Facts) -> Float:
    """The corners (B, 4, 3) of the boards that several cameras saw, or of those of the only camera."""
    evidence = facts.evidence
    R, t = evidence.R, evidence.t
    if not len(R):
        seen = next(iter(evidence.cameras.values()))
        camera = seen.camera
        R, t = camera.R.T @ seen.R, (seen.t - camera.t) @ camera.R
    low, high = evidence.points.min(axis=0), evidence.points.max(axis=0)
    corners = np.array(
        [[low[0], low[1], 0], [high[0], low[1], 0], [high[0], high[1], 0], [low[0], high[1], 0]]
    )
    few = np.unique(np.linspace(0, len(R) - 1, min(len(R), _MOST_BOARDS)).astype(int))
    return np.asarray(corners @ R[few].transpose(0, 2, 1) + t[few][:, None])


@dataclass(frozen=True)
class _Strip:
    """A row for each camera, a column for each frame in which any camera found or missed the board."""

    uses: Mapping[str, Mapping[int, str]]
    frames: tuple[int, ...]
    names_width: int
    row: int

    @classmethod
    def of(cls, calibration: BoardCalibration) -> _Strip:
        uses = {name: _uses(calibration, name) for name in calibration.counts}
        frames = tuple(sorted({frame for row in uses.values() for frame in row}))
        low, high = _ROW_RANGE
        row = int(np.clip(_ROWS / len(uses), low, high))
        size = min(18, row)
        names = max(text_width("Frames", 19), *(text_width(name, size) for name in uses))
        return cls(uses, frames, round(min(names, 300)) + 16, row)

    @property
    def height(self) -> int:
        """Of all of it, in pixels."""
        return 34 + self.row * len(self.uses) + 30

    @property
    def _left(self) -> int:
        return _EDGE + self.names_width

    def _column(self, index: int) -> int:
        return self._left + index * (_WIDTH - _EDGE - self._left) // len(self.frames)

    def cells(self, page: Image, top: int) -> None:
        """The coloured cells and those of the legend."""
        for row, uses in enumerate(self.uses.values()):
            y = top + 34 + row * self.row
            for index, frame in enumerate(self.frames):
                if frame in uses:
                    right = max(
                        self._column(index + 1) - (1 if len(self.frames) < 400 else 0),
                        self._column(index) + 1,
                    )
                    page[y : y + self.row - 2, self._column(index) : right] = _USES[uses[frame]][0]
        for (colour, _), x in zip(_USES.values(), self._legend(), strict=True):
            page[top + 4 : top + 22, x : x + 22] = colour

    def _legend(self) -> list[int]:
        """Where each entry of the legend begins, in x."""
        places, x = [], float(self._left)
        for _, words in _USES.values():
            places.append(round(x))
            x += 30 + text_width(words, 17) + 26
        return places

    def words(self, writer: Writer, top: int, verdict: RigVerdict) -> None:
        """Names, legend and frame numbers."""
        writer.line("Frames", (_EDGE, top + 2), 19)
        for (_, words), x in zip(_USES.values(), self._legend(), strict=True):
            writer.line(words, (x + 30, top + 3), 17)
        for row, name in enumerate(self.uses):
            place = (_EDGE, top + 33 + (row + 0.5) * self.row)
            writer.line(name, place, min(18, self.row), GRADES[verdict[name].grade], "lm")
        bottom = top + 38 + self.row * len(self.uses)
        for index in np.unique(np.linspace(0, len(self.frames) - 1, min(len(self.frames), 12)).astype(int)):
            middle = (self._column(index) + self._column(index + 1)) / 2
            writer.line(str(self.frames[index]), (middle, bottom), 15, INK, "ma")


def _uses(calibration: BoardCalibration, name: str) -> dict[int, str]:
    """What became of each frame of a camera."""
    uses = dict.fromkeys(calibration.counts[name].missing, "missing")
    uses |= dict.fromkeys(calibration.detections[name], "alone")
    uses |= dict.fromkeys(calibration.used[name], "together")
    for one in calibration.rejected:
        if one.camera == name and not one.of_lens:
            uses[one.frame] = "sync" if one.lens else "unfit"
    return uses
