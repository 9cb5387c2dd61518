"""What one panel of an overlay shows: the photograph, the mesh, the landmarks, the residuals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.performance import Performance
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.landmarks import IBUG68_LINES, draw_landmarks, draw_residuals
from pipeline.drawing.mesh import WIREFRAME, Look, draw_mesh
from pipeline.drawing.tiles import label
from pipeline.frames.sources import FrameSource

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

_RESIDUAL_SCALE = 5.0  # a residual of a good fit is shorter than a dot is wide


@dataclass(frozen=True, eq=False)
class Scene:
    """All that overlays draw from.

    Attributes:
        performance: its rig holds the cameras that are drawn through.
        model: that was fitted.
        sources: the frames of each camera, by name; cameras without a source are left out.
        observations: the landmarks, with cameras in the rig's order; None draws none.
    """

    performance: Performance
    model: HeadModel
    sources: Mapping[str, FrameSource]
    observations: Observations | None = None

    @cached_property
    def drawing(self) -> HeadDrawing:
        """The drawn topology of the model."""
        return HeadDrawing(self.model)

    @property
    def cameras(self) -> list[str]:
        """The names of the cameras that have frames, in the rig's order."""
        return [camera.name for camera in self.performance.rig if camera.name in self.sources]


@dataclass(frozen=True, eq=False)
class View:
    """One frame of one camera, scaled and cropped as it is drawn."""

    scene: Scene
    photo: Image
    camera: Camera
    vertices: Float
    mean: Float | None
    sigma: Float | None
    look: Look


def _draw_photo(view: View) -> Image:
    return view.photo


def _draw_mesh(view: View) -> Image:
    drawing = view.scene.drawing
    return draw_mesh(
        view.photo,
        drawing.vertices(view.vertices),
        drawing.triangles,
        view.camera,
        colours=drawing.colours,
        edges=drawing.edges,
        look=view.look,
    )


def _draw_wireframe(view: View) -> Image:
    return _draw_mesh(replace(view, look=WIREFRAME))


def _draw_landmarks(view: View) -> Image:
    if view.mean is None or view.scene.observations is None:
        return view.photo
    is_ibug = np.array_equal(view.scene.observations.points.vertices, view.scene.model.ibug68.vertices)
    lines = IBUG68_LINES if is_ibug else ()
    return draw_landmarks(view.photo, view.mean, view.sigma, lines=lines, circles=len(view.mean) <= 100)


def _draw_residuals(view: View) -> Image:
    if view.mean is None or view.scene.observations is None:
        return view.photo
    fitted = view.camera.project(view.scene.observations.points.evaluate(view.vertices))
    stretched = view.mean + _RESIDUAL_SCALE * (fitted - view.mean)
    drawn = draw_residuals(draw_landmarks(view.photo, view.mean, view.sigma), view.mean, stretched)
    return label(drawn, [f"residuals x {_RESIDUAL_SCALE:g}"], bottom=True)


PANELS: dict[str, Callable[[View], Image]] = {
    "photo": _draw_photo,
    "mesh": _draw_mesh,
    "wireframe": _draw_wireframe,
    "landmarks": _draw_landmarks,
    "residuals": _draw_residuals,
}
