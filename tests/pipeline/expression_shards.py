"""Made-up shards of an expression database, and what looks into it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting.arkit import ARKIT_SHAPES
from pipeline.database.folder import Database
from pipeline.database.records import Provenance, Shard, ShardHeader, runs_of
from pipeline.database.shards import empty_rows


def made_shard(
    subject: str = "anna",
    take: str = "smile",
    frames: Sequence[int] = range(1001, 1011),
    source: str = "one",
    **weights: Sequence[float] | NDArray[np.float64] | float,
) -> Shard:
    """A shard of frames that two cameras saw well, with these weights; the others are 0."""
    rows = empty_rows(len(frames))
    rows["frame"], rows["views"] = frames, 2
    rows["residual_sigma"], rows["residual_px"], rows["uncertainty"] = 0.5, 3.0, 1e-3
    rows["expression"] = 0.0
    for name, values in weights.items():
        rows["expression"][:, ARKIT_SHAPES.index(name)] = values
    digest = hashlib.sha256(f"{subject} {take} {source}".encode()).hexdigest()
    origin = Provenance(digest, "take/performance.h5", "take", "makehuman", "dense320", "face", "0.1.0", 24.0)
    return Shard(ShardHeader(subject, take, origin, runs_of(frames), {}, {}, ""), rows)


def made_database(folder: Path, *shards: Shard) -> Database:
    """A database with these shards."""
    database, _ = Database.open_or_make(folder / "expressions")
    for shard in shards:
        database.add(shard)
    return database


def ramp(count: int) -> list[float]:
    """Weights from 0 to 1."""
    return [float(value) for value in np.linspace(0.0, 1.0, count)]
