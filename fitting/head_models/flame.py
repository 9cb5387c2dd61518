"""FLAME (Li et al. 2017, Learning a model of facial shape and expression from 4D scans), from the user's
file.

FLAME's joints are global, neck, jaw, left eye and right eye. Ours are neck (the root, with the global
rotation), head, and the eyes: FLAME's global joint is our neck, FLAME's neck our head. Its jaw becomes four
more expression coefficients: by Rodrigues' formula a rotation by an angle about a fixed axis moves every
vertex by ``sin(angle) A + (1 - cos(angle)) B``, skinning and pose correctives alike, so that ``jaw_open``
(A) and ``jaw_arc`` (B) together open the mean head's jaw exactly as FLAME does; ``jaw_yaw`` and
``jaw_roll`` are of first order, which is enough for the few degrees that a jaw moves sideways. The
correctives of neck and eyes are left out. All coefficients are signed, in standard deviations.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from calibration.errors import InputError
from fitting.head_models.assembly import Joints, Source
from fitting.head_models.restricted_pickle import Record, read_pickle
from fitting.head_topology import JOINT_NAMES
from fitting.head_traits import GAUSSIAN
from fitting.surface import SurfacePoints

Array = NDArray[np.float64]

IDENTITY = 300
"""The first components of ``shapedirs`` are identity, the rest expression."""

PARENTS = (0, 1, 1, 1)
"""Of FLAME's joints after the first."""

JAW_STEPS = {"jaw_open": 0.2, "jaw_arc": 0.1, "jaw_yaw": 0.07, "jaw_roll": 0.03}
"""What a coefficient of 1 is: sine of the opening, 1 - its cosine, radians sideways, radians of roll."""

_GLOBAL, _NECK, _JAW, _LEFT, _RIGHT = range(5)
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_JAW_CORRECTIVES = slice(9, 18)


def read_flame(path: Path) -> Source:
    """Read a FLAME model, 2017 to 2023: a pickle (nothing in it is run), or its arrays in an .npz.

    Raises:
        UnsafeFileError: the pickle names something that it would run.
        InputError: the file is damaged, or lacks something of FLAME.
    """
    data = _read_npz(path) if path.suffix.lower() == ".npz" else read_pickle(path)
    if not isinstance(data, Mapping):
        raise InputError("it is no FLAME model: there is no table of arrays in it", where=str(path))
    named = {key.decode("latin1") if isinstance(key, bytes) else str(key): data[key] for key in data}
    missing = [key for key in _KEYS if key not in named]
    if missing:
        raise InputError(f"it is no FLAME model: {', '.join(missing)} is missing", where=str(path))
    return _source({key: _array(named[key], key, path) for key in _KEYS}, path)


def _read_npz(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"it is damaged, or holds other things than arrays ({error})", where=str(path)
        ) from error


def _source(arrays: Mapping[str, Array], path: Path) -> Source:
    vertices, shapes = arrays["v_template"], arrays["shapedirs"]
    _check(arrays, path)
    parents = tuple(int(parent) for parent in arrays["kintree_table"][0, 1:])
    if parents != PARENTS:
        raise InputError(f"its joints hang on {parents}, FLAME's on {PARENTS}", where=str(path))
    basis = np.moveaxis(shapes, -1, 0)
    joint_mean = arrays["J_regressor"] @ vertices
    joint_basis = np.einsum("kv,bvi->bki", arrays["J_regressor"], basis[:IDENTITY])
    jaw = _jaw_shapes(vertices, joint_mean[_JAW], arrays["weights"][:, _JAW], arrays["posedirs"])
    triangles = arrays["f"].astype(np.int64)
    part = np.zeros(len(vertices), np.int64)
    for index, joint in enumerate((_LEFT, _RIGHT), start=1):
        part[arrays["weights"][:, joint] > 0.5] = index
    kept = [_GLOBAL, _NECK, _LEFT, _RIGHT]
    weights = arrays["weights"][:, kept].copy()
    weights[:, JOINT_NAMES.index("head")] += arrays["weights"][:, _JAW]
    count = len(basis) - IDENTITY
    return Source(
        path=str(path),
        vertices=vertices,
        identity=basis[:IDENTITY],
        expression=np.concatenate([basis[IDENTITY:], jaw]),
        expression_names=(*(f"expression_{index:03d}" for index in range(count)), *JAW_STEPS),
        expression_range=GAUSSIAN,
        quads=triangles[:, [0, 1, 2, 2]],
        quads_uv=np.zeros((len(triangles), 4), np.int64),
        uv=np.zeros((1, 2)),
        part=part,
        part_names=("skin", "left_eye", "right_eye"),
        outer_skin=np.flatnonzero(part == 0),
        landmarks=SurfacePoints.unknown(68),
        joints=Joints(joint_mean[kept], joint_basis[:, kept], weights),
    )


