"""Layouts of one's own: from points of the canonical shape, from vertices, from a painted texture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from detector.layouts.known import CANDIDATES, LAYOUTS, nearest_points
from detector.layouts.layout import Layout, at_positions, on_surface
from detector.region import QUERY_SCALE
from detector.synthetic.texture_layout import part_triangles, skin_uv
from fitting.head_model import HeadModel
from fitting.model_arrays import mean_head
from fitting.spread import scattered_on, thinned
from fitting.surface import SurfacePoints

UNITS: Mapping[str, float] = MappingProxyType({"m": 1.0, "cm": 0.01, "mm": 0.001, "query": QUERY_SCALE})
"""Metres of the units that positions may be given in; ``query`` is the network's own."""

FAR = 0.010
"""Metres from the surface beyond which a position was not meant to lie on it."""

FIRST_LOOK = 200_000
"""Points of the skin that a mask is looked up at to find where it is painted."""

PAINTED = 128
"""Grey level from which a mask counts as painted."""

Array = NDArray[np.float64]


def read_positions(path: Path, unit: str = "m") -> Array:
    """Positions (L, 3) in canonical metres from a CSV of three columns x, y, z; a heading may stand above.

    Args:
        path: of the file; columns are parted by commas, semicolons or tabs.
        unit: one of :data:`UNITS`.

    Raises:
        InputError: the file cannot be read, or a line is not three numbers; the message names the line.
        UsageError: the unit is not known.
    """
    if unit not in UNITS:
        raise UsageError(f"{unit!r} is no unit", fix=f"Use one of {', '.join(UNITS)}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the positions cannot be read ({error})", where=str(path)) from error
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    rows: list[list[float]] = []
    for place, (number, line) in enumerate(filled):
        row = _numbers(re.split(r"[,;\t]", line))
        if row is not None:
            rows.append(row)
        elif place > 0:  # a first line that is no numbers is the heading
            raise InputError(f"line {number} is not three numbers: {line.strip()!r}", where=str(path))
    if not rows:
        raise InputError("there are no positions in the file", where=str(path))
    return np.array(rows, np.float64) * UNITS[unit]


def from_positions(
    name: str, positions: Array, model: HeadModel, *, as_is: bool = False
) -> tuple[Layout, Array]:
    """A layout of positions on the canonical shape.

    Args:
        name: of the layout.
        positions: (L, 3) canonical metres.
        model: the head model.
        as_is: keep them where they are, as queries that lie on no surface; otherwise each goes to the
            nearest point of the surface.

    Returns:
        the layout, and how far (L,) the positions were from the surface, metres.

    Raises:
        InputError: a position is too far from the surface to be meant; the message names it.
        UsageError: the name is taken.
    """
    check_name(name)
    shape = model.canonical
    shown = np.asarray(model.triangles)[~np.isin(model.triangles, model.parts["lashes"]).any(axis=1)]
    points, apart = nearest_points(shape, shown, positions)
    if as_is:
        return at_positions(name, positions), apart
    if apart.max() > FAR:
        worst = int(apart.argmax())
        raise InputError(
            f"point {worst + 1} lies {apart[worst] * 1e3:.0f} mm from the head's surface, and "
            f"{int((apart > FAR).sum())} of {len(apart)} points lie farther than {FAR * 1e3:.0f} mm",
            fix="Check the unit and the axes (origin between the eyes, +x to the actor's left, +y up, +z out "
            "of the face), or keep such points where they are with --as-is",
        )
    return on_surface(name, points, model), apart


