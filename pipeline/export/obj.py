"""Wavefront OBJ: one file per frame, always the same vertices in the same order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.whole_file import whole_file
from fitting.posed import neutral_vertices, posed_vertices
from pipeline.export.options import UNITS, ExportOptions

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance


def export_obj(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.1001.obj`` for each frame and ``name.neutral.obj``: quads, UVs, a group per part.

    Frames are in world axes, the neutral in canonical ones; the header says the unit, since OBJ has none.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the files; it is made where it is absent.
        options: name, units and progress.

    Returns:
        the files, the neutral last.

    Raises:
        InputError: the folder cannot be written to.
    """
    options = options or ExportOptions()
    faces = _face_text(model)
    frames = [int(frame) for frame in performance.frames]
    written = []
    for position, frame in enumerate(frames):
        path = folder / f"{options.name}.{frame:04d}.obj"
        title = f"frame {frame}, {performance.fps:g} fps, world axes"
        _write(path, posed_vertices(model, performance, position), title, faces, options)
        written.append(path)
        options.progress(position + 1, len(frames) + 1, path.name)
    path = folder / f"{options.name}.neutral.obj"
    _write(
        path,
        neutral_vertices(model, performance.identity, performance.personal_shape),
        "neutral, canonical axes",
        faces,
        options,
    )
    options.progress(len(frames) + 1, len(frames) + 1, path.name)
    return [*written, path]


def _write(path: Path, vertices: NDArray[np.float64], title: str, faces: str, options: ExportOptions) -> None:
    scaled = vertices * UNITS[options.units]
    # a tenth of a micrometre, whatever the unit is
    decimals = 7 - round(np.log10(UNITS[options.units]))
    line = f"v %.{decimals}f %.{decimals}f %.{decimals}f\n"
    header = (
        f"# vultus: {title}\n# units: {options.units}, Y up\n# vertices: {len(vertices)}\no {options.name}\n"
    )
    body = (line * len(scaled)) % tuple(scaled.ravel().tolist())
    with whole_file(path) as partial:
        partial.write_text(header + body + faces, encoding="ascii")


def _face_text(model: HeadModel) -> str:
    """Texture coordinates and grouped quads: what is the same in every frame."""
    textured = len(model.uv) > 1
    rows = np.asarray(model.uv, np.float64) if textured else ()
    blocks = ["".join(f"vt {u:.6f} {v:.6f}\n" for u, v in rows)]
    quads, quads_uv = np.asarray(model.quads), np.asarray(model.quads_uv)
    for part, indices in model.parts.items():
        chosen = np.isin(quads[:, 0], indices)
        corners = np.stack([quads[chosen] + 1, quads_uv[chosen] + 1], axis=-1)
        text = "".join(_face_line(face, textured) for face in corners.tolist())
        blocks.append(f"g {part}\ns 1\n{text}")
    return "".join(blocks)


def _face_line(corners: list[list[int]], textured: bool) -> str:
    """A face of vertex and texture numbers; a quad whose last corner is there twice is a triangle."""
    distinct = corners[:3] if corners[2][0] == corners[3][0] else corners
    return "f " + " ".join(f"{v}/{vt}" if textured else str(v) for v, vt in distinct) + "\n"
