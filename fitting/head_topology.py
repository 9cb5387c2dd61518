"""The head that is cut out of MakeHuman's base mesh: which vertices, parts, faces, weights and joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.makehuman import MakeHumanAssets

JOINT_NAMES = ("neck", "head", "left_eye", "right_eye")
# The helper cubes of the base mesh whose centres are the joints: they move with every target.
JOINT_CUBES = ("joint-neck", "joint-head", "joint-l-eye", "joint-r-eye")
PART_GROUPS = {
    "left_eye": ("helper-l-eye",),
    "right_eye": ("helper-r-eye",),
    "upper_teeth": ("helper-upper-teeth",),
    "lower_teeth": ("helper-lower-teeth",),
    "tongue": ("helper-tongue",),
    "lashes": (
        "helper-l-eyelashes-1",
        "helper-l-eyelashes-2",
        "helper-r-eyelashes-1",
        "helper-r-eyelashes-2",
    ),
}
# How much of a neck bone's weight follows the head joint: the bend is spread over the three vertebrae.
NECK_BONES = {"neck01": 0.0, "neck02": 1 / 3, "neck03": 2 / 3}


@dataclass(frozen=True, eq=False)
class HeadTopology:
    """The head's place in the base mesh.

    Attributes:
        base_index: (V,) the base vertex of each head vertex.
        quads, quads_uv: (Q, 4) indices into the head's vertices and into uv.
        uv: (N, 2) MakeHuman's own texture coordinates.
        parts: per part name, the head's vertex indices.
        skin_weights: (V, K) linear blend skinning weights.
        joint_cubes: (K, 8) base vertices whose mean is each joint.
    """

    base_index: NDArray[np.int64]
    quads: NDArray[np.int64]
    quads_uv: NDArray[np.int64]
    uv: NDArray[np.float64]
    parts: dict[str, NDArray[np.int64]]
    skin_weights: NDArray[np.float64]
    joint_cubes: NDArray[np.int64]


def cut_head(assets: MakeHumanAssets) -> HeadTopology:
    """Keep the skin that hangs on the neck, the eyeballs, teeth, tongue and lashes."""
    base = assets.base
    bones = [bone for bone in assets.bones_from("neck01") if bone in assets.bone_weights]
    hangs_on_neck = np.sum([assets.bone_weights[bone] for bone in bones], axis=0) > 0.5
    kept = hangs_on_neck[base.quads["body"]].all(axis=1)
    quads = {"skin": base.quads["body"][kept]}
    quads_uv = {"skin": base.quads_uv["body"][kept]}
    for part, groups in PART_GROUPS.items():
        quads[part] = np.concatenate([base.quads[group] for group in groups])
        quads_uv[part] = np.concatenate([base.quads_uv[group] for group in groups])

    all_quads = np.concatenate(list(quads.values()))
    all_uv = np.concatenate(list(quads_uv.values()))
    base_index = np.unique(all_quads)
    uv_index = np.unique(all_uv)
    parts = {part: np.searchsorted(base_index, np.unique(faces)) for part, faces in quads.items()}
    return HeadTopology(
        base_index=base_index,
        quads=np.searchsorted(base_index, all_quads),
        quads_uv=np.searchsorted(uv_index, all_uv),
        uv=base.uv[uv_index],
        parts=parts,
        skin_weights=_skin_weights(assets, base_index, parts),
        joint_cubes=np.stack([base.group_vertices(cube) for cube in JOINT_CUBES]),
    )


def _skin_weights(
    assets: MakeHumanAssets, base_index: NDArray[np.int64], parts: dict[str, NDArray[np.int64]]
) -> NDArray[np.float64]:
    neck = np.sum([assets.bone_weights[bone] for bone in NECK_BONES], axis=0)
    follows = np.sum([share * assets.bone_weights[bone] for bone, share in NECK_BONES.items()], axis=0)
    head_bones = [bone for bone in assets.bones_from("head") if bone in assets.bone_weights]
    head = np.sum([assets.bone_weights[bone] for bone in head_bones], axis=0)
    total = np.maximum(neck + head, 1e-9)
    weights = np.zeros((len(base_index), len(JOINT_NAMES)))
    weights[:, 1] = ((head + follows) / total)[base_index]
    weights[:, 0] = 1.0 - weights[:, 1]
    for part, indices in parts.items():
        if part != "skin":
            weights[indices] = np.eye(len(JOINT_NAMES))[_joint_of(part)]
    return weights


def _joint_of(part: str) -> int:
    return JOINT_NAMES.index(part) if part in JOINT_NAMES else JOINT_NAMES.index("head")
