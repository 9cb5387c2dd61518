"""A head mesh such as a studio has its own of: in centimetres, of n-gons, in an order of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting.surface import SurfacePoints
from tests.fitting.other_heads import retopology
from tests.fitting.scenes import head

Array = NDArray[np.float64]

LIFT = np.array([2.0, 150.0, -3.0])
"""Centimetres by which it stands off our origin."""


@dataclass(frozen=True, eq=False)
class UserMesh:
    """Our head triangulated anew, its vertices shuffled.

    Attributes:
        points: (N,) where on our mesh each vertex lies. part: (N,) the part that it does.
        faces: of three corners and more.
    """

    points: SurfacePoints
    part: NDArray[np.str_]
    faces: list[list[int]]

    def carry(self, values: Array) -> Array:
        """Values (..., V, 3) of our vertices on the mesh's (..., N, 3)."""
        return np.asarray(self.points.evaluate(np.asarray(values, np.float64)))


@lru_cache
def user_mesh() -> UserMesh:
    """The same each time; some of its faces have five corners and more."""
    other = retopology()
    order = np.random.default_rng(5).permutation(len(other.points))
    place = np.argsort(order)
    faces = [place[list(ring)].tolist() for ring in other.rings if len(ring) > 2]
    return UserMesh(other.points.subset(order), other.part[order], faces)


@lru_cache
def character(seed: int = 1) -> Array:
    """(V, 3) our neutral head in some identity, metres."""
    model = head()
    identity = 0.7 * np.random.default_rng(seed).normal(size=model.identity_size)
    return np.asarray(model.mean.numpy() + np.tensordot(identity, model.identity_basis.numpy(), 1))


def write_user_mesh(folder: Path, shapes: Iterable[str] = ()) -> Path:
    """Write ``hero.obj`` with groups and texture coordinates, and shapes of ours beside it; its path."""
    mesh, model = user_mesh(), head()
    neutral = mesh.carry(character()) * 100 + LIFT
    text = [f"vt {u:.6f} {v:.6f}\n" for u, v in np.random.default_rng(2).random((len(neutral), 2))]
    for part in dict.fromkeys(mesh.part[[face[0] for face in mesh.faces]]):
        text.append(f"g {part}\n")
        chosen = (face for face in mesh.faces if mesh.part[face[0]] == part)
        text += ["f " + " ".join(f"{v + 1}/{v + 1}" for v in face) + "\n" for face in chosen]
    folder.mkdir(parents=True, exist_ok=True)
    path = write_vertices(folder / "hero.obj", neutral, "".join(text))
    for name in shapes:
        delta = model.expression_basis[model.expression_names.index(name)].numpy()
        write_vertices(folder / "shapes" / f"{name}.obj", neutral + 100 * mesh.carry(delta))
    return path


def write_vertices(path: Path, vertices: Array, rest: str = "") -> Path:
    """Write an OBJ of vertices (N, 3) and whatever follows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in vertices) + rest)
    return path
