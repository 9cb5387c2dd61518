"""Hair and beards on particular heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from detector.synthetic.accessories import HatLine
from detector.synthetic.clothes import AROUND, SECTIONS
from detector.synthetic.groom import Body, Groom, grow
from detector.synthetic.hairstyles import draw_hairstyle
from detector.synthetic.head_surfaces import HeadSurfaces, PosedHead
from detector.synthetic.scalp import BEARD_STYLES, beard_density
from detector.synthetic.strands import Strands, barycentric, ribbons, scatter_roots, visible_share
from detector.synthetic.surfaces import Floats, Kind, Material, Surface
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, eq=False)
class Beard:
    """A beard on the canonical head.

    Attributes:
        corners, weights: (S, 3) each, the roots.
        bend: (S, P, 3) float32, path of each strand from its root in canonical metres.
        width: (S,) metres. tint: (S, 3).
    """

    corners: NDArray[np.int64]
    weights: Array
    bend: Floats
    width: Floats
    tint: Floats


class Barber:
    """Grows hair on the mean head and puts it on others."""

    def __init__(self, model: HeadModel, heads: HeadSurfaces) -> None:
        mean = model.assets.mean.astype(np.float64)
        skin = model.region("outer_skin")
        triangles = model.triangles[np.isin(model.triangles, skin).all(axis=1)]
        normals = heads.vertex_normals(mean).astype(np.float64)
        obstacle, obstacle_normals = _obstacle(mean[skin], normals[skin])
        self._body = Body(mean, normals, triangles, cKDTree(obstacle), obstacle_normals)
        self._heads = heads
        self._mean = mean.astype(np.float32)
        self._mirror = cKDTree(mean).query(mean * MIRROR)[1]

    def groom(self, rng: np.random.Generator) -> Groom:
        """A random groom on the mean head."""
        return grow(draw_hairstyle(rng), self._body, rng)

    def wear(
        self,
        groom: Groom,
        shape: Floats,
        head: PosedHead,
        colour: tuple[float, float, float],
        mirrored: bool,
        hat_line: HatLine | None = None,
        pixel: float = 0.0,
    ) -> tuple[Surface, Floats]:
        """Hair on a posed head, and how much of each refined vertex's colour is hair (R,).

        Args:
            groom: the hair. shape: (V, 3) the neutral head that wears it, canonical metres.
            head: where that head is. colour: linear RGB. mirrored: exchange left and right.
            hat_line: where a hat begins; what is above it does not show.
            pixel: metres that a pixel spans at the head; hair is drawn no finer than it. 0 draws all.
        """
        groom = groom.coarse(pixel)
        moved = shape - self._mean
        if mirrored:
            moved = moved[self._mirror] * MIRROR
        root_shift = barycentric(moved, groom.corners, groom.weights)
        follow = groom.follow[..., None]
        points = groom.strands.points + follow * moved[groom.nearest] + (1.0 - follow) * root_shift[:, None]
        normals, roots = groom.strands.normals, groom.roots
        if mirrored:
            points, normals, roots = points * MIRROR, normals * MIRROR, roots[self._mirror]
        rotation = head.frame.rotation.astype(np.float32)
        kept = None
        if hat_line is not None:
            points = _under(points, hat_line)
            kept = np.ptp(points[..., 1], axis=1) > 1e-4
            kept[0] = True  # an empty surface cannot be drawn
        placed = groom.strands.moved(
            points @ rotation.T + head.frame.offset.astype(np.float32), normals @ rotation.T, kept
        )
        material = Material(Kind.STRANDS, colour=colour, roughness=0.45, specular=1.0)
        # Skin shows between the sparse hairs of the hairline.
        covered = 0.8 * roots[:, None] ** 2
        return ribbons(placed, material), self._heads.refine_values(covered)[:, 0]

    def draw_beard(self, rng: np.random.Generator) -> Beard:
        """A random beard on the mean head."""
        style = str(rng.choice(BEARD_STYLES, p=[0.42, 0.06, 0.2, 0.08, 0.16, 0.08]))
        longest = 0.010 if style == "sideburns" else 0.03
        length = float(np.exp(rng.uniform(np.log(0.003), np.log(longest))))
        density = beard_density(self._body.vertices, style, rng)
        count = int(np.clip(9000 * (0.006 / length) ** 0.25, 4000, 9000))
        count = count if style in ("full", "jaw") else count // 2
        corners, weights = scatter_roots(self._body.vertices, self._body.triangles, density, count, rng)
        normals = barycentric(self._body.normals, corners, weights)
        roots = barycentric(self._body.vertices, corners, weights)
        down = np.array([0.0, -1.0, 0.0]) * rng.uniform(0.4, 1.2) + roots * np.array([6.0, 0.0, 0.0])
        messy = rng.normal(0.0, rng.uniform(0.1, 0.35), normals.shape)
        direction = (
            normals * rng.uniform(0.25, 0.8) + down - normals * np.einsum("ij,ij->i", down, normals)[:, None]
        )
        direction = direction + messy
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        size = length * np.exp(rng.normal(0.0, 0.25, (len(roots), 1, 1)))
        t = np.linspace(0.0, 1.0, 5)[None, :, None]
        curl = rng.normal(size=(len(roots), 1, 3)) * 0.35 * t**2
        bend = size * (direction[:, None] * t + curl + np.array([0.0, -0.3, 0.0]) * t**2)
        tint = np.exp(rng.normal(0.0, 0.25, (len(roots), 1)) + rng.normal(0.0, 0.05, (len(roots), 3)))
        width = rng.uniform(0.0003, 0.0007, len(roots))
        return Beard(
            corners, weights, bend.astype(np.float32), width.astype(np.float32), tint.astype(np.float32)
        )

    def wear_beard(
        self, beard: Beard, head: PosedHead, colour: tuple[float, float, float], pixel: float = 0.0
    ) -> Surface:
        """A beard on a posed head; it moves with the skin that it grows on. `pixel` as for :meth:`wear`."""
        rotation = head.frame.rotation.astype(np.float32)
        posed_normals = head.normals[: len(head.vertices)]
        roots = barycentric(head.vertices, beard.corners, beard.weights)
        normals = barycentric(posed_normals, beard.corners, beard.weights)
        points = roots[:, None] + beard.bend @ rotation.T
        count = len(roots)
        depth = (0.8 * (np.arange(count) * GOLDEN % 1.0)).astype(np.float32)
        strands = Strands(points.astype(np.float32), normals, beard.width, beard.tint, depth)
        strands = strands.coarse(visible_share(float(beard.width.mean()), pixel))
        return ribbons(
            strands, Material(Kind.STRANDS, colour=colour, roughness=0.6, specular=0.6), root_shade=0.6
        )


def _under(points: Floats, line: HatLine) -> Floats:
    """Strands (S, P, 3) as they come out from under a hat: what is before that point lies in it."""
    edge = line.low + line.tilt * (points[..., 2] - line.middle) + 0.004
    above = np.asarray(points[..., 1] > edge)
    hidden = np.asarray(above.all(axis=1))
    out = np.where(hidden, 0, np.argmin(above, axis=1))
    strands = np.arange(len(points))
    inside = (np.arange(points.shape[1]) < out[:, None]) | hidden[:, None]
    result = np.where(inside[..., None], points[strands, out][:, None], points)
    result[..., 1] = np.where(inside, result[..., 1], np.minimum(result[..., 1], edge))
    return result


def _obstacle(skin: Array, normals: Array) -> tuple[Array, Array]:
    """Points and normals of what hair cannot enter: the head and a pair of shoulders."""
    a = np.linspace(0.0, 2 * np.pi, AROUND, endpoint=False)
    heights = np.linspace(SECTIONS[2, 0], SECTIONS[-1, 0], 60)
    wide, deep, middle = (np.interp(-heights, -SECTIONS[:, 0], SECTIONS[:, i]) for i in (1, 2, 3))
    out = np.stack([np.sin(a), np.zeros_like(a), -np.cos(a)], axis=1)
    size = np.stack([wide + 0.01, np.zeros_like(wide), deep + 0.01], axis=1)
    points = out[None] * size[:, None]
    points[..., 1] = heights[:, None]
    points[..., 2] += middle[:, None]
    slope = np.gradient(wide, heights)
    tilted = np.repeat(out[None], len(heights), axis=0)
    tilted[..., 1] = -slope[:, None] * np.abs(out[:, 0])
    tilted /= np.linalg.norm(tilted, axis=-1, keepdims=True)
    return np.concatenate([skin, points.reshape(-1, 3)]), np.concatenate([normals, tilted.reshape(-1, 3)])
