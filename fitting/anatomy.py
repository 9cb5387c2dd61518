"""Points of the skull and the mandible, inside the head.

Each point lies under a point of the identity's neutral skin, at the depth of the published tables (see
:mod:`fitting.tissue_depth`) along the smoothed inward normal. From there it moves as bone does: the skull
rigidly with the head joint; the mandible, before that, rigidly with the lower teeth. So the points follow
identity, expression and pose, as C23 section 3.4 asks of the tracked bones that it trains on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fitting.bone_regions import on_ears, on_jaw, on_skull
from fitting.head_model import HeadModel, joint_transforms
from fitting.model_arrays import as_array, mean_head, outer_triangles
from fitting.skin_slopes import tangent_stencil, tangents
from fitting.spread import farthest_points, scattered
from fitting.surface import SurfacePoints
from fitting.tissue_depth import tissue_depth

Array = NDArray[np.float64]

SKULL_POINTS = 1000
"""As many as C23 tracks (section 3.4)."""

JAW_POINTS = 500

CANDIDATES = 16_000

_HEAD_JOINT = HeadModel.joint_names.index("head")


@dataclass(frozen=True, eq=False)
class BoneAnchors:
    """Where the bone lies.

    Attributes:
        skin: A points of the outer skin.
        depths: (A,) metres below it.
        on_jaw: (A,) bool, whether a point is the mandible's; the others are the skull's.
    """

    skin: SurfacePoints
    depths: Array
    on_jaw: NDArray[np.bool_]


class BonePoints(nn.Module):
    """A points of bone, with the same arguments as the head model itself.

    Attributes:
        anchors: what the points hang on.
        on_jaw: (A,) bool, on the CPU.
    """

    skin_mean: Tensor
    skin_basis: Tensor
    slopes_mean: Tensor
    slopes_basis: Tensor
    depths: Tensor
    jaw: Tensor

    def __init__(self, model: HeadModel, anchors: BoneAnchors) -> None:
        """Keep what of the model these points need."""
        super().__init__()
        self.anchors = anchors
        self.on_jaw = anchors.on_jaw
        neutral = np.concatenate([mean_head(model)[None], as_array(model.identity_basis)])
        skin = anchors.skin.evaluate(neutral)
        slopes = _slopes(model, anchors.skin, neutral)
        for name, value in (("skin", skin), ("slopes", slopes)):
            self.register_buffer(f"{name}_mean", torch.from_numpy(value[0]).to(model.mean))
            self.register_buffer(f"{name}_basis", torch.from_numpy(value[1:]).to(model.mean))
        self.register_buffer("depths", torch.from_numpy(anchors.depths).to(model.mean))
        self.register_buffer("jaw", torch.from_numpy(anchors.on_jaw).to(model.mean.device))
        lower_teeth = SurfacePoints.from_vertices(model.region("lower_teeth"))
        self.teeth = model.restrict(lower_teeth).vertices

    def __len__(self) -> int:
        return len(self.anchors.depths)

    @property
    def canonical(self) -> Tensor:
        """(A, 3) the points on the mean head, canonical metres."""
        return self.neutral(torch.zeros(self.teeth.identity_size).to(self.depths))

    def neutral(self, identity: Tensor) -> Tensor:
        """The points (..., A, 3) of identities (..., B), bind pose, metres."""
        skin = self.skin_mean + torch.tensordot(identity, self.skin_basis, 1)
        slopes = self.slopes_mean + torch.tensordot(identity, self.slopes_basis, 1)
        outward = torch.linalg.cross(slopes[..., 0, :], slopes[..., 1, :])
        outward = outward / outward.norm(dim=-1, keepdim=True)
        # p[a] = s[a] - d[a] * n[a]
        bone: Tensor = skin - self.depths[:, None] * outward
        return bone

    def jaw_motion(self, identity: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """The rigid motion of the mandible in the bind pose: R (..., 3, 3) and t (..., 3) metres.

        It carries the neutral lower teeth onto those of the expression as well as a rigid motion can
        (Kabsch's least squares).
        """
        identity, expression = _broadcast(identity, expression)
        still = self.teeth.shape(identity, torch.zeros_like(expression))
        moved = self.teeth.shape(identity, expression)
        rotation, translation = roma.rigid_points_registration(still, moved)
        return rotation, translation

    def forward(self, identity: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """The points (..., A, 3) in metres; see :meth:`fitting.head_model.SkinnedPoints.forward`."""
        neutral = self.neutral(identity)
        rotation, translation = self.jaw_motion(identity, expression)
        opened = torch.einsum("...ij,...aj->...ai", rotation, neutral) + translation[..., None, :]
        bone = torch.where(self.jaw[:, None], opened, neutral)
        turns, shifts = joint_transforms(self.teeth.joints(identity), pose)
        turn, shift = turns[..., _HEAD_JOINT, :, :], shifts[..., _HEAD_JOINT, :]
        return torch.einsum("...ij,...aj->...ai", turn, bone) + shift[..., None, :]


def anatomy(model: HeadModel) -> BonePoints:
    """The points of the layouts ``skull`` (the first 1000) and ``jaw`` (the 500 after them)."""
    return BonePoints(model, anatomy_anchors(model))


@lru_cache(maxsize=2)
def anatomy_anchors(model: HeadModel) -> BoneAnchors:
    """Skull and mandible, evenly covered; the same points each time."""
    mean = mean_head(model)
    triangles = outer_triangles(model)
    skin = scattered(mean, triangles[~on_ears(mean)[triangles].any(axis=1)], CANDIDATES)
    places, outward = skin.evaluate(mean), _outward(_slopes(model, skin, mean[None])[0])
    depths = tissue_depth(places)
    bone = np.asarray(places - depths[:, None] * outward, np.float64)
    jaw = on_jaw(places, outward)
    skull = on_skull(places) & ~jaw
    parts = [
        farthest_points(bone, count, mask.astype(np.float64))
        for count, mask in ((SKULL_POINTS, skull), (JAW_POINTS, jaw))
    ]
    chosen = np.concatenate(parts)
    return BoneAnchors(skin.subset(chosen), depths[chosen], np.arange(len(chosen)) >= SKULL_POINTS)


def _slopes(model: HeadModel, skin: SurfacePoints, heads: Array) -> Array:
    """Two smoothed tangents (N, A, 2, 3) of the skin; the ears are not what the head is shaped like."""
    mean = mean_head(model)
    return tangents(tangent_stencil(mean, outer_triangles(model), skin, on_ears(mean)), heads)


def _outward(slopes: Array) -> Array:
    across = np.cross(slopes[..., 0, :], slopes[..., 1, :])
    return np.asarray(across / np.linalg.norm(across, axis=-1, keepdims=True))


def _broadcast(identity: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same leading dimensions."""
    batch = (identity[..., 0] + expression[..., 0]).shape
    return identity.expand(*batch, -1), expression.expand(*batch, -1)
