"""Heads of another topology whose truth is known: our own head, triangulated anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from fitting.surface import SurfacePoints
from tests.fitting.scenes import head

Array = NDArray[np.float64]

LIFT = np.array([0.0, 0.05, 0.02])
"""Metres by which the fake's origin is off: no file of others has ours."""


@dataclass(frozen=True, eq=False)
class Retopology:
    """Another mesh on our head: a vertex inside every quad, a face around every inner vertex.

    Attributes:
        points: (N,) where on our mesh each new vertex lies.
        rings: the new faces, of three corners and more.
        triangles: (T, 3) of the new vertices.
        part: (N,) name of the part of each.
    """

    points: SurfacePoints
    rings: tuple[tuple[int, ...], ...]
    triangles: NDArray[np.int64]
    part: NDArray[np.str_]

    def carry(self, values: Array) -> Array:
        """Values (..., V, 3) of our vertices on the new ones (..., N, 3)."""
        return np.asarray(self.points.evaluate(np.asarray(values, np.float64)))

    def members(self, *parts: str) -> NDArray[np.int64]:
        """The new vertices of some parts."""
        return np.flatnonzero(np.isin(self.part, parts))


@lru_cache
def retopology() -> Retopology:
    """The same each time; no vertex of it is one of ours."""
    model, rng = head(), np.random.default_rng(11)
    quads = np.asarray(model.quads)
    weights = rng.dirichlet((6.0, 6.0, 6.0), len(quads))
    corners = np.where(rng.random(len(quads))[:, None] < 0.5, quads[:, [0, 1, 2]], quads[:, [0, 2, 3]])
    part = np.empty(len(quads), dtype="U16")
    for name, indices in model.parts.items():
        part[np.isin(quads[:, 0], indices)] = name
    rings = _rings(quads)
    fans = np.array([(ring[0], ring[k], ring[k + 1]) for ring in rings for k in range(1, len(ring) - 1)])
    return Retopology(SurfacePoints(corners, weights), rings, fans, part)


def _rings(quads: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Faces of the dual mesh: around each vertex, its quads in their order."""
    following: dict[int, dict[int, tuple[int, int]]] = {}
    for face, quad in enumerate(quads):
        for k in range(4):
            before, here, after = int(quad[k - 1]), int(quad[k]), int(quad[(k + 1) % 4])
            following.setdefault(here, {})[after] = (before, face)
    rings = list[tuple[int, ...]]()
    for ring in following.values():
        start = next(iter(ring))
        edge, loop = start, list[int]()
        while edge in ring:
            edge, face = ring[edge]
            loop.append(face)
            if edge == start:
                rings.append(tuple(loop))
                break
    return tuple(rings)


EXPRESSIONS = {
    "browDown_L": "browDownLeft",
    "browDown_R": "browDownRight",
    "eyeBlink_L": "eyeBlinkLeft",
    "eyeBlink_R": "eyeBlinkRight",
    "jawOpen": "jawOpen",
    "mouthPucker": "mouthPucker",
    "mouthSmile_L": "mouthSmileLeft",
    "mouthSmile_R": "mouthSmileRight",
}
"""The blend shapes of the fake of ICT-FaceKit, and what they are called on our head."""

COMPONENTS = 12


def write_blend_shapes(folder: Path, *, unit: float = 100.0, identity: Array | None = None) -> Path:
    """A folder as ICT-FaceKit's: our head triangulated anew, in centimetres, with a mean head of its own.

    Args:
        folder: to write. unit: how many of them make a metre.
        identity: (B,) of ours that its mean head has; our mean head if None.
    """
    model, other = head(), retopology()
    beta = np.zeros(model.identity_size) if identity is None else identity
    neutral = other.carry(model.mean.numpy() + np.tensordot(beta, model.identity_basis.numpy(), 1)) + LIFT
    faces = "".join(
        f"g {part}\n" + "".join(f"f {a} {b} {c}\n" for a, b, c in other.triangles[rows] + 1)
        for part in dict.fromkeys(other.part)
        for rows in [np.flatnonzero(other.part[other.triangles[:, 0]] == part)]
    )
    folder.mkdir(parents=True)
    _write_mesh(folder / "generic_neutral_mesh.obj", neutral * unit, faces)
    for index in range(COMPONENTS):
        moved = neutral + other.carry(model.identity_basis[index].numpy())
        _write_mesh(folder / f"identity{index:03d}.obj", moved * unit)
    for name, ours in EXPRESSIONS.items():
        offset = model.expression_basis[model.expression_names.index(ours)].numpy()
        _write_mesh(folder / f"{name}.obj", (neutral + other.carry(offset)) * unit)
    (folder / "vertex_indices.json").write_text(json.dumps({"expressions": list(EXPRESSIONS)}))
    return folder


def write_landmark_table(path: Path) -> Path:
    """Which vertices of the fake are (nearly) the landmarks of iBUG: those within 3 mm."""
    model, other = head(), retopology()
    mean = model.mean.numpy()
    skin = other.members("skin")
    answer = KDTree(other.carry(mean)[skin]).query(model.ibug68.evaluate(mean))
    apart, nearest = np.asarray(answer[0]), np.asarray(answer[1])
    rows = [f"{k},{skin[nearest[k]]}\n" for k in np.flatnonzero(apart < 0.003)]
    path.write_text("landmark,vertex\n" + "".join(rows))
    return path


def _write_mesh(path: Path, vertices: Array, faces: str = "") -> None:
    path.write_text("".join(f"v {x:.7f} {y:.7f} {z:.7f}\n" for x, y, z in vertices) + faces)
