"""Grooming: from a hairstyle to strands on the mean head.

A few hundred guides are grown from the scalp step by step; thousands of strands then follow the guides
next to them, gather into locks, and curl.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from detector.synthetic.hairstyles import Hairstyle
from detector.synthetic.scalp import scalp_density
from detector.synthetic.strands import Strands, barycentric, scatter_roots, visible_share
from detector.synthetic.surfaces import Floats

Array = NDArray[np.float64]

GUIDES = 320
POINTS_CURLY, POINTS_LONG, POINTS_SHORT = 24, 14, 5
SHORT = 0.03
FEWER_POINTS_SHARE = 0.7
"""Where fewer strands than this are drawn, they do with fewer points."""
FEWER_POINTS = {POINTS_CURLY: 16, POINTS_LONG: 8, POINTS_SHORT: 4}
NEIGHBOURS = 3


@dataclass(frozen=True, eq=False)
class Body:
    """What hair grows on and lies on.

    Attributes:
        vertices: (V, 3) the canonical head. normals: (V, 3). triangles: (T, 3) of its outer skin.
        obstacle: the points of head and shoulders, for collisions. obstacle_normals: theirs.
    """

    vertices: Array
    normals: Array
    triangles: NDArray[np.int64]
    obstacle: cKDTree
    obstacle_normals: Array


@dataclass(frozen=True, eq=False)
class Groom:
    """Hair on the mean head.

    Attributes:
        strands: in canonical metres.
        corners, weights: (S, 3) each, where the roots sit.
        nearest: (S, P) the vertex of the head nearest to each point.
        follow: (S, P) how much that vertex moves the point when the head's shape changes, the rest being the
            root's.
        roots: (V,) how much of the scalp's colour is hair.
    """

    strands: Strands
    corners: NDArray[np.int64]
    weights: Array
    nearest: NDArray[np.int32]
    follow: Floats
    roots: Floats

    def coarse(self, pixel: float) -> Groom:
        """The same hair with the strands and points that a picture with pixels of so many metres can show."""
        share = visible_share(float(self.strands.width.mean()), pixel)
        if share >= 1.0:
            return self
        strands = self.strands.coarse(share)
        kept = slice(0, len(strands.points))
        steps = self.nearest.shape[1]
        points = np.arange(steps)
        if share < FEWER_POINTS_SHARE:
            points = np.rint(np.linspace(0, steps - 1, FEWER_POINTS[steps])).astype(int)
        return Groom(
            strands.moved(strands.points[:, points], strands.normals),
            self.corners[kept],
            self.weights[kept],
            self.nearest[kept][:, points],
            self.follow[kept][:, points],
            self.roots,
        )


def grow(style: Hairstyle, body: Body, rng: np.random.Generator) -> Groom:
    """Hair of a style on the mean head."""
    density = scalp_density(body.vertices, style.recede, style.bald, rng)
    steps = POINTS_SHORT if style.length < SHORT else POINTS_CURLY if style.curl > 0.0 else POINTS_LONG
    guide_roots, guides = _grow_guides(style, body, density, steps, rng)
    corners, weights = scatter_roots(body.vertices, body.triangles, density, style.strands, rng)
    roots = barycentric(body.vertices, corners, weights).astype(np.float64)
    normals = _unit(barycentric(body.normals, corners, weights).astype(np.float64))
    points, lock = _follow_guides(style, roots, guide_roots, guides, rng)
    points = _shape_locks(style, points, normals, rng)
    count = len(roots)
    # Hair shimmers by locks more than by single hairs.
    shade = np.exp(rng.normal(0.0, 0.16, (GUIDES, 1)))[lock]
    shade = shade * np.exp(rng.normal(0.0, 0.14, (count, 1)) + rng.normal(0.0, 0.03, (count, 3)))
    width = style.width * np.exp(rng.normal(0.0, 0.3, count))
    strands = Strands(
        points.astype(np.float32),
        normals.astype(np.float32),
        width.astype(np.float32),
        shade.astype(np.float32),
        (0.6 * rng.random(count) ** 1.5 + 0.4 * rng.random(GUIDES)[lock]).astype(np.float32),
    )
    tree = cKDTree(body.vertices)
    distance, nearest = (np.asarray(part) for part in tree.query(points.reshape(-1, 3)))
    follow = np.exp(-((distance / 0.05) ** 2)).reshape(count, steps)
    return Groom(
        strands,
        corners,
        weights,
        nearest.reshape(count, steps).astype(np.int32),
        follow.astype(np.float32),
        density.astype(np.float32),
    )


def _grow_guides(
    style: Hairstyle, body: Body, density: Array, steps: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Roots (G, 3) and paths (G, P, 3) relative to the roots."""
    corners, weights = scatter_roots(body.vertices, body.triangles, density, GUIDES, rng)
    roots = barycentric(body.vertices, corners, weights).astype(np.float64)
    normals = _unit(barycentric(body.normals, corners, weights).astype(np.float64))
    top = np.clip((roots[:, 1] - 0.02) / 0.07, 0.0, 1.0)
    length = (
        style.length * (style.sides + (1.0 - style.sides) * top) * np.exp(rng.normal(0.0, 0.08, len(roots)))
    )
    if style.fringe is not None:
        front = np.clip((roots[:, 2] + 0.055) / 0.03, 0.0, 1.0)
        length = length + front * (
            np.minimum(style.fringe * np.exp(rng.normal(0.0, 0.1, len(roots))), length) - length
        )
    wander = rng.normal(size=(len(roots), 3)) * style.wander
    direction = _unit(_comb(style, roots, normals, rng) + style.lift * normals + wander)
    path = [roots]
    step = (length / (steps - 1))[:, None]
    floor = 0.002 + 0.012 * min(style.lift, 1.0) * np.linspace(0.3, 1.0, steps)
    for i in range(1, steps):
        pull = np.array([0.0, -1.0, 0.0]) * style.gravity * (0.35 + 0.65 * i / steps)
        if style.gather is not None:
            towards = np.asarray(style.gather) - path[-1]
            pull = (
                pull
                + 2.5 * _unit(towards) * np.clip(np.linalg.norm(towards, axis=1) / 0.03, 0.0, 1.0)[:, None]
            )
        if style.fringe is None and style.length > SHORT:
            pull = pull + _off_the_face(path[-1], roots, style.part or 0.0)
        direction = _unit(direction + pull * (0.9 if style.gather is not None else 0.55))
        reach = step if style.fringe is None else step * _above_eyes(path[-1], style.eye_line)
        path.append(_pushed_out(path[-1] + direction * reach, body, float(floor[i])))
        direction = _unit(direction * 1e-3 + path[-1] - path[-2])
    return roots, np.stack(path, axis=1) - roots[:, None]


