"""The arrays of the head model: built once from MakeHuman's assets, then kept in the user's cache folder."""

from __future__ import annotations

import os
import tempfile
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from fitting.gaussian_mixture import choose_mixture
from fitting.head_library import HeadLibrary, identity_basis
from fitting.head_topology import JOINT_NAMES, HeadTopology, cut_head
from fitting.makehuman import MakeHumanAssets

# Raise this whenever the arrays change: a cache of another version is built anew.
FORMAT_VERSION = 2
IDENTITY_COMPONENTS = 150
LIBRARY_SIZE = 20_000
LIBRARY_SEED = 20221023
PART_NAMES = ("skin", "left_eye", "right_eye", "upper_teeth", "lower_teeth", "tongue", "lashes")


@dataclass(frozen=True, eq=False)
class HeadAssets:
    """The head model as numbers. Lengths in metres, in the canonical frame.

    Attributes:
        mean: (V, 3) mean head. identity_basis: (B, V, 3) per standard deviation.
        explained: (B,) share of the library's variance.
        mixture_weights: (G,). mixture_means: (G, B). mixture_covariances: (G, B, B): the identities of the
            library as a mixture of Gaussians.
        expression_basis: (E, V, 3). expression_names: (E,) ARKit names.
        joint_mean: (K, 3). joint_basis: (B, K, 3). skin_weights: (V, K).
        quads, quads_uv: (Q, 4). uv: (N, 2), MakeHuman's own, v up.
        part: (V,) index into PART_NAMES.
        base_index: (V,) the vertex of MakeHuman's base mesh that each vertex is.
    """

    mean: NDArray[np.float32]
    identity_basis: NDArray[np.float32]
    explained: NDArray[np.float32]
    mixture_weights: NDArray[np.float32]
    mixture_means: NDArray[np.float32]
    mixture_covariances: NDArray[np.float32]
    expression_basis: NDArray[np.float32]
    expression_names: NDArray[np.str_]
    joint_mean: NDArray[np.float32]
    joint_basis: NDArray[np.float32]
    skin_weights: NDArray[np.float32]
    quads: NDArray[np.int64]
    quads_uv: NDArray[np.int64]
    uv: NDArray[np.float32]
    part: NDArray[np.int64]
    base_index: NDArray[np.int64]


def cached_head_assets() -> HeadAssets:
    """The arrays from the cache, built first where they are not there (some 20 seconds, once)."""
    path = cache_folder() / f"head-v{FORMAT_VERSION}.npz"
    if path.exists():
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # an interrupted copy left it broken: it is only a cache
    assets = build_head_assets()
    _write(path, assets)
    return assets


def cache_folder() -> Path:
    """Where derived files are kept: `$VULTUS_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("VULTUS_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("vultus"))


def build_head_assets(source: MakeHumanAssets | None = None) -> HeadAssets:
    """Cut the head, draw the library, find its components and its mixture, read the expressions."""
    source = source if source is not None else MakeHumanAssets()
    topology = cut_head(source)
    library = HeadLibrary(source)
    amounts, sizes = library.draw(LIBRARY_SIZE, np.random.default_rng(LIBRARY_SEED))
    base = _carry(source.base.vertices, topology)
    targets = np.stack([_carry(source.target(*name), topology) for name in library.names])
    identity = identity_basis(base, targets, amounts, sizes, IDENTITY_COMPONENTS)
    mixture = choose_mixture(identity.drawn)

    names = source.face_unit_names()
    count = len(topology.base_index)
    part = np.zeros(count, np.int64)
    for name, indices in topology.parts.items():
        part[indices] = PART_NAMES.index(name)
    return HeadAssets(
        mean=identity.mean[:count].astype(np.float32),
        identity_basis=identity.components[:, :count].astype(np.float32),
        explained=identity.explained.astype(np.float32),
        mixture_weights=mixture.weights,
        mixture_means=mixture.means,
        mixture_covariances=mixture.covariances,
        expression_basis=np.stack([_expression(source, topology, name) for name in names]).astype(np.float32),
        expression_names=np.asarray(names),
        joint_mean=identity.mean[count:].astype(np.float32),
        joint_basis=identity.components[:, count:].astype(np.float32),
        skin_weights=topology.skin_weights.astype(np.float32),
        quads=topology.quads,
        quads_uv=topology.quads_uv,
        uv=topology.uv.astype(np.float32),
        part=part,
        base_index=topology.base_index,
    )


def _carry(positions: NDArray[np.float64], topology: HeadTopology) -> NDArray[np.float64]:
    """Head vertices, then joints, of base positions (or displacements), about the middle of the eyes."""
    joints = positions[topology.joint_cubes].mean(axis=1)
    eyes = [JOINT_NAMES.index("left_eye"), JOINT_NAMES.index("right_eye")]
    middle = joints[eyes].mean(axis=0)
    return np.concatenate([positions[topology.base_index] - middle, joints - middle])


def _expression(source: MakeHumanAssets, topology: HeadTopology, name: str) -> NDArray[np.float64]:
    offsets = source.face_unit(name)[topology.base_index]
    # The rotation of the eyeballs is pose; the eyeLook shapes are to move the lids alone.
    for eye in ("left_eye", "right_eye"):
        offsets[topology.parts[eye]] = 0.0
    return offsets


def _read(path: Path) -> HeadAssets:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return HeadAssets(**{field.name: archive[field.name] for field in fields(HeadAssets)})


def _write(path: Path, assets: HeadAssets) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several processes may build at once: each writes its own file, and the last rename wins.
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        try:
            arrays: dict[str, Any] = {field.name: getattr(assets, field.name) for field in fields(assets)}
            np.savez(file, **arrays)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
    Path(file.name).replace(path)
