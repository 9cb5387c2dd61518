"""NPZ: the take as NumPy arrays, for scripts that want no other library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.whole_file import whole_file
from pipeline.export.options import ExportOptions
from pipeline.export.scene import build_scene

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance


def export_npz(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.npz``, to be read with ``numpy.load(file)``; no object in it needs ``allow_pickle``.

    ``vertices`` (F, V, 3) of all frames and ``neutral`` (V, 3); ``faces`` (Q, 4), the last corner repeated in
    triangles, ``faces_uv`` (Q, 4), ``uv`` (N, 2) and ``part`` (Q,) of each face; ``frames`` (F,), ``fps``,
    ``status`` (F,); ``expression`` (F, E), ``expression_names`` (E,) and ``expression_deltas`` (E, V, 3);
    ``rotations`` (F, K, 3), rotation vectors of the joints against their parents, ``root`` (F, 3), ``joints``
    (K, 3) at rest, ``joint_names`` (K,) and ``skin_weights`` (V, K); ``identity`` (B,), ``units`` and ``up``.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the file; it is made where it is absent.
        options: name, progress, and all that :class:`ExportOptions` says of geometry and frames.

    Returns:
        the one file.

    Raises:
        InputError: the folder cannot be written to.
        UsageError: the head has no such part.
    """
    scene = build_scene(performance, model, options or ExportOptions())
    count = len(scene.frames)
    vertices = np.empty((count, *scene.skin.vertices.shape), np.float32)
    for position in range(count):
        vertices[position] = scene.posed(position)
        scene.options.progress(position + 1, count, f"{scene.options.name}.npz")
    part = np.full(len(scene.surface.quads), "", dtype="U32")
    for name, faces in scene.surface.parts.items():
        part[faces] = name
    path = folder / f"{scene.options.name}.npz"
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            vertices=vertices,
            neutral=scene.skin.vertices,
            faces=scene.surface.quads,
            faces_uv=scene.surface.quads_uv,
            uv=scene.surface.uv,
            part=part,
            frames=scene.frames,
            fps=np.float64(scene.fps),
            expression=scene.weights,
            expression_names=np.array(scene.expression_names),
            rotations=scene.rotations,
            root=scene.root,
            joints=scene.skin.joints,
            joint_names=np.array(scene.joint_names),
            skin_weights=scene.skin.weights,
            expression_deltas=scene.skin.expressions.astype(np.float32),
            identity=np.asarray(performance.identity),
            status=np.asarray(scene.performance.status),
            units=np.array(scene.options.units),
            up=np.array(scene.options.up),
        )
    return [path]
