"""From what a file of another head model says to the arrays of a :class:`fitting.head_model.HeadModel`.

Its axes must be ours already (x to the actor's left, y up, z out of the face). Lengths become metres, the
origin goes midway between the eyeballs, in the mean and in every identity component. What a model of blend
shapes does not have, joints and skinning, it gets from our head: neck and head joint at their places in the
canonical head, the eyes' joints in the middle of its own eyeballs, and the neck's weights from the nearest
skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from calibration.errors import InputError
from fitting.gaussian_mixture import GaussianMixture
from fitting.head_assets import HeadAssets, cached_head_assets
from fitting.head_topology import JOINT_NAMES
from fitting.head_traits import ExpressionRange, HeadTraits
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]

UNITS = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001}
EYES_APART = (0.045, 0.080)
"""Metres between the middles of an adult's eyeballs, generously."""

_EYES = [JOINT_NAMES.index("left_eye"), JOINT_NAMES.index("right_eye")]
_NECK, _HEAD = JOINT_NAMES.index("neck"), JOINT_NAMES.index("head")
_AXIS_COSINE = 0.97


@dataclass(frozen=True, eq=False)
class Joints:
    """Joints and skinning of a model that has its own.

    Attributes:
        mean: (K, 3), basis: (B, K, 3), both in the file's unit. weights: (V, K).
    """

    mean: Array
    basis: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Source:
    """What was read, in the file's own unit; V vertices, B identity and E expression components.

    Attributes:
        path: where it was read, for messages.
        vertices: (V, 3) the neutral mean head. identity: (B, V, 3) per standard deviation.
        expression: (E, V, 3). expression_names: of them. expression_range: what their coefficients may be.
        quads, quads_uv: (Q, 4). uv: (N, 2).
        part: (V,) index into part_names.
        outer_skin: vertices of the skin that is seen from outside.
        landmarks: the 68 points of iBUG; NaN weights where not known.
        joints: the model's own, if it has some.
    """

    path: str
    vertices: Array
    identity: Array
    expression: Array
    expression_names: tuple[str, ...]
    expression_range: ExpressionRange
    quads: NDArray[np.int64]
    quads_uv: NDArray[np.int64]
    uv: Array
    part: NDArray[np.int64]
    part_names: tuple[str, ...]
    outer_skin: NDArray[np.int64]
    landmarks: SurfacePoints
    joints: Joints | None = None

    def members(self, part: str) -> NDArray[np.int64]:
        """The vertices of a part.

        Raises:
            InputError: it has none.
        """
        index = self.part_names.index(part) if part in self.part_names else -1
        found = np.flatnonzero(self.part == index)
        if not len(found):
            raise InputError(
                f"the model has no part {part}, which tells where and how large it is",
                where=self.path,
                fix="Name groups of the neutral mesh skin, left_eye and right_eye",
            )
        return found


def assemble(source: Source, name: str, unit: str | None = None) -> tuple[HeadAssets, HeadTraits]:
    """The arrays and traits of a head model.

    Args:
        source: what was read. name: of the model.
        unit: one of :data:`UNITS`; what makes the eyes a human's distance apart where it is not said.

    Raises:
        InputError: the eyes are not where a head has them: another unit, or other axes.
    """
    left, right = (_centre(source, part) for part in ("left_eye", "right_eye"))
    scale = _scale(left[0] - right[0], unit, source.path)
    _check_axes(left[0], right[0], source)
    middle = 0.5 * (left + right) * scale
    mean = source.vertices * scale - middle[0]
    identity = source.identity * scale - middle[1:, None]
    joints = _own_joints(source, scale, middle)
    if joints is None:
        eyes = np.stack([left, right], axis=1) * scale - middle[:, None]
        joints = _lent_joints(source, mean, eyes)
    bases = len(identity)
    prior = GaussianMixture.standard(bases)
    assets = HeadAssets(
        mean=mean.astype(np.float32),
        identity_basis=identity.astype(np.float32),
        explained=np.zeros(bases, np.float32),
        mixture_weights=prior.weights,
        mixture_means=prior.means,
        mixture_covariances=prior.covariances,
        expression_basis=(source.expression * scale).astype(np.float32),
        expression_names=np.asarray(source.expression_names),
        joint_mean=joints.mean.astype(np.float32),
        joint_basis=joints.basis.astype(np.float32),
        skin_weights=joints.weights.astype(np.float32),
        quads=source.quads,
        quads_uv=source.quads_uv,
        uv=source.uv.astype(np.float32),
        part=source.part,
        base_index=np.full(len(mean), -1),
    )
    traits = HeadTraits(
        name=name,
        part_names=source.part_names,
        expression=source.expression_range,
        landmarks=source.landmarks,
        outer_skin=source.outer_skin,
        canonical=None,
        registered=np.zeros(len(mean), dtype=np.bool_),
    )
    return assets, traits


