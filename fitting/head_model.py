"""The head model: `M(beta, psi, theta) = LBS(T(beta, psi), theta, J(beta); W)` (W22 section 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from calibration.errors import UsageError
from fitting.gaussian_mixture import GaussianMixture
from fitting.head_assets import HeadAssets, cached_head_assets
from fitting.head_topology import JOINT_NAMES
from fitting.head_traits import HeadTraits, makehuman_traits
from fitting.surface import SurfacePoints

# Each joint's parent: the neck is the root, the head hangs on it, the eyes on the head.
PARENTS = (-1, 0, 1, 1)
POSE_SIZE = 3 * len(PARENTS) + 3


class SkinnedPoints(nn.Module):
    """Vertices that identity and expression shape and that the pose then moves.

    All tensors are buffers, so that `.to(device)` and `.double()` do what one expects.
    """

    mean: Tensor
    identity_basis: Tensor
    expression_basis: Tensor
    skin_weights: Tensor
    joint_mean: Tensor
    joint_basis: Tensor

    def __init__(
        self,
        mean: Tensor,
        identity_basis: Tensor,
        expression_basis: Tensor,
        skin_weights: Tensor,
        joint_mean: Tensor,
        joint_basis: Tensor,
    ) -> None:
        """Take mean (V, 3), identity_basis (B, V, 3), expression_basis (E, V, 3), skin_weights (V, K),
        joint_mean (K, 3) and joint_basis (B, K, 3); lengths in metres.
        """
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("identity_basis", identity_basis)
        self.register_buffer("expression_basis", expression_basis)
        self.register_buffer("skin_weights", skin_weights)
        self.register_buffer("joint_mean", joint_mean)
        self.register_buffer("joint_basis", joint_basis)

    @property
    def identity_size(self) -> int:
        """B, the number of identity coefficients."""
        return len(self.identity_basis)

    @property
    def expression_size(self) -> int:
        """E, the number of expression coefficients."""
        return len(self.expression_basis)

    @property
    def pose_size(self) -> int:
        """3K + 3, the number of pose coefficients."""
        return POSE_SIZE

    def shape(self, identity: Tensor, expression: Tensor) -> Tensor:
        """T(beta, psi), the vertices (..., V, 3) in the bind pose: the mean plus both linear shapes.

        Args:
            identity: (..., B) standard deviations. expression: (..., E) in [0, 1].
        """
        # T[v] = mean[v] + sum_b beta[b] * identity[b, v] + sum_e psi[e] * expression[e, v]
        return self.mean + _blend(identity, self.identity_basis) + _blend(expression, self.expression_basis)

    def joints(self, identity: Tensor) -> Tensor:
        """J(beta), the joints (..., K, 3) in the bind pose."""
        return self.joint_mean + _blend(identity, self.joint_basis)

    def forward(self, identity: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """The posed vertices (..., V, 3) in metres; leading dimensions broadcast.

        Args:
            identity: (..., B) standard deviations.
            expression: (..., E) in [0, 1].
            pose: (..., 15) rotation vectors of neck (the global rotation), head, left eye and right eye in
                radians, then the translation in metres.
        """
        rotations, offsets = joint_transforms(self.joints(identity), pose)
        shaped = self.shape(identity, expression)
        # x[v] = sum_k W[v, k] * (A[k] @ T[v] + b[k])
        blended = torch.einsum("vk,...kij->...vij", self.skin_weights, rotations)
        shift = torch.einsum("vk,...kj->...vj", self.skin_weights, offsets)
        return (blended @ shaped.unsqueeze(-1)).squeeze(-1) + shift


class HeadModel(SkinnedPoints):
    """The whole head: every vertex, its faces, parts and names.

    Ours by default; :mod:`fitting.head_models` brings others into this form, with the same four joints and
    pose. What coefficients mean differs: :attr:`traits` says it.
    """

    expression_names: tuple[str, ...]
    joint_names: tuple[str, ...] = JOINT_NAMES

    def __init__(self, assets: HeadAssets, traits: HeadTraits | None = None) -> None:
        """Build the model from its arrays, ours without traits; float32 on the CPU (`.to(...)` moves it)."""
        super().__init__(
            *(
                torch.from_numpy(np.ascontiguousarray(array, np.float32))
                for array in (
                    assets.mean,
                    assets.identity_basis,
                    assets.expression_basis,
                    assets.skin_weights,
                    assets.joint_mean,
                    assets.joint_basis,
                )
            )
        )
        self.assets = assets
        self.traits = makehuman_traits(assets) if traits is None else traits
        self.expression_names = tuple(str(name) for name in assets.expression_names)
        self.quads = assets.quads
        self.quads_uv = assets.quads_uv
        self.uv = assets.uv
        whole = assets.quads[:, 2] != assets.quads[:, 3]
        self.triangles = _split(assets.quads, whole)
        self.triangles_uv = _split(assets.quads_uv, whole)
        self.parts = {n: np.flatnonzero(assets.part == i) for i, n in enumerate(self.traits.part_names)}
        self.ibug68 = self.traits.landmarks

    @property
    def canonical(self) -> NDArray[np.float64]:
        """(V, 3) metres: where each vertex lies on the canonical head; UsageError before registration."""
        if self.traits.canonical is None:
            raise UsageError(
                f"the head model {self.traits.name} is not registered: its vertices have no queries",
                fix=f"Run: vultus model register {self.traits.name}",
            )
        return self.traits.canonical

    def restrict(self, points: SurfacePoints) -> HeadPoints:
        """The model of these L surface points only, evaluating no more vertices than they need."""
        return HeadPoints(self, points)

    @property
    def identity_mixture(self) -> GaussianMixture:
        """How the identities of people are distributed."""
        assets = self.assets
        return GaussianMixture(assets.mixture_weights, assets.mixture_means, assets.mixture_covariances)

    def sample_identity(self, count: int, rng: np.random.Generator, spread: float = 1.0) -> Tensor:
        """Random identities (count, B): `spread` standard deviations about the mean head."""
        draws = rng.normal(0.0, spread, (count, self.identity_size))
        return torch.as_tensor(draws, dtype=self.mean.dtype, device=self.mean.device)

    def region(self, name: str) -> NDArray[np.int64]:
        """The vertex indices of a part or of a named region of the skin.

        Raises:
            UsageError: the name is not known.
        """
        if name in self.parts:
            return self.parts[name]
        if name in REGIONS:
            return REGIONS[name](self)
        raise UsageError(
            f"there is no region {name!r} on the head",
            fix=f"Known are: {', '.join(sorted([*self.parts, *REGIONS]))}",
        )


class HeadPoints(nn.Module):
    """L surface points of a head model, with the same arguments as the model itself.

    A point is the barycentric mean of three *posed* vertices, so that it lies on the posed mesh exactly.
    """

    corners: Tensor
    weights: Tensor

    def __init__(self, model: HeadModel, points: SurfacePoints) -> None:
        """Keep what of the model these points need."""
        super().__init__()
        used, corners = np.unique(points.vertices, return_inverse=True)
        index = torch.from_numpy(used).to(model.mean.device)
        self.vertices = SkinnedPoints(
            model.mean[index],
            model.identity_basis[:, index],
            model.expression_basis[:, index],
            model.skin_weights[index],
            model.joint_mean,
            model.joint_basis,
        )
        self.points = points
        self.expression_names = model.expression_names
        self.expression_range = model.traits.expression
        self.register_buffer(
            "corners", torch.from_numpy(corners.reshape(points.vertices.shape)).to(model.mean.device)
        )
        self.register_buffer("weights", torch.from_numpy(points.weights).to(model.mean))

    def __len__(self) -> int:
        return len(self.points)

    def forward(self, identity: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """The points (..., L, 3) in metres; see :meth:`SkinnedPoints.forward`."""
        vertices: Tensor = self.vertices(identity, expression, pose)
        # p[l] = sum_i w[l, i] * x[corner[l, i]]
        return (vertices[..., self.corners, :] * self.weights.unsqueeze(-1)).sum(dim=-2)


def joint_transforms(joints: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    """The rigid motion of each joint from the bind pose to the world: `x = A @ x_bind + b`.

    Args:
        joints: (..., K, 3) metres, in the bind pose.
        pose: (..., 15), see :meth:`SkinnedPoints.forward`.

    Returns:
        A (..., K, 3, 3) and b (..., K, 3); the leading dimensions are those of both arguments, broadcast.
    """
    rotation_vectors = pose[..., : 3 * len(PARENTS)].reshape(*pose.shape[:-1], len(PARENTS), 3)
    local = roma.rotvec_to_rotmat(rotation_vectors)
    translation = pose[..., 3 * len(PARENTS) :]
    rotations: list[Tensor] = []
    positions: list[Tensor] = []
    for joint, parent in enumerate(PARENTS):
        rest, turn = joints[..., joint, :], local[..., joint, :, :]
        if parent < 0:
            rotations.append(turn)
            positions.append(rest + translation)
        else:
            bone = (rest - joints[..., parent, :]).unsqueeze(-1)
            positions.append(positions[parent] + (rotations[parent] @ bone).squeeze(-1))
            rotations.append(rotations[parent] @ turn)
    offsets = [
        position - (rotation @ joints[..., joint, :].unsqueeze(-1)).squeeze(-1)
        for joint, (rotation, position) in enumerate(zip(rotations, positions, strict=True))
    ]
    return torch.stack(rotations, dim=-3), torch.stack(offsets, dim=-2)


def load_head_model(device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> HeadModel:
    """The head model, from the cache (built the first time)."""
    return HeadModel(cached_head_assets()).to(device=device, dtype=dtype)


def _blend(coefficients: Tensor, basis: Tensor) -> Tensor:
    """sum_b coefficients[..., b] * basis[b], (..., V, 3)."""
    mixed = coefficients @ basis.flatten(1)
    return mixed.reshape(*coefficients.shape[:-1], *basis.shape[1:])


def _split(quads: NDArray[np.int64], whole: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Quads (Q, 4) as triangles, both halves in a row; only the first of what is not whole, a triangle."""
    kept = np.stack([np.ones_like(whole), whole], axis=1).ravel()
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)[kept]


