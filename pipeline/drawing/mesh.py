"""Draw meshes into photographs, and portraits of heads, without OpenGL.

Images are (H, W, 3) uint8 RGB; every function returns a new image and leaves its input as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from fitting.vertex_normals import vertex_normals
from pipeline.drawing.landmarks import SHIFT, fixed_point
from pipeline.drawing.raster import Coverage, rasterise
from pipeline.drawing.shading import CLAY, Colour, light

Image = NDArray[np.uint8]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

_NEAR = 1e-3  # metres
HEAD_SPAN = 0.36  # metres that a virtual camera sees at the head, top to bottom
_HEAD_DISTANCE = 1.6  # metres: a portrait lens
_HEAD_CENTRE = (0.0, -0.01, -0.04)


@dataclass(frozen=True)
class Look:
    """How a mesh is drawn.

    Attributes:
        alpha: of the surface over the photograph, 0 to 1; 0 draws no surface.
        colour: RGB of vertices that have no colour of their own.
        flat: one shade per triangle instead of a smooth surface.
        wire: RGB of the edges, None for none.
        wire_alpha: of the edges, 0 to 1.
    """

    alpha: float = 0.8
    colour: Colour = CLAY
    flat: bool = False
    wire: Colour | None = None
    wire_alpha: float = 0.55


WIREFRAME = Look(alpha=0.0, wire=(120, 230, 255))


def draw_mesh(
    image: Image,
    vertices: Float,
    triangles: Int,
    camera: Camera,
    *,
    colours: Float | None = None,
    face_colours: Float | None = None,
    edges: Int | None = None,
    look: Look | None = None,
) -> Image:
    """Draw the front side of a mesh over an image, nearest surface first, through the camera's lens.

    Args:
        image: (H, W, 3) of the camera's size.
        vertices: (V, 3) world, metres.
        triangles: (T, 3), anticlockwise seen from outside.
        camera: that took the image.
        colours: (V, 3) RGB 0..255 per vertex.
        face_colours: (T, 3) RGB 0..255 per triangle; it wins over ``colours``.
        edges: (N, 2) vertex pairs that the wireframe shows; None for the triangles' own.
        look: of the drawing.

    Returns:
        a new image.
    """
    look = look or Look()
    height, width = image.shape[:2]
    points = camera.to_camera(vertices)
    pixels = _project(vertices, points, camera)
    front = np.flatnonzero(_front_facing(pixels, triangles))
    seen = triangles[front]
    coverage = rasterise(pixels, _inverse_depth(points), seen, width, height)
    result = image.copy()
    if look.alpha > 0.0 and len(coverage.pixels):
        given = (
            colours if colours is not None else np.tile(np.array(look.colour, np.float64), (len(points), 1))
        )
        faces = None if face_colours is None else np.asarray(face_colours, np.float64)[front]
        normals = vertex_normals(points, triangles)
        shaded = _shade(coverage, points, normals, seen, np.asarray(given, np.float64), faces, look.flat)
        result = _blend(result, coverage.pixels, shaded, look.alpha)
    if look.wire is not None:
        edges = triangle_edges(triangles) if edges is None else edges
        result = _draw_wire(result, pixels, edges, seen[np.unique(coverage.faces)], look)
    return result


def triangle_edges(faces: Int) -> Int:
    """The edges (N, 2) of triangles (T, 3) or quads (Q, 4), each once."""
    pairs = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    distinct: Int = pairs[pairs[:, 0] != pairs[:, 1]]  # a triangle stored as a quad repeats a corner
    return distinct


def draw_head(
    vertices: Float,
    triangles: Int,
    size: tuple[int, int] = (400, 480),
    yaw: float = 0.0,
    *,
    pitch: float = 0.0,
    colours: Float | None = None,
    edges: Int | None = None,
    look: Look | None = None,
    background: Colour = (30, 32, 36),
) -> Image:
    """A portrait of a head in canonical axes, always at the same scale, so that heads compare.

    Args:
        vertices: (V, 3) canonical, metres: +X the actor's left, +Y up, +Z out of the face.
        triangles: (T, 3).
        size: (width, height) of the picture, pixels.
        yaw: radians by which the head turns to the actor's left (to the right in the picture).
        pitch: radians by which the head nods down.
        colours: (V, 3) RGB per vertex.
        edges: (N, 2) for a wireframe.
        look: of the drawing; opaque when None.
        background: RGB.

    Returns:
        (height, width, 3).
    """
    factor = 2  # drawn at twice the size, then averaged: smooth silhouettes
    width, height = size[0] * factor, size[1] * factor
    top = np.linspace(1.25, 0.75, height)[:, None, None] * np.array(background, np.float64)
    canvas = np.ascontiguousarray(np.broadcast_to(np.clip(top, 0, 255), (height, width, 3)), np.uint8)
    camera = portrait_camera((width, height), yaw, pitch)
    drawn = draw_mesh(
        canvas, vertices, triangles, camera, colours=colours, edges=edges, look=look or Look(alpha=1.0)
    )
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)


def portrait_camera(size: tuple[int, int], yaw: float = 0.0, pitch: float = 0.0) -> Camera:
    """A virtual camera in front of a canonical head; the head appears turned by yaw and pitch (radians)."""
    width, height = size
    focal = height * _HEAD_DISTANCE / HEAD_SPAN
    K = np.array([[focal, 0.0, (width - 1) / 2.0], [0.0, focal, (height - 1) / 2.0], [0.0, 0.0, 1.0]])
    turn = cv2.Rodrigues(np.array([pitch, 0.0, 0.0]))[0] @ cv2.Rodrigues(np.array([0.0, yaw, 0.0]))[0]
    R = np.diag([1.0, -1.0, -1.0]) @ turn
    t = np.array([0.0, 0.0, _HEAD_DISTANCE]) - R @ np.array(_HEAD_CENTRE)
    return Camera(name="portrait", width=width, height=height, K=K, R=R, t=t)


def _project(vertices: Float, points: Float, camera: Camera) -> Float:
    """Pixels (V, 2), NaN where the lens model does not hold: behind the camera or far beside the frame."""
    z = np.maximum(points[:, 2], _NEAR)
    pixels = np.asarray(camera.project(vertices), np.float64)
    usable = points[:, 2] > _NEAR
    if np.any(camera.distortion) or camera.fisheye:
        # a polynomial lens folds what lies far outside the frame back into it
        straight = (points / z[:, None]) @ camera.K.T
        size = np.array(camera.size, np.float64)
        usable &= (np.abs(straight[:, :2] / size - 0.5) < 1.0).all(axis=1)
    return np.where(usable[:, None], pixels, np.nan)


def _inverse_depth(points: Float) -> Float:
    return np.where(points[:, 2] > _NEAR, 1.0 / np.maximum(points[:, 2], _NEAR), 0.0)


def _front_facing(pixels: Float, triangles: Int) -> NDArray[np.bool_]:
    a, b, c = (pixels[triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] < 0.0  # y runs down


def _shade(
    coverage: Coverage,
    points: Float,
    normals: Float,
    triangles: Int,
    colours: Float,
    faces: Float | None,
    flat: bool,
) -> Float:
    """The lit colour (P, 3) of each covered pixel."""
    if flat:
        a, b, c = (points[triangles[:, k]] for k in range(3))
        across = np.cross(b - a, c - a)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
        factor, added = light((a + b + c) / 3.0, across)
        own = colours[triangles].mean(axis=1) if faces is None else faces
        return (own * factor[:, None] + 255.0 * added[:, None])[coverage.faces]
    factor, added = light(points, normals)
    if faces is None:
        lit = colours * factor[:, None] + 255.0 * added[:, None]
        return coverage.interpolate(triangles, lit)
    spread = coverage.interpolate(triangles, np.stack([factor, added], axis=1))
    return faces[coverage.faces] * spread[:, :1] + 255.0 * spread[:, 1:]


def _blend(image: Image, pixels: Int, colours: Float, alpha: float) -> Image:
    """Lay colours (P, 3) over the pixels; the outline is softened over one pixel."""
    height, width = image.shape[:2]
    rows, columns = pixels // width, pixels % width
    top, left = max(rows.min() - 1, 0), max(columns.min() - 1, 0)
    bottom, right = min(rows.max() + 2, height), min(columns.max() + 2, width)
    layer = np.zeros((bottom - top, right - left, 4), np.float32)
    layer[rows - top, columns - left, :3] = np.clip(colours, 0.0, 255.0)
    layer[rows - top, columns - left, 3] = 1.0
    soft = cv2.blur(layer, (3, 3))
    fringe = (layer[..., 3] == 0.0) & (soft[..., 3] > 0.0)
    layer[fringe, :3] = soft[fringe, :3] / soft[fringe, 3:]
    weight = alpha * soft[..., 3:]
    patch = image[top:bottom, left:right].astype(np.float32)
    image[top:bottom, left:right] = (patch + weight * (layer[..., :3] - patch) + 0.5).astype(np.uint8)
    return image


def _draw_wire(image: Image, pixels: Float, edges: Int, seen: Int, look: Look) -> Image:
    visible = np.zeros(len(pixels), bool)
    visible[seen.ravel()] = True
    kept = edges[visible[edges].all(axis=1)]
    lines = image.copy()
    cv2.polylines(lines, list(fixed_point(pixels[kept])), False, look.wire, 1, cv2.LINE_AA, SHIFT)
    return np.asarray(cv2.addWeighted(lines, look.wire_alpha, image, 1.0 - look.wire_alpha, 0.0), np.uint8)
