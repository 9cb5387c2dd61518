"""A rig as seen from above and from the side: frusta, names, head, ground, axes and a scale bar.

Views are orthographic, so that the scale bar holds everywhere in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from pipeline.drawing.curves import GRID, INK, PAPER
from pipeline.drawing.labels import Label, place_labels
from pipeline.drawing.landmarks import SHIFT, fixed_point
from pipeline.drawing.mesh import Look, draw_mesh
from pipeline.drawing.shading import Colour
from pipeline.drawing.words import write

Image = NDArray[np.uint8]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

SIZE = (1100, 900)
GOOD: Colour = (38, 104, 150)
BAD: Colour = (200, 40, 34)
FAINT: Colour = (168, 170, 174)
BOARD: Colour = (206, 150, 40)
AXES: tuple[tuple[str, Colour], ...] = (("X", (204, 58, 50)), ("Y", (60, 150, 70)), ("Z", (52, 96, 196)))

_FACTOR = 2  # drawn at twice the size, then averaged
_FAR = 400.0
_FRUSTUM = 0.13
_MARGIN = 0.16
_ELEVATION, _AZIMUTH = np.radians(28.0), np.radians(32.0)
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0)


@dataclass(frozen=True, eq=False)
class Stage:
    """What is drawn.

    Attributes:
        rig: C cameras.
        head: (V, 3) vertices of the head in the world, metres; none where it is not known.
        triangles: (T, 3) of the head.
        bad: names of the cameras that are drawn in red.
        up: (3,) the world's direction that points up in the pictures.
        title: above the picture.
        boards: (B, 4, 3) corners of flat boards in the world, metres.
    """

    rig: Rig
    head: Float = field(default_factory=lambda: np.zeros((0, 3)))
    triangles: Int = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    bad: Sequence[str] = ()
    up: Float = field(default_factory=lambda: np.array([0.0, 1.0, 0.0]))
    title: str = ""
    boards: Float = field(default_factory=lambda: np.zeros((0, 4, 3)))

    @property
    def centres(self) -> Float:
        """(C, 3)."""
        return np.stack([camera.centre for camera in self.rig])

    @property
    def middle(self) -> Float:
        """(3,) of what the cameras look at: the head, else the boards, else of the cameras."""
        for points in (self.head, self.boards.reshape(-1, 3)):
            if len(points):
                return np.asarray(points.mean(0))
        return np.asarray(self.centres.mean(0))

    @property
    def front(self) -> Float:
        """(3,) the level axis of the world from which most cameras look at the head."""
        middle = self.middle if len(self.head) or len(self.boards) else np.zeros(3)
        outward = (self.centres - middle).mean(0)
        axes = np.concatenate([np.eye(3), -np.eye(3)])
        level = np.abs(axes @ self.up) < 0.5
        return np.asarray(axes[int(np.argmax(np.where(level, axes @ outward, -np.inf)))])


def draw_top(stage: Stage) -> Image:
    """The rig from above, the cameras' side at the bottom: (H, W, 3) uint8 RGB."""
    down = -stage.up
    return _draw(stage, _Plane.looking(down, np.cross(down, -stage.front)), "from above")


def draw_aslant(stage: Stage) -> Image:
    """The rig from the cameras' side, from the left and above: (H, W, 3) uint8 RGB."""
    turned = cv2.Rodrigues(_AZIMUTH * stage.up)[0] @ stage.front
    forward = -(np.cos(_ELEVATION) * turned + np.sin(_ELEVATION) * stage.up)
    return _draw(stage, _Plane.looking(forward, np.cross(forward, stage.up)), "aslant")


@dataclass(frozen=True, eq=False)
class _Plane:
    """Directions of a view: right, down and forward, each (3,)."""

    axes: Float

    @classmethod
    def looking(cls, forward: Float, right: Float) -> _Plane:
        right = right / np.linalg.norm(right)
        forward = forward / np.linalg.norm(forward)
        return cls(np.stack([right, np.cross(forward, right), forward]))


