"""USD: a skinned head with its blend shapes, the animation of a take, and the take baked into points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.export.options import ExportOptions
from pipeline.export.scene import build_scene
from pipeline.export.usd.baked import write_baked
from pipeline.export.usd.head import write_head
from pipeline.export.usd.take import write_take

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance


def export_usd(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.usda``, which is to be opened, and what it refers to.

    ``name_head.usdc`` is the actor: mesh, blend shapes, skeleton and materials. ``name.usda`` is the take:
    the head by reference, its animation, the cameras, and how far each frame can be trusted.
    ``name_baked.usdc`` is the same take as points in time, for programs without skinning. Time codes are
    frame numbers.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the files; it is made where it is absent.
        options: name, progress, and all that :class:`ExportOptions` says of geometry and frames.

    Returns:
        the files, the one to be opened first.

    Raises:
        InputError: the folder cannot be written to.
        UsageError: the head has no such part.
    """
    scene = build_scene(performance, model, options or ExportOptions())
    name = scene.options.name
    head = write_head(scene, folder / f"{name}_head.usdc")
    take = write_take(scene, folder / f"{name}.usda", head.name)
    baked = write_baked(scene, folder / f"{name}_baked.usdc")
    return [take, head, baked]