def _above_eyes(points: Array, line: float) -> Array:
    """(G, 1) 1 where hair may grow on, 0 where a fringe has come down to the eyes."""
    before = (points[:, 2] > -0.02) & (np.abs(points[:, 0]) < 0.062)
    return np.where(before, np.clip((points[:, 1] - line) / 0.006, 0.0, 1.0), 1.0)[:, None]


def _off_the_face(points: Array, roots: Array, part: float) -> Array:
    """Pull (G, 3) that sweeps hair to the side it grows on and behind the cheeks."""
    side = np.where(roots[:, 0] >= part, 1.0, -1.0)
    before = np.clip((points[:, 2] + 0.055) / 0.05, 0.0, 1.0) * np.clip(
        (0.07 - points[:, 1]) / 0.03, 0.0, 1.0
    )
    before = before * np.clip((0.085 - points[:, 0] * side) / 0.03, 0.0, 1.0)
    return np.asarray(before[:, None] * np.stack([2.4 * side, 0.5 + 0.0 * side, -1.2 + 0.0 * side], axis=1))


def _comb(style: Hairstyle, roots: Array, normals: Array, rng: np.random.Generator) -> Array:
    """Direction (G, 3) along the skin that the hair is combed in."""
    part = style.part if style.part is not None else 0.0
    side = np.tanh((roots[:, 0] - part) / 0.01)
    wish = np.zeros_like(roots)
    wish[:, 0] = style.sideways * side
    wish[:, 2] = style.forwards
    wish[:, 1] = -0.35 * (abs(style.sideways) + 0.5)
    if style.gather is not None:
        wish = _unit(np.asarray(style.gather) - roots) * 2.0
    swirl = np.array([0.0, 1.0, 0.0]) * rng.normal(0.0, 0.15)
    wish = wish + np.cross(np.broadcast_to(swirl, roots.shape), roots) * 10.0
    return np.asarray(wish - normals * np.einsum("ij,ij->i", wish, normals)[:, None])