class _Canvas:
    """A picture of the world through a camera that is so far away that nothing gets smaller."""

    def __init__(self, plane: _Plane, points: Float) -> None:
        self.size = (_FACTOR * SIZE[0], _FACTOR * SIZE[1])
        self.image = np.full((self.size[1], self.size[0], 3), PAPER, np.uint8)
        flat = points @ plane.axes[:2].T
        low, high = flat.min(0), flat.max(0)
        room = np.array(self.size) * (1 - 2 * _MARGIN)
        self.per_metre = float((room / np.maximum(high - low, 1e-6)).min())
        self.extent = float(np.linalg.norm(high - low))
        distance = _FAR * max(self.extent, 1e-6)
        K = np.eye(3)
        K[[0, 1], [0, 1]] = self.per_metre * distance
        K[:2, 2] = np.array(self.size) / 2
        middle = plane.axes[:2].T @ ((low + high) / 2) + plane.axes[2] * (points @ plane.axes[2]).mean()
        t = np.array([0, 0, distance]) - plane.axes @ middle
        self.camera = Camera("view", *self.size, K, R=plane.axes, t=t)
        self.forward = plane.axes[2]

    def pixels(self, points: Float) -> Float:
        return self.camera.project(points)

    def lines(self, segments: Float, colour: Colour, width: float = 1.0) -> None:
        """Segments (N, 2, 3) of the world."""
        drawn = [fixed_point(each) for each in self.pixels(segments)]
        cv2.polylines(self.image, drawn, False, colour, round(width * _FACTOR), cv2.LINE_AA, SHIFT)

    def face(self, corners: Float, colour: Colour, alpha: float) -> None:
        """A flat polygon (N, 3), translucent."""
        over = self.image.copy()
        cv2.fillPoly(over, [fixed_point(self.pixels(corners))], colour, cv2.LINE_AA, SHIFT)
        self.image = cv2.addWeighted(over, alpha, self.image, 1 - alpha, 0).astype(np.uint8)

    def dot(self, point: Float, colour: Colour, radius: float) -> None:
        x, y = fixed_point(self.pixels(point[None]))[0]
        scaled = round(radius * _FACTOR * (1 << SHIFT))
        cv2.circle(self.image, (int(x), int(y)), scaled, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)

    def finished(self) -> Image:
        return np.asarray(cv2.resize(self.image, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _draw(stage: Stage, plane: _Plane, name: str) -> Image:
    depth = _frustum_depth(stage)
    corners = np.stack([_frustum(camera, depth) for camera in stage.rig])
    boards = stage.boards.reshape(-1, 3)
    everything = np.concatenate([stage.centres, corners.reshape(-1, 3), stage.head, boards])
    canvas = _Canvas(plane, everything)
    floor = float((everything @ stage.up).min()) - 0.03 * canvas.extent
    step = _grid_step(canvas.extent)
    _ground(canvas, stage, everything, floor, step)
    _axes(canvas, step)
    order = np.argsort(-(stage.centres @ canvas.forward))
    for index in order:
        _axis_to_head(canvas, stage, int(index))
    for outline in stage.boards:
        canvas.lines(np.stack([outline, np.roll(outline, -1, axis=0)], axis=1), BOARD, 1.0)
    if len(stage.head):
        look = Look(alpha=1.0)
        canvas.image = draw_mesh(canvas.image, stage.head, stage.triangles, canvas.camera, look=look)
    for index in order:
        camera = stage.rig.cameras[index]
        colour = BAD if camera.name in stage.bad else GOOD
        if abs(float(canvas.forward @ stage.up)) < 0.95:
            _stalk(canvas, camera.centre, stage.up, floor)
        _camera(canvas, camera, corners[index], colour)
    picture = canvas.finished()
    _names(picture, canvas, stage, corners)
    _scale_bar(picture, canvas.per_metre / _FACTOR, step)
    title = f"{stage.title}, {name}" if stage.title else name
    write(picture, title, (24, 36), 21, anchor="ls")
    return picture


def _frustum_depth(stage: Stage) -> float:
    """How long frusta are drawn, metres."""
    reach = float(np.median(np.linalg.norm(stage.centres - stage.middle, axis=1)))
    return _FRUSTUM * max(reach, 1e-6)


def _frustum(camera: Camera, depth: float) -> Float:
    """(4, 3) the corners of the image so far before the camera, from the top left one clockwise."""
    width, height = camera.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64) - 0.5
    straight = (corners - camera.principal) / camera.focal
    # Very wide lenses, or a K that makes no sense, are drawn no wider than this.
    straight /= max(1.0, float(np.abs(straight).max()) / 1.5)
    rays = np.concatenate([straight, np.ones((4, 1))], axis=1) * depth
    return (rays - camera.t) @ camera.R


def _camera(canvas: _Canvas, camera: Camera, corners: Float, colour: Colour) -> None:
    centre = camera.centre
    canvas.face(corners, colour, 0.16)
    canvas.lines(np.stack([np.broadcast_to(centre, (4, 3)), corners], axis=1), colour, 1.4)
    canvas.lines(np.stack([corners, np.roll(corners, -1, axis=0)], axis=1), colour, 1.4)
    # a peak on the upper edge tells which way up the image is
    middle, half = corners[:2].mean(0), 0.5 * (corners[1] - corners[0])
    peak = middle + 0.35 * (corners[0] - corners[3])
    canvas.face(np.stack([middle - 0.5 * half, middle + 0.5 * half, peak]), colour, 0.9)
    canvas.dot(centre, colour, 3.5)


def _axis_to_head(canvas: _Canvas, stage: Stage, index: int) -> None:
    """A dashed line along the optical axis, as far as the head is away."""
    camera = stage.rig.cameras[index]
    reach = float(np.linalg.norm(stage.middle - camera.centre))
    marks = np.linspace(0.0, 1.0, 41)[:, None] * reach * camera.R[2] + camera.centre
    canvas.lines(np.stack([marks[:-1:2], marks[1::2]], axis=1), FAINT, 0.8)


def _stalk(canvas: _Canvas, centre: Float, up: Float, floor: float) -> None:
    """A line from a camera down to the ground: how high it stands, and where."""
    foot = centre - (centre @ up - floor) * up
    canvas.lines(np.stack([centre, foot])[None], FAINT, 0.8)
    canvas.dot(foot, FAINT, 2.0)


def _grid_step(extent: float) -> float:
    return next((step for step in _STEPS if extent / step <= 14), _STEPS[-1])


def _ground(canvas: _Canvas, stage: Stage, points: Float, floor: float, step: float) -> None:
    """A grid on the ground with lines through the world's origin."""
    across = np.cross(stage.up, [1.0, 0.0, 0.0] if abs(stage.up[0]) < 0.9 else [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    basis = np.stack([across, np.cross(across, stage.up)])
    flat = points @ basis.T
    low = (np.floor(flat.min(0) / step) - 1) * step
    high = (np.ceil(flat.max(0) / step) + 1) * step
    base = floor * stage.up
    for axis in range(2):
        count = min(round((high[axis] - low[axis]) / step) + 1, 200)
        values = low[axis] + step * np.arange(count)
        ends = np.stack([np.full(count, low[1 - axis]), np.full(count, high[1 - axis])], axis=1)
        grid = base + values[:, None, None] * basis[axis] + ends[..., None] * basis[1 - axis]
        canvas.lines(grid, GRID, 1.0)


def _axes(canvas: _Canvas, step: float) -> None:
    """The world's axes at its origin, where that is in the picture, else in the corner."""
    size = np.array(canvas.size, dtype=np.float64)
    origin = canvas.pixels(np.zeros((1, 3)))[0]
    if np.any(origin < 0.03 * size) or np.any(origin > 0.97 * size):
        origin = size * (0.93, 0.90)
    length = np.clip(canvas.per_metre * step, 44 * _FACTOR, 110 * _FACTOR)
    for direction, (name, colour) in zip(np.eye(3), AXES, strict=True):
        tip = origin + length * (canvas.camera.R @ direction)[:2]
        if np.linalg.norm(tip - origin) < 0.12 * length:
            continue
        start, end = fixed_point(origin), fixed_point(tip)
        cv2.arrowedLine(
            canvas.image, start.tolist(), end.tolist(), colour, 2 * _FACTOR, cv2.LINE_AA, SHIFT, 0.12
        )
        place = origin + 1.16 * (tip - origin)
        write(canvas.image, name, (float(place[0]), float(place[1])), 19 * _FACTOR, colour, "mm")


def _names(picture: Image, canvas: _Canvas, stage: Stage, corners: Float) -> None:
    """The cameras' names beside them, none over another or over a frustum (C, 4, 3)."""
    places = canvas.pixels(stage.centres) / _FACTOR
    middle = places.mean(0)
    labels = [
        Label(camera.name, place, BAD if camera.name in stage.bad else INK)
        for camera, place in zip(stage.rig, places, strict=True)
    ]
    frusta = canvas.pixels(np.concatenate([corners, stage.centres[:, None]], axis=1)) / _FACTOR
    place_labels(picture, labels, middle, np.stack([frusta.min(1), frusta.max(1)], axis=1))


def _scale_bar(picture: Image, per_metre: float, step: float) -> None:
    """A bar of a round length, bottom left."""
    length = max((each for each in _STEPS if each * per_metre < 260), default=step)
    left, bottom = 28, SIZE[1] - 30
    right = left + round(length * per_metre)
    cv2.rectangle(picture, (left, bottom - 7), (right, bottom), INK, cv2.FILLED)
    middle = (left + right) // 2
    cv2.rectangle(picture, (middle, bottom - 6), (right - 1, bottom - 1), PAPER, cv2.FILLED)
    text = f"{length:g} m; grid {step:g} m"
    write(picture, text, (left, bottom - 16), 16, anchor="ls")
