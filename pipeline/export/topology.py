"""A take on the user's own topology, and in the weights of their own blend shapes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from calibration.whole_file import whole_file
from fitting.head_traits import MAKEHUMAN
from fitting.posed import joint_positions, neutral_vertices
from fitting.topology.islands import EYES, FOLLOWED, OurHead
from fitting.topology.registration import fitted_head
from fitting.topology.shape_weights import Explained, solve_weights
from fitting.topology.transfer import Carried, carry
from pipeline.export.surface import Expressive, Skin, Surface

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance
    from fitting.topology.shapes import ShapeSet
    from fitting.topology.store import Topology

Float = NDArray[np.float64]

_MOVES = 1e-4
"""Metres that a vertex must move in the take to count in the residual."""
_UNNAMED = "skin"


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """The user's shapes in a take: F frames, S shapes.

    Attributes:
        names: (S,). frames: (F,) numbers. weights: (F, S).
        residual_mm: (F, 3) what the shapes leave of the frames over the vertices that move in the take: root
            mean square, 95th percentile, most.
    """

    names: tuple[str, ...]
    frames: NDArray[np.int64]
    weights: Float
    residual_mm: Float


def on_topology(performance: Performance, model: HeadModel, topology: Topology) -> Expressive:
    """The head of a take as the user's mesh, moved by their shapes where they gave some, and else by ours.

    The actor's neutral has the shape that was fitted to the actor. The user's shapes are added to it as they
    are to their own neutral: an actor who differs from their character gets its deltas, not its face. Joints
    turn the eyes, so that shapes do not turn them again.

    Raises:
        UsageError: the take was not fitted with the head that topologies lie on.
    """
    carried, surface = _carried(performance, model, topology), _surface(topology)
    if topology.shapes is None:
        skin = Skin(carried.vertices, carried.expressions, carried.weights, carried.joints)
        weights = np.asarray(performance.expression, np.float64)
        return Expressive(surface, skin, model.expression_names, weights)
    found = shape_fit(performance, model, topology)
    skin = Skin(carried.vertices, _deltas(topology, topology.shapes), carried.weights, carried.joints)
    return Expressive(surface, skin, found.names, found.weights)


def check_model(model: str, topology: str) -> None:
    """Refuse takes that were fitted with another head model.

    Raises:
        UsageError: it is not the one that topologies are registered to.
    """
    if model != MAKEHUMAN:
        raise UsageError(
            f"the topology {topology} lies on the head model {MAKEHUMAN}, the take is fitted with {model}",
            fix=f"Fit with {MAKEHUMAN}, or leave the topology out",
        )


@lru_cache(maxsize=1)  # every format asks for the same
def _carried(performance: Performance, model: HeadModel, topology: Topology) -> Carried:
    check_model(model.traits.name, topology.name)
    neutral = neutral_vertices(model, performance.identity, performance.personal_shape)
    ours = fitted_head(model, topology.identity)
    actor = OurHead(model, neutral, joint_positions(model, performance.identity))
    return carry(topology.neutral, topology.eyes, topology.binding, ours, actor)


def _surface(topology: Topology) -> Surface:
    groups = np.where(topology.groups == "", _UNNAMED, topology.groups)
    parts = {str(name): np.flatnonzero(groups == name) for name in dict.fromkeys(groups.tolist())}
    return Surface(
        topology.faces,
        topology.faces_uv,
        topology.uv,
        parts,
        np.arange(len(topology.neutral), dtype=np.int64),
    )


def _deltas(topology: Topology, shapes: ShapeSet) -> Float:
    """The shapes (S, V, 3) as they are exported: without what they do to the eyes."""
    eyes = np.isin(topology.binding.part, [FOLLOWED.index(eye) for eye in EYES])
    return np.where(eyes[:, None], 0.0, shapes.deltas)


@lru_cache(maxsize=1)
def shape_fit(performance: Performance, model: HeadModel, topology: Topology) -> ShapeFit:
    """The weights of the user's shapes, for all frames at once.

    All is compared at rest: frames and shapes are moved by the same joints afterwards.

    Raises:
        UsageError: there are no shapes, or the take was not fitted with the head that topologies lie on.
    """
    shapes = topology.shapes
    if shapes is None:
        raise UsageError(f"the topology {topology.name} has no shapes", fix="Register it with --shapes")
    basis = _deltas(topology, shapes).reshape(len(shapes), -1)
    ours = _carried(performance, model, topology).expressions.reshape(len(model.expression_names), -1)
    expression = np.asarray(performance.expression, np.float64)
    squares = ((expression @ (ours @ ours.T)) * expression).sum(axis=1)
    problem = Explained(basis @ basis.T, expression @ (ours @ basis.T), squares, basis.shape[1])
    frames = np.asarray(performance.frames, np.int64)
    weights = solve_weights(problem, frames, (shapes.low, shapes.high))
    counted = (np.ptp(expression, axis=0) @ np.abs(ours)).reshape(-1, 3).max(axis=1) > _MOVES
    left = [
        _figures((given @ ours - found @ basis).reshape(-1, 3)[counted])
        for given, found in zip(expression, weights, strict=True)
    ]
    return ShapeFit(shapes.names, frames, weights, np.array(left))


def _figures(apart: Float) -> tuple[float, float, float]:
    """Of vectors (N, 3) in metres: root mean square, 95th percentile and most of their lengths, mm."""
    if not len(apart):
        return 0.0, 0.0, 0.0
    length = 1e3 * np.linalg.norm(apart, axis=1)
    return float(np.sqrt((length**2).mean())), float(np.quantile(length, 0.95)), float(length.max())


def write_shape_fit(found: ShapeFit, folder: Path, name: str, frame_offset: int = 0) -> list[Path]:
    """Write ``name_weights.csv`` (frame, a column per shape) and ``name_residual.csv`` (frame, millimetres).

    Raises:
        InputError: the folder cannot be written to.
    """
    frames = (found.frames + frame_offset).tolist()
    tables = {
        "weights": (list(found.names), found.weights),
        "residual": (["rms_mm", "p95_mm", "max_mm"], found.residual_mm),
    }
    written = []
    for table, (columns, values) in tables.items():
        path = folder / f"{name}_{table}.csv"
        with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["frame", *columns])
            for frame, row in zip(frames, values.tolist(), strict=True):
                writer.writerow([frame, *(f"{value:.6f}" for value in row)])
        written.append(path)
    return written


def told(found: ShapeFit) -> str:
    """How well the shapes explain the take, in a sentence."""
    rms = found.residual_mm[:, 0]
    worst = int(rms.argmax())
    return (
        f"{len(found.names)} shapes of the topology leave {np.median(rms):.2f} mm of the frames (rms, "
        f"median), and {rms[worst]:.2f} mm in the worst, {found.frames[worst]}"
    )
