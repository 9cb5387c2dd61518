"""What a performance can be written as; one function per format, all with the same arguments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calibration.errors import UsageError
from pipeline.export.alembic import export_alembic
from pipeline.export.arkit import export_arkit
from pipeline.export.gltf import export_gltf
from pipeline.export.npz import export_npz
from pipeline.export.obj import export_obj
from pipeline.export.options import ExportOptions
from pipeline.export.ply import export_ply
from pipeline.export.usd import export_usd

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

__all__ = ["EXPORTERS", "ExportOptions", "Exporter", "export", "exporter"]


class Exporter(Protocol):
    """Writes a performance into a folder and returns the files."""

    def __call__(
        self,
        performance: Performance,
        model: HeadModel,
        folder: Path,
        *,
        options: ExportOptions | None = None,
    ) -> list[Path]:
        """See :func:`export`."""
        ...


EXPORTERS: dict[str, Exporter] = {
    "alembic": export_alembic,
    "arkit": export_arkit,
    "gltf": export_gltf,
    "npz": export_npz,
    "obj": export_obj,
    "ply": export_ply,
    "usd": export_usd,
}


def exporter(name: str) -> Exporter:
    """The exporter of a format.

    Raises:
        UsageError: there is none of that name; the message lists those there are.
    """
    if name not in EXPORTERS:
        raise UsageError(
            f"there is no export format {name!r}", fix=f"Known are: {', '.join(sorted(EXPORTERS))}"
        )
    return EXPORTERS[name]


def export(
    name: str,
    performance: Performance,
    model: HeadModel,
    folder: Path,
    *,
    options: ExportOptions | None = None,
) -> list[Path]:
    """Write a performance in one format.

    Args:
        name: a key of :data:`EXPORTERS`.
        performance: to write.
        model: that it was fitted with.
        folder: for the files; it is made where it is absent.
        options: for all formats; each reads its own.

    Returns:
        the files that were written.

    Raises:
        UsageError: the format is not known.
        InputError: the folder cannot be written to.
    """
    return exporter(name)(performance, model, folder, options=options)
