"""Light and colour for drawn meshes: normals, a studio light fixed to the camera, one colour per part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fitting.head_model import HeadModel

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Colour = tuple[int, int, int]

CLAY: Colour = (168, 196, 214)
PART_COLOURS: dict[str, Colour] = {
    "skin": CLAY,
    "left_eye": (242, 242, 238),
    "right_eye": (242, 242, 238),
    "upper_teeth": (246, 240, 214),
    "lower_teeth": (240, 230, 196),
    "tongue": (206, 108, 112),
    "lashes": (70, 62, 60),
}
IRIS: Colour = (70, 104, 128)
PUPIL: Colour = (22, 24, 28)
_IRIS_ANGLE, _PUPIL_ANGLE = np.deg2rad(27.0), np.deg2rad(11.0)  # an iris of 11.7 mm on an eyeball of 25 mm

# camera axes (x right, y down, z forward): towards the light, from the camera's upper left and its right
_KEY = np.array([-0.45, -0.55, -0.70])
_FILL = np.array([0.80, 0.05, -0.60])
_AMBIENT, _KEY_POWER, _FILL_POWER, _RIM_POWER, _GLOSS_POWER = 0.26, 0.68, 0.22, 0.22, 0.10


def vertex_normals(vertices: Float, triangles: Int) -> Float:
    """Unit normals (V, 3) of a mesh: the mean of the normals of the triangles around, weighted by their area.

    Args:
        vertices: (V, 3), any unit.
        triangles: (T, 3), anticlockwise seen from outside.

    Returns:
        (V, 3); vertices without an area around them get (0, 0, 1).
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.empty_like(vertices, dtype=np.float64)
    for axis in range(3):
        weights = np.repeat(faces[:, axis], 3)
        normals[:, axis] = np.bincount(triangles.ravel(), weights, minlength=len(vertices))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 0.0, normals / np.where(length > 0.0, length, 1.0), np.array([0.0, 0.0, 1.0]))


def light(points: Float, normals: Float) -> tuple[Float, Float]:
    """Lambert from a key and a fill light that travel with the camera, a rim, a little gloss.

    Args:
        points: (N, 3) in camera axes, metres.
        normals: (N, 3) unit, in camera axes.

    Returns:
        the factor (N,) on the surface's colour, and the white (N,) that is added, of full scale 1.
    """
    view = -points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    facing = np.clip(np.einsum("nc,nc->n", normals, view), 0.0, 1.0)
    key, fill = _KEY / np.linalg.norm(_KEY), _FILL / np.linalg.norm(_FILL)
    half = view + key
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
    diffuse = (
        _AMBIENT
        + _KEY_POWER * np.clip(normals @ key, 0.0, 1.0)
        + _FILL_POWER * np.clip(normals @ fill, 0.0, 1.0)
    )
    gloss = _GLOSS_POWER * np.clip(np.einsum("nc,nc->n", normals, half), 0.0, 1.0) ** 24
    return diffuse, gloss + _RIM_POWER * (1.0 - facing) ** 3


def part_colours(model: HeadModel) -> Float:
    """A colour (V, 3) in 0..255 for each vertex: clay skin, white eyeballs with irises, teeth, tongue.

    The iris is what lies within its angle of the straight-ahead axis of the eyeball, on the mean head.
    """
    mean = model.mean.detach().cpu().numpy().astype(np.float64)
    colours = np.tile(np.array(CLAY, np.float64), (len(mean), 1))
    for part, indices in model.parts.items():
        colours[np.asarray(indices)] = PART_COLOURS.get(part, CLAY)
        if part.endswith("_eye"):
            _paint_iris(colours, mean, np.asarray(indices))
    return colours


def _paint_iris(colours: Float, mean: Float, indices: Int) -> None:
    eye = mean[indices]
    axis = eye - (eye.min(axis=0) + eye.max(axis=0)) / 2.0
    angle = np.arccos(np.clip(axis[:, 2] / np.maximum(np.linalg.norm(axis, axis=1), 1e-9), -1.0, 1.0))
    colours[indices[angle < _IRIS_ANGLE]] = IRIS
    colours[indices[angle < _PUPIL_ANGLE]] = PUPIL