@lru_cache(maxsize=4)
def _outer_skin(model: HeadModel) -> NDArray[np.int64]:
    """The skin that can be seen: not the mouth's cavity, the sockets, or the strip behind the neck.

    Those are islands of their own in the texture layout, and the largest island is the rest.
    """
    if model.traits.outer_skin is not None:
        return model.traits.outer_skin
    on_skin = (model.assets.part[model.quads] == model.traits.part_names.index("skin")).all(axis=1)
    corners = model.quads_uv[on_skin]
    links = np.concatenate([corners[:, [i, (i + 1) % 4]] for i in range(4)])
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(model.uv),) * 2)
    _, island = connected_components(graph, directed=False)
    labels = island[corners[:, 0]]
    largest = np.bincount(labels).argmax()
    return np.unique(model.quads[on_skin][labels == largest])


def _face(model: HeadModel) -> NDArray[np.int64]:
    """The face proper, from the chin to the hairline and to before the ears."""
    skin = _outer_skin(model)
    position = (model.assets.mean if model.traits.canonical is None else model.canonical)[skin]
    return skin[(position[:, 2] > -0.045) & (position[:, 1] > -0.115) & (position[:, 1] < 0.06)]


REGIONS: dict[str, Callable[[HeadModel], NDArray[np.int64]]] = {"face": _face, "outer_skin": _outer_skin}