def _pushed_out(points: Array, body: Body, gap: float) -> Array:
    """Points at least `gap` metres outside the head and shoulders."""
    _, index = body.obstacle.query(points)
    surface, normal = body.obstacle.data[index], body.obstacle_normals[index]
    height = np.einsum("ij,ij->i", points - surface, normal)
    return np.asarray(points + normal * np.maximum(gap - height, 0.0)[:, None])


def _follow_guides(
    style: Hairstyle, roots: Array, guide_roots: Array, guides: Array, rng: np.random.Generator
) -> tuple[Array, NDArray[np.int64]]:
    """Strands (S, P, 3) between the guides next to them, each a little its own, and their locks (S,)."""
    key, guide_key = roots, guide_roots
    if style.part is not None:
        # Strands on one side of the parting follow guides of that side.
        key, guide_key = (np.c_[r, 0.05 * np.sign(r[:, 0] - style.part)] for r in (roots, guide_roots))
    distance, index = (np.asarray(part) for part in cKDTree(guide_key).query(key, k=NEIGHBOURS))
    weight = 1.0 / (distance + 0.002) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    mixed = np.einsum("sg,sgpc->spc", weight, guides[index])
    t = np.linspace(0.0, 1.0, guides.shape[1])
    lock = guide_roots[index[:, 0]][:, None] + guides[index[:, 0]]
    free = roots[:, None] + mixed * np.exp(rng.normal(0.0, 0.10, len(roots)))[:, None, None]
    gathered = (style.clump * t**1.3)[None, :, None]
    return np.asarray(free + (lock - free) * gathered), np.asarray(index[:, 0])


def _shape_locks(style: Hairstyle, points: Array, normals: Array, rng: np.random.Generator) -> Array:
    """Frizz and curls added to strands (S, P, 3)."""
    count, steps, _ = points.shape
    t = np.linspace(0.0, 1.0, steps)
    bend = rng.normal(size=(count, 2, 3))
    sway = bend[:, :1] * t[:, None] ** 1.5 + bend[:, 1:] * 0.5 * np.sin(t * 7.0)[:, None] * t[:, None]
    points = points + style.frizz * sway
    if style.curl > 0.0:
        along = _unit(np.gradient(points, axis=1))
        across = _unit(np.cross(along, normals[:, None] + 1e-3))
        third = np.cross(along, across)
        turns = min(style.turns * style.length, steps / 6.0)
        cell = np.floor(points[:, 0] / 0.012)
        phase = (np.sin(cell @ np.array([12.99, 78.23, 37.72])) * 43758.5) % (2 * np.pi) + rng.normal(
            0, 0.5, count
        )
        angle = 2 * np.pi * turns * t[None] + phase[:, None]
        size = style.curl * np.minimum(3 * t, 1.0)
        points = points + size[:, None] * (
            np.cos(angle)[..., None] * across + np.sin(angle)[..., None] * third
        )
    return np.asarray(points)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
