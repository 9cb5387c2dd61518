"""Wavefront OBJ: one file per frame, always the same vertices in the same order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.whole_file import whole_file
from pipeline.export.options import UNITS, ExportOptions
from pipeline.export.scene import build_scene
from pipeline.export.surface import Surface

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

_AXES = {"world": "world axes", "removed": "without head motion", "skull": "skull axes"}


def export_obj(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.1001.obj`` for each frame and ``name.neutral.obj``: faces, UVs, a group per part.

    The neutral is in canonical axes. The header says the unit and the axes, since OBJ has none.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the files; it is made where it is absent.
        options: name, progress, and all that :class:`ExportOptions` says of geometry and frames.

    Returns:
        the files, the neutral last.

    Raises:
        InputError: the folder cannot be written to.
    """
    scene = build_scene(performance, model, options or ExportOptions())
    options = scene.options
    faces = _face_text(scene.surface)
    frames = [int(frame) for frame in scene.frames]
    written = []
    for position, frame in enumerate(frames):
        path = folder / f"{options.name}.{frame:04d}.obj"
        title = f"frame {frame}, {scene.fps:g} fps, {_AXES[options.motion]}"
        _write(path, scene.posed(position), title, faces, options)
        written.append(path)
        options.progress(position + 1, len(frames) + 1, path.name)
    path = folder / f"{options.name}.neutral.obj"
    _write(path, scene.skin.vertices, "neutral, canonical axes", faces, options)
    options.progress(len(frames) + 1, len(frames) + 1, path.name)
    return [*written, path]


def _write(path: Path, vertices: NDArray[np.float64], title: str, faces: str, options: ExportOptions) -> None:
    # a tenth of a micrometre, whatever the unit is
    decimals = 7 - round(np.log10(UNITS[options.units]))
    line = f"v %.{decimals}f %.{decimals}f %.{decimals}f\n"
    header = (
        f"# vultus: {title}\n# units: {options.units}, {options.up} up\n"
        f"# vertices: {len(vertices)}\no {options.name}\n"
    )
    body = (line * len(vertices)) % tuple(vertices.ravel().tolist())
    with whole_file(path) as partial:
        partial.write_text(header + body + faces, encoding="utf-8")


def _face_text(surface: Surface) -> str:
    """Texture coordinates and grouped faces, in their order: what is the same in every frame."""
    textured = len(surface.uv) > 1
    blocks = ["".join(f"vt {u:.6f} {v:.6f}\n" for u, v in surface.uv if textured)]
    part, sizes = surface.part_of_face, surface.face_sizes
    corners = np.stack([surface.quads + 1, surface.quads_uv + 1], axis=-1)
    changes = np.flatnonzero(part[1:] != part[:-1]) + 1
    for run in np.split(np.arange(len(part)), changes):
        lines = (_face_line(corners[face, : sizes[face]].tolist(), textured) for face in run)
        blocks.append(f"g {part[run[0]]}\ns 1\n{''.join(lines)}")
    return "".join(blocks)


def _face_line(corners: list[list[int]], textured: bool) -> str:
    """A face of vertex and texture numbers."""
    return "f " + " ".join(f"{v}/{vt}" if textured else str(v) for v, vt in corners) + "\n"
