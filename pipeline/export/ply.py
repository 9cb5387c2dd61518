"""PLY: one binary file of triangles per frame, for viewers and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import trimesh

from calibration.whole_file import whole_file
from pipeline.export.options import ExportOptions
from pipeline.export.scene import build_scene

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance


def export_ply(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.1001.ply`` for each frame: always the same vertices in the same order, quads as triangles.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the files; it is made where it is absent.
        options: name, progress, and all that :class:`ExportOptions` says of geometry and frames.

    Returns:
        the files.

    Raises:
        InputError: the folder cannot be written to.
        UsageError: the head has no such part.
    """
    scene = build_scene(performance, model, options or ExportOptions())
    triangles, written = scene.surface.triangles, []
    for position, frame in enumerate(scene.frames.tolist()):
        path = folder / f"{scene.options.name}.{frame:04d}.ply"
        mesh = trimesh.Trimesh(scene.posed(position), triangles, process=False)
        with whole_file(path) as partial:
            partial.write_bytes(trimesh.exchange.ply.export_ply(mesh))
        written.append(path)
        scene.options.progress(position + 1, len(scene.frames), path.name)
    return written
