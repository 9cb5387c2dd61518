"""What every export writes: the head of one take in the receiver's units, axes, parts and frame numbers.

All choices of a user that change geometry are made here, once, so that the formats agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import UsageError
from fitting.head_model import PARENTS, SkinnedPoints
from fitting.head_motion import head_motion, model_pose
from fitting.model_arrays import as_array
from fitting.posed import joint_positions, neutral_vertices
from pipeline.export.options import UNITS, ExportOptions
from pipeline.export.subdivision import catmull_clark, refine_uv
from pipeline.export.surface import Expressive, Skin, Surface
from pipeline.export.topology import on_topology

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From Y up to Z up, as Blender and USD have it: the face that looked along +Z looks along -Y."""


@dataclass(frozen=True, eq=False)
class ExportScene:
    """One take, ready to be written; F frames.

    Attributes:
        options: how it was made: units, axes and the rest.
        surface: the faces.
        skin: the head at rest and how it moves.
        expression_names: (E,) names.
        joint_names: (K,) names.
        frames: (F,) frame numbers, the offset included.
        fps: frames per second.
        weights: (F, E) expression.
        pose: (F, 3 K + 3) rotation vector of each joint against its parent in radians, then the shift of the
            root from where it is at rest.
        performance: that it was made of.
    """

    options: ExportOptions
    surface: Surface
    skin: Skin
    expression_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    frames: Int
    fps: float
    weights: Float
    pose: Float
    performance: Performance

    @property
    def rotations(self) -> Float:
        """(F, K, 3) rotation vectors in radians, of each joint against its parent."""
        return self.pose[:, : 3 * len(PARENTS)].reshape(len(self.pose), -1, 3)

    @property
    def root(self) -> Float:
        """(F, 3) where the root joint is."""
        return np.asarray(self.skin.joints[0] + self.pose[:, 3 * len(PARENTS) :])

    def rest_offset(self, joint: int) -> Float:
        """A joint's place (3,) at rest in its parent's axes."""
        parent = PARENTS[joint]
        place = self.skin.joints[joint]
        return np.asarray(place if parent < 0 else place - self.skin.joints[parent])

    def posed(self, position: int) -> Float:
        """The vertices (V, 3) of a frame, by its position 0 to F - 1."""
        empty = torch.zeros(0, dtype=torch.float64)
        with torch.no_grad():
            weights, pose = (torch.from_numpy(rows[position]) for rows in (self.weights, self.pose))
            return as_array(self._moving(empty, weights, pose))

    @cached_property
    def _moving(self) -> SkinnedPoints:
        skin = self.skin
        vertices, expressions, weights, joints = map(
            torch.from_numpy, (skin.vertices, skin.expressions, skin.weights, skin.joints)
        )
        nobody = torch.zeros(0, *vertices.shape, dtype=torch.float64)
        return SkinnedPoints(vertices, nobody, expressions, weights, joints, nobody[:, : len(joints)])


def build_scene(performance: Performance, model: HeadModel, options: ExportOptions) -> ExportScene:
    """The take as a receiver wants it.

    Raises:
        UsageError: the head has no such part, was fitted with a model that the topology does not lie on, or
            has none of the frames.
    """
    if options.frames is not None:
        performance = performance.of_frames(options.frames)
    expressive = _of_model(performance, model)
    if options.topology is not None:
        expressive = on_topology(performance, model, options.topology)
    surface, skin = _with_parts(expressive.surface, expressive.skin, options.parts)
    for _ in range(options.subdivision):
        surface, skin = _refined(surface, skin)
    scene = ExportScene(
        options,
        surface,
        skin,
        expressive.names,
        model.joint_names,
        np.asarray(performance.frames, np.int64) + options.frame_offset,
        float(performance.fps),
        expressive.weights,
        _motion(np.asarray(performance.pose, np.float64), skin.joints, options.motion),
        performance,
    )
    return _in_axes(scene, UNITS[options.units], _Z_UP if options.up == "Z" else np.eye(3))


def world_axes(options: ExportOptions) -> Float:
    """(3, 3) from our world's axes (Y up) to the scene's."""
    return _Z_UP if options.up == "Z" else np.eye(3)