def _centre(source: Source, part: str) -> Array:
    """(1 + B, 3) the middle of an eyeball in the mean, and how far each identity component moves it."""
    ball = source.vertices[source.members(part)]
    middle = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
    # an affine motion of the ball, read off at its middle: the mean of the vertices leans to the denser iris
    around = np.concatenate([ball - middle, np.ones((len(ball), 1))], axis=1)
    moves = source.identity[:, source.members(part)]
    fitted, *_ = np.linalg.lstsq(around, np.moveaxis(moves, 0, 1).reshape(len(ball), -1), rcond=None)
    return np.concatenate([middle[None], fitted[3].reshape(-1, 3)])


def _scale(apart: Array, unit: str | None, path: str) -> float:
    distance = float(np.linalg.norm(apart))
    low, high = EYES_APART
    tried = UNITS if unit is None else {unit: UNITS[unit]}
    fitting = [scale for scale in tried.values() if low <= distance * scale <= high]
    if not fitting:
        raise InputError(
            f"the eyes are {distance:.4g} apart, which is no human's distance in {' or '.join(tried)}",
            where=path,
            fix="Check the unit, and which vertices are the eyeballs",
        )
    return fitting[0]


def _check_axes(left: Array, right: Array, source: Source) -> None:
    across = (left - right) / np.linalg.norm(left - right)
    behind = source.vertices[source.outer_skin].mean(axis=0) - 0.5 * (left + right)
    if across[0] < _AXIS_COSINE or behind[2] >= 0:
        raise InputError(
            "the head does not stand as it has to: x to the actor's left, y up, z out of the face",
            where=source.path,
            fix="Turn it so, or check that left_eye is the actor's left",
        )


def _own_joints(source: Source, scale: float, middle: Array) -> Joints | None:
    own = source.joints
    if own is None:
        return None
    return Joints(own.mean * scale - middle[0], own.basis * scale - middle[1:, None], own.weights)


def _lent_joints(source: Source, mean: Array, eyes: Array) -> Joints:
    """Joints of our head for a mean (V, 3) in canonical metres whose eyes are at (1 + B, 2, 3)."""
    ours = cached_head_assets()
    joints = np.zeros((len(eyes), len(JOINT_NAMES), 3))
    joints[0] = ours.joint_mean
    joints[:, _EYES] = eyes
    weights = np.zeros((len(mean), len(JOINT_NAMES)))
    weights[:, _HEAD] = 1.0
    skin, our_skin = source.members("skin"), np.flatnonzero(ours.part == 0)
    _, nearest = KDTree(ours.mean[our_skin]).query(mean[skin])
    weights[skin] = ours.skin_weights[our_skin[nearest]]
    for part, joint in zip(("left_eye", "right_eye"), _EYES, strict=True):
        weights[source.members(part)] = np.eye(len(JOINT_NAMES))[joint]
    return Joints(joints[0], joints[1:], weights)
