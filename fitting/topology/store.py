"""Registered topologies, one file each in the user's data folder; arrays and text alone, so safe to load."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from calibration.whole_file import whole_file
from fitting.head_assets import FORMAT_VERSION as HEAD_VERSION
from fitting.surface import SurfacePoints
from fitting.topology.binding import Binding
from fitting.topology.shapes import ShapeSet

FORMAT_VERSION = 1

Array = NDArray[np.float64]
Int = NDArray[np.int64]

_FACES = ("faces", "faces_uv", "uv", "groups")
_PLACES = ("neutral", "identity", "eyes")


@dataclass(frozen=True, eq=False)
class Topology:
    """A user's mesh, registered; V vertices, Q faces.

    Attributes:
        name: that it is called by. source: the file that it came from. unit: of that file, "" for no known
            one; scale: metres of it.
        faces, faces_uv: (Q, N), the last corner repeated to fill a row. uv: (M, 2). groups: (Q,) names.
        neutral: (V, 3) metres, where it lies on the canonical head.
        identity: (B,) our head as it was fitted to it.
        eyes: (2, 3) metres, middles of its eyeballs; NaN where it has none.
        binding: the place of each vertex on our fitted head.
        shapes: the user's own blend shapes, metres, or None.
        covered: the share of our face that it lies on.
    """

    name: str
    source: str
    unit: str
    scale: float
    faces: Int
    faces_uv: Int
    uv: Array
    groups: NDArray[np.str_]
    neutral: Array
    identity: Array
    eyes: Array
    binding: Binding
    shapes: ShapeSet | None
    covered: float


def data_folder() -> Path:
    """Where what users bring in is kept: `$VULTUS_DATA`, or the user's data folder."""
    chosen = os.environ.get("VULTUS_DATA")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("vultus"))


def topology_names() -> tuple[str, ...]:
    """The registered ones."""
    return tuple(sorted(path.stem for path in _folder().glob("*.npz") if path.stem[0] != "."))


def topology_digest(name: str) -> str:
    """What tells a topology from another of its name.

    Raises:
        UsageError: there is none of that name.
    """
    return hashlib.sha256(_file_of(name).read_bytes()).hexdigest()


def check_name(name: str) -> None:
    """Refuse what cannot be a name.

    Raises:
        UsageError: it is no plain word.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UsageError(f"{name!r} cannot be the name of a topology", fix="Choose a plain word")


def write_topology(topology: Topology) -> Path:
    """Keep a topology, whole or not at all.

    Raises:
        UsageError: its name cannot be one.
        InputError: the data folder cannot be written to.
    """
    check_name(topology.name)
    binding, shapes = topology.binding, topology.shapes
    about = {
        "version": FORMAT_VERSION,
        "head": HEAD_VERSION,
        "name": topology.name,
        "source": topology.source,
        "unit": topology.unit,
        "scale": topology.scale,
        "covered": topology.covered,
        "shapes": None if shapes is None else [shapes.low, shapes.high],
    }
    arrays: dict[str, Any] = {name: getattr(topology, name) for name in _FACES + _PLACES}
    arrays |= {
        "about": np.array(json.dumps(about)),
        "corners": binding.points.vertices,
        "weights": binding.points.weights,
        "offset": binding.offset,
        "hold": binding.hold,
        "part": binding.part,
    }
    if shapes is not None:
        arrays |= {"shape_names": np.array(shapes.names), "shapes": shapes.deltas.astype(np.float32)}
    path = _folder() / f"{topology.name}.npz"
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return path


def read_topology(name: str) -> Topology:
    """A topology by its name.

    Raises:
        UsageError: there is none of that name; the message lists those there are.
        InputError: its file is damaged, or of another version of vultus or its head.
    """
    path = _file_of(name)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return _unpacked({key: archive[key] for key in archive.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"the topology {name} is damaged or of another version", where=str(path), fix="Register it again"
        ) from error


def remove_topology(name: str) -> None:
    """Forget a topology.

    Raises:
        UsageError: there is none of that name.
    """
    _file_of(name).unlink()


def _unpacked(arrays: dict[str, Any]) -> Topology:
    about = json.loads(str(arrays["about"]))
    if (about["version"], about["head"]) != (FORMAT_VERSION, HEAD_VERSION):
        raise ValueError(f"version {about['version']} on head {about['head']}")
    shapes = None
    if about["shapes"] is not None:
        names = tuple(str(name) for name in arrays["shape_names"])
        shapes = ShapeSet(names, arrays["shapes"].astype(np.float64), *about["shapes"])
    points = SurfacePoints(arrays["corners"], arrays["weights"])
    return Topology(
        **{key: about[key] for key in ("name", "source", "unit", "scale", "covered")},
        **{key: arrays[key] for key in _FACES + _PLACES},
        binding=Binding(points, arrays["offset"], arrays["hold"], arrays["part"]),
        shapes=shapes,
    )


def _file_of(name: str) -> Path:
    known = topology_names()
    if name not in known:
        there = f"Known are: {', '.join(known)}" if known else "There are none yet"
        raise UsageError(
            f"there is no topology named {name!r}", fix=f"{there}; make one with: vultus topology register"
        )
    return _folder() / f"{name}.npz"


def _folder() -> Path:
    return data_folder() / "topologies"
