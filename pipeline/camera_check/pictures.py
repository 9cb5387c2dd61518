"""The pictures of a check of cameras: the rig, its epipolar distances, the worst pairs on their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting.camera_checks.agreement import Agreement
from fitting.camera_checks.sample import Sample, spread
from fitting.head_model import HeadModel
from fitting.model_arrays import mean_head
from pipeline.camera_check.check import CameraCheck
from pipeline.camera_check.report import world_up
from pipeline.drawing.epipolar import View, draw_pair, draw_table
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.picture_file import write_picture
from pipeline.drawing.rig_view import Stage, draw_aslant, draw_top
from pipeline.frames.images import UnreadableImageError

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_PAIRS, _LINES = 3, 8


def draw_check(check: CameraCheck, model: HeadModel) -> list[Path]:
    """Write the pictures into the folder of the check; with mistakes, each before and after.

    Args:
        check: what came out.
        model: whose mean head stands in the rig.
    """
    found = check.diagnosis
    wrong = {name for mistake in found.mistakes for name in mistake.cameras} | set(found.contradicting)
    given = _State(check, found.given, found.before, check.epipolar, tuple(wrong), check.name)
    paths = given.draw("", model)
    if found.mistakes:
        title = f"{check.name}, corrected"
        left = found.contradicting
        after = _State(check, found.corrected, found.after, check.epipolar_after, left, title)
        paths += after.draw("_corrected", model)
    return paths


class _State:
    """The rig as it was given, or as corrected."""

    def __init__(
        self,
        check: CameraCheck,
        sample: Sample,
        found: Agreement,
        table: Array,
        bad: tuple[str, ...],
        title: str,
    ) -> None:
        self.check = check
        self.sample = sample
        self.found = found
        self.table = table
        self.bad = bad
        self.title = title

    def draw(self, suffix: str, model: HeadModel) -> list[Path]:
        stage = self._stage(model)
        pictures = {
            "rig_top": draw_top(stage),
            "rig_aslant": draw_aslant(stage),
            "epipolar_table": draw_table(
                self.table, self.sample.rig.names, f"{self.title}: epipolar distances, px (median)"
            ),
        }
        for number, pair in enumerate(worst_pairs(self.check.epipolar), 1):
            pictures[f"epipolar_lines_{number}"] = self._lines(*pair)
        paths = []
        for name, picture in pictures.items():
            path = self.check.folder / f"{name}{suffix}.png"
            write_picture(path, picture)
            paths.append(path)
        return paths

    def _stage(self, model: HeadModel) -> Stage:
        rig, motion, up = self.sample.rig, self.found.motion, world_up(self.found)
        axis = np.array([0.0, 1.0, 0.0])
        if up is not None:
            axis = np.zeros(3)
            axis[int(np.argmax(np.abs(up)))] = np.sign(up[int(np.argmax(np.abs(up)))])
        if motion is None:
            return Stage(rig, bad=self.bad, up=axis, title=self.title)
        drawing = HeadDrawing(model)
        middle = len(motion.rotation) // 2
        vertices = motion.apply(drawing.vertices(mean_head(model)))[middle]
        return Stage(rig, vertices, drawing.triangles, self.bad, axis, self.title)

    def _lines(self, first: int, second: int) -> Image:
        frame = int(np.argmax(self.sample.seen[:, :, [first, second]].all(-1).sum(1)))
        both = np.flatnonzero(self.sample.seen[frame][:, [first, second]].all(-1))
        chosen = spread(both, _LINES)
        views = [self._view(frame, index, chosen) for index in (first, second)]
        return draw_pair(
            views[0],
            views[1],
            f"{self.title}: {views[0].camera.name} and {views[1].camera.name}, frame "
            f"{self.sample.frames[frame]}: {self.table[first, second]:.1f} px from their epipolar lines",
        )

    def _view(self, frame: int, index: int, chosen: NDArray[np.int64]) -> View:
        camera = self.sample.rig.cameras[index]
        pixels = self.sample.pixels[frame, chosen, index]
        return View(self._image(camera.name, int(self.sample.frames[frame])), camera, pixels)

    def _image(self, name: str, frame: int) -> Image | None:
        source = self.check.images.get(name)
        if source is None or frame not in source.frames:
            return None
        try:
            return source.read(frame)
        except UnreadableImageError:
            return None


def worst_pairs(table: Array) -> list[tuple[int, int]]:
    """The pairs of cameras with the greatest distances."""
    upper = np.where(np.triu(np.isfinite(table), 1), np.nan_to_num(table), -1.0)
    order = np.argsort(-upper, axis=None)[:_PAIRS]
    pairs = [divmod(int(place), len(table)) for place in order]
    return [pair for pair in pairs if upper[pair] >= 0]
