"""Layouts in files: JSON with a version.

A file holds a name and the landmarks, either as points of the head model's surface (three vertices and
their weights each) or as places of the canonical head in metres, which may lie inside it::

    {"format": "vultus layout", "version": 1, "name": "scar", "vertices": [[...]], "weights": [[...]]}
    {"format": "vultus layout", "version": 1, "name": "implant", "positions": [[...]]}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import InputError
from calibration.whole_file import whole_file
from detector.layouts.known import LAYOUTS
from detector.layouts.layout import Layout, at_positions, on_surface
from detector.region import QUERY_SCALE
from fitting.head_model import HeadModel
from fitting.surface import SurfacePoints

FORMAT, VERSION = "vultus layout", 1
FARTHEST = 0.5
"""Metres from the middle of the eyes beyond which nothing of a head is."""


def write_layout(path: Path, layout: Layout) -> Path:
    """Write a layout of the surface, or of places inside the head, whole or not at all."""
    content: dict[str, Any] = {"format": FORMAT, "version": VERSION, "name": layout.name}
    if layout.surface is not None:
        content["vertices"] = layout.surface.vertices.tolist()
        content["weights"] = np.round(layout.surface.weights, 9).tolist()
    else:
        content["positions"] = np.round(layout.queries.double().numpy() * QUERY_SCALE, 9).tolist()
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content), encoding="utf-8")
    return path


def read_layout(path: Path, model: HeadModel) -> Layout:
    """The layout that :func:`write_layout` wrote.

    Raises:
        InputError: the file is damaged, of another version, or does not fit the head model.
    """
    content = _content(path)
    name = str(content.get("name") or path.stem)
    if name in LAYOUTS:
        raise InputError(f"the name {name} is taken: vultus has a layout of that name", where=str(path))
    if "positions" in content:
        positions = _rows(content, "positions", path)
        if np.abs(positions).max() > FARTHEST:
            raise InputError("a landmark lies far outside the head; positions are in metres", where=str(path))
        return at_positions(name, positions)
    vertices, weights = _rows(content, "vertices", path), _rows(content, "weights", path)
    if vertices.shape != weights.shape:
        raise InputError(f"it has {len(vertices)} landmarks, but {len(weights)} weights", where=str(path))
    index = vertices.astype(np.int64)
    if (index != vertices).any() or index.min() < 0 or index.max() >= len(model.mean):
        raise InputError(
            f"a landmark is on no vertex of the head, which has {len(model.mean)}",
            where=str(path),
            fix="Make the layout again for this head model",
        )
    if np.abs(weights.sum(axis=1) - 1).max() > 1e-4:
        raise InputError("the weights of a landmark do not sum to one", where=str(path))
    return on_surface(name, SurfacePoints(index, weights), model)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the layout cannot be read ({error.strerror})", where=str(path)) from error
    except ValueError as error:
        raise InputError("it is no layout file: not JSON", where=str(path)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError("it is no layout file", where=str(path), fix="Make one with: vultus layouts make")
    if content.get("version") != VERSION:
        raise InputError(
            f"it is a layout file of version {content.get('version')}; this vultus reads version {VERSION}",
            where=str(path),
        )
    return content


def _rows(content: dict[str, Any], key: str, path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        rows = np.asarray(content.get(key), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"its {key} are not rows of three numbers", where=str(path)) from error
    if rows.ndim != 2 or rows.shape[1] != 3 or len(rows) == 0 or not np.isfinite(rows).all():
        raise InputError(f"its {key} are not rows of three numbers", where=str(path))
    return rows