def _of_model(performance: Performance, model: HeadModel) -> Expressive:
    skin = Skin(
        neutral_vertices(model, performance.identity, performance.personal_shape),
        as_array(model.expression_basis),
        as_array(model.skin_weights),
        joint_positions(model, performance.identity),
    )
    weights = np.asarray(performance.expression, np.float64)
    return Expressive(_surface(model), skin, model.expression_names, weights)


def _surface(model: HeadModel) -> Surface:
    quads = np.asarray(model.quads, np.int64)
    parts = {name: np.flatnonzero(np.isin(quads[:, 0], indices)) for name, indices in model.parts.items()}
    uv = np.asarray(model.uv, np.float64)
    return Surface(quads, np.asarray(model.quads_uv, np.int64), uv, parts, np.arange(len(model.mean)))


def _with_parts(surface: Surface, skin: Skin, wanted: tuple[str, ...] | None) -> tuple[Surface, Skin]:
    """Some of the parts, with the vertices and texture coordinates that they need."""
    if wanted is None:
        return surface, skin
    unknown = [name for name in wanted if name not in surface.parts]
    if unknown:
        raise UsageError(
            f"the head has no part {unknown[0]!r}", fix=f"Its parts are: {', '.join(surface.parts)}"
        )
    chosen = np.sort(np.concatenate([surface.parts[name] for name in wanted]))
    used, quads = np.unique(surface.quads[chosen], return_inverse=True)
    used_uv, quads_uv = np.unique(surface.quads_uv[chosen], return_inverse=True)
    parts = {name: np.searchsorted(chosen, surface.parts[name]) for name in surface.parts if name in wanted}
    width = surface.quads.shape[1]
    kept = Surface(
        quads.reshape(-1, width).astype(np.int64),
        quads_uv.reshape(-1, width).astype(np.int64),
        surface.uv[used_uv],
        parts,
        surface.source[used],
    )
    return kept, Skin(skin.vertices[used], skin.expressions[:, used], skin.weights[used], skin.joints)


def _refined(surface: Surface, skin: Skin) -> tuple[Surface, Skin]:
    """One level of subdivision; skin weights are refined like positions."""
    finer = catmull_clark(surface.quads, len(skin.vertices))
    quads_uv, uv = refine_uv(surface.quads_uv, surface.uv, surface.face_sizes)
    parts = {name: np.flatnonzero(np.isin(finer.face, faces)) for name, faces in surface.parts.items()}
    source = np.concatenate((surface.source, np.full(finer.matrix.shape[0] - len(surface.source), -1)))
    expressions = np.stack([finer.matrix @ delta for delta in skin.expressions])
    moved = Skin(finer.matrix @ skin.vertices, expressions, finer.matrix @ skin.weights, skin.joints)
    return Surface(finer.quads, quads_uv, uv, parts, source), moved


def _motion(pose: Float, joints: Float, motion: str) -> Float:
    """The pose (F, 15) with the head's rigid motion as it was, without any, or as seen from the skull."""
    if motion == "world":
        return pose
    if motion == "removed":
        still = pose.copy()
        still[:, :6] = still[:, 12:] = 0.0
        return still
    rest = torch.from_numpy(joints)
    free = head_motion(torch.from_numpy(pose), rest)
    free[:, :3] = free[:, 12:] = 0.0
    return as_array(model_pose(free, rest))


def _in_axes(scene: ExportScene, scale: float, turn: Float) -> ExportScene:
    """The scene in other units and axes: places turn and scale, rotations are seen from the new axes."""
    change = scale * turn
    skin = Skin(
        scene.skin.vertices @ change.T,
        scene.skin.expressions @ change.T,
        scene.skin.weights,
        scene.skin.joints @ change.T,
    )
    rotations = (scene.rotations @ turn.T).reshape(len(scene.pose), -1)
    shift = scene.pose[:, 3 * len(PARENTS) :] @ change.T
    return replace(scene, skin=skin, pose=np.concatenate((rotations, shift), axis=1))