def parse_vertices(text: str) -> list[int]:
    """Vertex numbers in the order of a text such as ``12,40-47``.

    Raises:
        UsageError: it is no such text.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise UsageError(f"{part.strip()!r} is no vertex, nor a range of them", fix="Write 12,40-47")
        first = int(match[1])
        found += range(first, int(match[2] or first) + 1)
    return found


def from_vertices(name: str, indices: Sequence[int], model: HeadModel) -> Layout:
    """A layout of vertices of the head model.

    Raises:
        UsageError: there are none, one is twice there, or is not the model's; or the name is taken.
    """
    check_name(name)
    index = np.asarray(indices, np.int64)
    if len(index) == 0 or index.min() < 0 or index.max() >= len(model.mean):
        raise UsageError(f"the head's vertices are 0 to {len(model.mean) - 1}")
    if len(np.unique(index)) < len(index):
        raise UsageError("a vertex is named twice")
    return on_surface(name, SurfacePoints.from_vertices(index), model)


def from_mask(name: str, mask: Path, count: int, model: HeadModel) -> Layout:
    """A layout of points spread evenly over what is painted in a texture of the skin.

    Args:
        name: of the layout.
        mask: a picture in the layout of the skin textures (see
            :mod:`detector.synthetic.texture_layout`) of any size; what is brighter than half grey (and
            not transparent) is painted.
        count: how many points.
        model: the head model.

    Raises:
        InputError: the picture cannot be read, or nothing, or too little, is painted on the head.
        UsageError: the count makes no sense, or the name is taken.
    """
    check_name(name)
    if count < 1:
        raise UsageError(f"{count} points make no layout")
    painted = _Painted(_read_mask(mask), model)
    coarse = painted.candidates(np.arange(len(painted.triangles)), FIRST_LOOK)
    if len(coarse.inside) == 0:
        raise InputError("nothing of the head's skin is painted", where=str(mask))
    # look again where something is painted, closely enough for the wanted points
    share = max(len(coarse.inside) / np.isin(coarse.face, coarse.face[coarse.inside]).sum(), 0.05)
    fine = painted.candidates(np.unique(coarse.face[coarse.inside]), int(CANDIDATES * count / share))
    inside = SurfacePoints(painted.triangles[fine.face], fine.weights).subset(fine.inside)
    places = np.asarray(inside.evaluate(painted.mean), np.float64)
    if len(inside) < count:
        raise InputError(f"too little of the head is painted for {count} points", where=str(mask))
    return on_surface(name, inside.subset(thinned(places, count)), model)


def check_name(name: str) -> None:
    """Refuse a name that vultus itself uses, or none.

    Raises:
        UsageError: it is taken or empty.
    """
    if name in LAYOUTS or not name.strip():
        raise UsageError(f"{name!r} cannot be the name of a layout of your own", fix="Choose another name")


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Points (M) on triangles: face (M,), weights (M, 3), and the indices of those that are painted."""

    face: NDArray[np.int64]
    weights: Array
    inside: NDArray[np.int64]


class _Painted:
    """A mask (H, W) bool on the skin of a head model."""

    def __init__(self, mask: NDArray[np.bool_], model: HeadModel) -> None:
        rows = part_triangles(model, "skin")
        self.mask = mask
        self.mean = mean_head(model)
        self.triangles = np.asarray(model.triangles, np.int64)[rows]
        self.corners = skin_uv(model)[np.asarray(model.triangles_uv)[rows]]

    def candidates(self, rows: NDArray[np.int64], count: int) -> _Candidates:
        """So many points of the triangles of these numbers, and which of them are painted."""
        local, weights = scattered_on(self.mean, self.triangles[rows], count)
        face = rows[local]
        uv = np.einsum("nkc,nk->nc", self.corners[face], weights)
        height, width = self.mask.shape
        column = np.clip(uv[:, 0] * width, 0, width - 1).astype(np.int64)
        row = np.clip((1.0 - uv[:, 1]) * height, 0, height - 1).astype(np.int64)
        return _Candidates(face, weights, np.flatnonzero(self.mask[row, column]))


def _read_mask(path: Path) -> NDArray[np.bool_]:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"the mask cannot be read ({error.strerror})", where=str(path)) from error
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if image is None:
        raise InputError("the mask is no picture that can be read", where=str(path))
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 2:
        return np.asarray(image >= PAINTED)
    opaque = image[..., 3] >= PAINTED if image.shape[2] == 4 else True
    return np.asarray((image[..., :3].max(axis=2) >= PAINTED) & opaque)


def _numbers(cells: Sequence[str]) -> list[float] | None:
    """The three finite numbers of a row, or None if it is something else."""
    try:
        row = [float(cell) for cell in cells]
    except ValueError:
        return None
    return row if len(row) == 3 and bool(np.isfinite(row).all()) else None