def _check(arrays: Mapping[str, Array], path: Path) -> None:
    """Refuse arrays whose shapes do not fit together, or that are no numbers."""
    count = len(arrays["v_template"])
    shapes = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, arrays["shapedirs"].shape[-1]),
        "posedirs": (count, 3, 36),
        "J_regressor": (5, count),
        "weights": (count, 5),
        "kintree_table": (2, 5),
        "f": (len(arrays["f"]), 3),
    }
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise InputError(f"{key} has the shape {arrays[key].shape}, not {shape}", where=str(path))
        if not np.isfinite(arrays[key]).all():
            raise InputError(f"{key} has values that are no numbers", where=str(path))
    if shapes["shapedirs"][2] <= IDENTITY:
        raise InputError(
            f"it has {shapes['shapedirs'][2]} shape components, not {IDENTITY} of identity and more",
            where=str(path),
        )
    if len(arrays["f"]) == 0 or arrays["f"].min() < 0 or arrays["f"].max() >= count:
        raise InputError("a face names a vertex that is not there", where=str(path))


def _jaw_shapes(vertices: Array, joint: Array, weight: Array, correctives: Array) -> Array:
    """(4, V, 3) what the jaw's rotation does to the mean head, in the steps of :data:`JAW_STEPS`."""
    about = {axis: _cross_matrix(np.eye(3)[axis]) for axis in range(3)}
    turns = (about[0], about[0] @ about[0], about[1], about[2])
    arm = weight[:, None] * (vertices - joint)
    pose = correctives[..., _JAW_CORRECTIVES]
    # R - I = sin(a) K + (1 - cos(a)) K^2; the correctives are linear in R - I
    moved = [arm @ turn.T + pose @ turn.reshape(9) for turn in turns]
    return np.stack([step * each for step, each in zip(JAW_STEPS.values(), moved, strict=True)])


def _cross_matrix(axis: Array) -> Array:
    """K with `K x = axis x x`."""
    return np.asarray(np.cross(axis, np.eye(3))).T


def _array(value: object, key: str, path: Path) -> Array:
    """A dense array of a stored one, of a sparse matrix, or of a chumpy wrapper."""
    if isinstance(value, Record):
        value = _dense(value, key, path)
    try:
        array = np.asarray(value)
        if array.dtype == object:
            raise TypeError
        # the root's parent is the largest unsigned number in some versions of the file
        return np.asarray(array.astype(np.int64) if array.dtype.kind == "u" else array, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{key} is no array of numbers", where=str(path)) from error


def _dense(record: Record, key: str, path: Path) -> object:
    stored = record.values
    if record.kind.startswith("chumpy") and "x" in stored:
        return stored["x"]
    kinds = {"csc_matrix": csc_array, "csr_matrix": csr_array, "csc_array": csc_array, "csr_array": csr_array}
    build = kinds.get(record.kind.rsplit(".", 1)[-1])
    try:
        if build is None:
            raise KeyError(record.kind)
        parts = tuple(np.asarray(stored[name]) for name in ("data", "indices", "indptr"))
        matrix = build(parts, shape=tuple(stored["_shape"]))
        matrix.check_format(full_check=True)
        return matrix.toarray()
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{key} is kept as {record.kind}, which is not read", where=str(path)) from error
