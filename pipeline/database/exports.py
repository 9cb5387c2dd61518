"""The database for other programs: CSV, Parquet and NumPy archives."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import MissingDependencyError, UsageError
from calibration.whole_file import whole_file
from pipeline.database.columns import FLAGS, FLOATS
from pipeline.database.query import TEXTS
from pipeline.database.view import View
from pipeline.progress import Progress, silent

Index = NDArray[np.int64]

_AT_ONCE = 20_000
_DIGITS = 6


def export_frames(path: Path, view: View, rows: Index, progress: Progress = silent) -> Path:
    """Write frames in the format that the file's ending says; the file is whole or absent.

    Args:
        path: ends in .csv, .parquet or .npz. view: the database. rows: (n,) positions.

    Raises:
        UsageError: the format is not known. InputError: the file cannot be written.
        MissingDependencyError: Parquet is wanted and pyarrow is not installed.
    """
    write = _FORMATS.get(path.suffix.lower())
    if write is None:
        raise UsageError(
            f"frames cannot be written as {path.suffix!r}", where=str(path), fix=f"Use {', '.join(_FORMATS)}"
        )
    with whole_file(path) as partial:
        write(partial, view, rows, progress)
    return path


def columns(view: View, rows: Index) -> dict[str, NDArray[Any]]:
    """Everything known of some frames (n,), by column."""
    owner, flags = view.shard[rows], view.integers("flags")[rows]
    found: dict[str, NDArray[Any]] = {name: view.per_shard(name)[owner] for name in ("subject", "take")}
    found["frame"] = view.frame[rows]
    found |= {name: view.floats(name)[rows] for name in FLOATS}
    found |= {name: view.integers(name)[rows] for name in ("views", "status")}
    found |= {name: (flags & bit) != 0 for name, bit in FLAGS.items()}
    found |= {name: view.per_shard(name)[owner] for name in TEXTS if name not in found}
    return found


def _parts(rows: Index, progress: Progress) -> Iterator[Index]:
    """Positions in portions that fit into memory."""
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
        progress(min(start + _AT_ONCE, len(rows)), len(rows), "writing frames")


def _csv(path: Path, view: View, rows: Index, progress: Progress) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns(view, rows[:0]))
        for part in _parts(rows, progress):
            texts = (_texts(values) for values in columns(view, part).values())
            writer.writerows(zip(*texts, strict=True))


def _texts(values: NDArray[Any]) -> list[Any]:
    """Values for a CSV; what is not known is empty."""
    if values.dtype.kind == "b":
        return [int(value) for value in values]
    if values.dtype.kind != "f":
        return list(values.tolist())
    return ["" if np.isnan(value) else f"{value:.{_DIGITS}g}" for value in values]


def _npz(path: Path, view: View, rows: Index, progress: Progress) -> None:
    with path.open("wb") as file:
        arrays: dict[str, Any] = columns(view, rows)
        np.savez_compressed(file, **arrays)
    progress(1, 1, "writing frames")


def _parquet(path: Path, view: View, rows: Index, progress: Progress) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet needs the library pyarrow, which is not installed", fix="Run: pip install pyarrow"
        ) from error
    schema = pyarrow.table(columns(view, rows[:0])).schema
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in _parts(rows, progress):
            writer.write_table(pyarrow.table(columns(view, part), schema=schema))


_FORMATS: dict[str, Callable[[Path, View, Index, Progress], None]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".npz": _npz,
}
