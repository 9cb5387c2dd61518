"""Pictures of landmark layouts on the mean head."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.layouts import PARTS, Layout
from detector.region import QUERY_SCALE
from detector.splatting import depth_behind
from fitting.head_model import HeadModel
from fitting.model_arrays import mean_head
from fitting.spread import scattered
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.landmarks import SHIFT, fixed_point
from pipeline.drawing.mesh import Look, draw_head, portrait_camera
from pipeline.drawing.shading import Colour
from pipeline.drawing.tiles import label, wall

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

PART_COLOURS: Mapping[str, Colour] = MappingProxyType(
    {
        "skin": (255, 120, 90),
        "eyes": (90, 200, 255),
        "teeth": (255, 235, 120),
        "tongue": (240, 110, 190),
        "lashes": (170, 130, 255),
        "skull": (255, 214, 150),
        "jaw": (110, 240, 140),
        "inside": (255, 255, 255),
    }
)

VIEWS = (
    ("front", 0.0, 0.0),
    ("half from the right", 0.8, 0.0),
    ("right side", np.pi / 2, 0.0),
    ("back", np.pi, 0.0),
    ("left side", -np.pi / 2, 0.0),
    ("from below", 0.25, -0.75),
)
"""Name, yaw and pitch (radians) of the views; left and right are the actor's."""

_SIZE, _COLUMNS = (520, 620), 3
_INNER = ("skull", "jaw", "inside", "teeth", "tongue")
_GLASS = 0.4
_CELL, _HIDDEN, _SPLATS = 0.0025, 0.005, 200_000
_FAINT = 0.35


def draw_layout(layout: Layout, model: HeadModel) -> Image:
    """A sheet of the mean head from six sides with the landmarks as dots, coloured by part.

    What a view cannot see of the skin is left out; eyes and teeth that are hidden are drawn faint. Where most
    landmarks lie inside, the head is drawn as glass, and those of its far half are faint.

    Args:
        layout: to show.
        model: whose mean head carries it.

    Returns:
        (H, W, 3) RGB.
    """
    stage = _Stage(layout, model)
    views = [stage.view(name, yaw, pitch) for name, yaw, pitch in VIEWS]
    counts = ", ".join(f"{count} {part}" for part, count in count_parts(stage.parts).items())
    views[0] = label(views[0], [f"{layout.name}: {len(layout)} landmarks", counts], bottom=True)
    return wall(views, _COLUMNS)


class _Stage:
    """A layout on the mean head, ready to be seen from any side."""

    def __init__(self, layout: Layout, model: HeadModel) -> None:
        self.drawing = HeadDrawing(model)
        self.head = self.drawing.vertices(mean_head(model))
        self.points = layout.queries.double().numpy() * QUERY_SCALE
        self.parts = layout.parts(model)
        self.surface = scattered(self.head, self.drawing.triangles, _SPLATS).evaluate(self.head)
        self.glass = bool(np.isin(self.parts, _INNER).mean() > 0.5)

    def view(self, name: str, yaw: float, pitch: float) -> Image:
        """The head from one side."""
        look = Look(alpha=_GLASS if self.glass else 1.0)
        head = draw_head(
            self.head,
            self.drawing.triangles,
            _SIZE,
            yaw,
            pitch=pitch,
            colours=self.drawing.colours,
            look=look,
        )
        camera = portrait_camera(_SIZE, yaw, pitch)
        towards = -np.asarray(camera.R[2], np.float64)
        if self.glass:
            faint = self.points @ towards < np.mean(self.points @ towards)
            left_out = np.zeros(len(faint), bool)
        else:
            behind = depth_behind(np.concatenate([self.surface, self.points]), towards, _CELL)
            faint = behind[len(self.surface) :] > _HIDDEN
            left_out = faint & (self.parts == "skin")
        pixels = camera.project(self.points)
        for strength, chosen in ((_FAINT, faint & ~left_out), (1.0, ~faint)):
            head = _dots(head, pixels[chosen], self.parts[chosen], _radius(len(pixels)), strength)
        return label(head, [name])


def count_parts(parts: NDArray[np.str_]) -> dict[str, int]:
    """How many landmarks of each part there are, in the order of PARTS, without empty ones."""
    counts = {part: int((parts == part).sum()) for part in PARTS}
    return {part: count for part, count in counts.items() if count}


def _radius(count: int) -> float:
    """Of the dots, pixels: fewer are larger."""
    return float(np.clip(60.0 / np.sqrt(max(count, 1)), 0.8, 3.4))


def _dots(image: Image, pixels: Float, parts: NDArray[np.str_], radius: float, strength: float) -> Image:
    """The image with landmarks (L, 2), mixed in at a strength of 0 to 1."""
    dotted = image.copy()
    for position, part in zip(fixed_point(pixels), parts, strict=True):
        place, size = (int(position[0]), int(position[1])), round(radius * (1 << SHIFT))
        cv2.circle(dotted, place, size, PART_COLOURS[str(part)], cv2.FILLED, cv2.LINE_AA, SHIFT)
    return np.asarray(cv2.addWeighted(dotted, strength, image, 1.0 - strength, 0.0), np.uint8)
