"""A fitted performance in one HDF5 file, complete enough to export from without any other file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from calibration.camera import Camera, Rig
from fitting.performance import Performance
from pipeline.stores.hdf5 import partial_path, publish, reading, stamp, stored_fingerprint, writing
from pipeline.stores.performance_quality import (
    read_reliability,
    read_uncertainty,
    write_reliability,
    write_uncertainty,
)

KIND = "vultus-performance"
SCHEMA = 2
OLDEST_SCHEMA = 1
"""Schema 1 says nothing of uncertainty, reliability, warnings and personal shape."""


@dataclass(frozen=True)
class ModelInfo:
    """Which head model and landmarks a performance belongs to.

    Attributes:
        name: of the head model.
        expression_names: (E,) names of the expression coefficients.
        joint_names: (K,) names of the joints.
        layout: name of the landmark layout.
    """

    name: str
    expression_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    layout: str


def write_performance(path: Path, performance: Performance, model: ModelInfo, *, fingerprint: str) -> Path:
    """Write a performance; the file appears whole or not at all.

    Raises:
        DiskError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(partial_path(path), "w") as file:
        file.attrs["fps"] = performance.fps
        file.attrs["converged"] = performance.converged
        file.attrs["energies"] = json.dumps(performance.energies)
        file.attrs["iterations"] = json.dumps(performance.iterations)
        file.attrs["model"] = json.dumps(vars(model))
        _put(file, "frames", performance.frames, "frame number")
        _put(file, "identity", performance.identity, "standard deviations")
        _put(file, "expression", performance.expression, "1")
        _put(file, "pose", performance.pose, "12 rotation vector components in rad, translation in m")
        _put(file, "residual_px", performance.residual_px.astype(np.float32, copy=False), "px")
        _put(file, "status", performance.status, "0 fitted, 1 single view, 2 interpolated")
        _write_rig(file.create_group("cameras"), performance.rig)
        _write_optional(file, performance)
        stamp(file, kind=KIND, schema=SCHEMA, fingerprint=fingerprint)
    return publish(path)


def read_performance(path: Path) -> tuple[Performance, ModelInfo]:
    """Read a performance and what it belongs to.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged or of another kind.
    """
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        model = json.loads(file.attrs["model"])
        performance = Performance(
            frames=file["frames"][:],
            identity=file["identity"][:],
            expression=file["expression"][:],
            pose=file["pose"][:],
            rig=_read_rig(file["cameras"]),
            energies=json.loads(file.attrs["energies"]),
            residual_px=file["residual_px"][:],
            converged=bool(file.attrs["converged"]),
            fps=float(file.attrs["fps"]),
            status=file["status"][:],
            iterations=json.loads(file.attrs["iterations"]),
            uncertainty=read_uncertainty(file),
            reliability=read_reliability(file),
            warnings=tuple(json.loads(file.attrs.get("warnings", "[]"))),
            personal_shape=file["personal_shape"][:] if "personal_shape" in file else None,
        )
        info = ModelInfo(
            model["name"], tuple(model["expression_names"]), tuple(model["joint_names"]), model["layout"]
        )
        return performance, info


def performance_fingerprint(path: Path) -> str | None:
    """The fingerprint of a performance file; None where there is none.

    Raises:
        CorruptStoreError: the file is damaged.
    """
    return stored_fingerprint(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA)


def performance_frames(path: Path) -> list[int]:
    """The frame numbers of a performance file, and nothing else of it.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged or of another kind.
    """
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        frames: list[int] = file["frames"][:].tolist()
        return frames


def performance_version(path: Path) -> str:
    """The version of vultus that wrote a performance file.

    Raises:
        InputError: there is no such file.
        CorruptStoreError: it is damaged or of another kind.
    """
    with reading(path, kind=KIND, schema=SCHEMA, oldest=OLDEST_SCHEMA) as file:
        return str(file.attrs["vultus_version"])


def _write_optional(file: h5py.File, performance: Performance) -> None:
    file.attrs["warnings"] = json.dumps(performance.warnings)
    if performance.uncertainty is not None:
        write_uncertainty(file, performance.uncertainty)
    if performance.reliability is not None:
        write_reliability(file, performance.reliability)
    if performance.personal_shape is not None:
        _put(file, "personal_shape", performance.personal_shape, "m")


def _put(group: h5py.Group, name: str, values: object, units: str) -> None:
    group[name] = values
    group[name].attrs["units"] = units


def _write_rig(group: h5py.Group, rig: Rig) -> None:
    group.attrs["source"] = rig.source
    group.attrs["notes"] = json.dumps(rig.notes)
    group.attrs["names"] = json.dumps(rig.names)
    group.attrs["residual_px"] = json.dumps(dict(rig.residual_px))
    _put(group, "size", np.array([camera.size for camera in rig]), "px")
    _put(group, "K", np.stack([camera.K for camera in rig]), "px")
    _put(group, "distortion", np.stack([camera.distortion for camera in rig]), "k1 k2 p1 p2 k3 k4 k5 k6")
    _put(group, "fisheye", np.array([camera.fisheye for camera in rig]), "then k1 k2 k3 k4")
    _put(group, "R", np.stack([camera.R for camera in rig]), "world to camera")
    _put(group, "t", np.stack([camera.t for camera in rig]), "m")


def _read_rig(group: h5py.Group) -> Rig:
    names = json.loads(group.attrs["names"])
    columns = (group[key][:] for key in ("size", "K", "distortion", "R", "t"))
    fisheye = group["fisheye"][:] if "fisheye" in group else np.zeros(len(names), dtype=bool)
    cameras = tuple(
        Camera(name, int(width), int(height), K, distortion, R, t, bool(curved))
        for name, (width, height), K, distortion, R, t, curved in zip(names, *columns, fisheye, strict=True)
    )
    residual = {str(name): float(value) for name, value in json.loads(group.attrs["residual_px"]).items()}
    return Rig(cameras, str(group.attrs["source"]), residual, tuple(json.loads(group.attrs["notes"])))
