"""Measuring the database: made-up takes added one by one, found, drawn from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fitting.arkit import ARKIT_SHAPES
from pipeline.database.cache import compact, look
from pipeline.database.folder import Database
from pipeline.database.query import Query
from pipeline.database.records import ROW, Provenance, Shard, ShardHeader, runs_of
from pipeline.database.sampling import SampleWish, draw
from pipeline.database.statistics import describe
from pipeline.progress import Progress, silent

QUERY = "jawOpen > 0.6 and eyeBlinkLeft > 0.5"
TAKES_PER_SUBJECT = 20
SAMPLED = 10_000
_FIRST = 1001
_SMOOTH = 12
T = TypeVar("T")


@dataclass(frozen=True)
class DatabaseSpeed:
    """Seconds, unless said otherwise.

    Attributes:
        takes, frames: how many, frames in all.
        add: from the first take to the last, each on the disk before the next.
        first_query: of all that is new. query: of a cache that is up to date; the best of three.
        one_more: a query after one more take. found: frames that the query is true of.
        sample: of :data:`SAMPLED` balanced frames. statistics: coverage, correlation, components.
        compact: the cache made anew.
        shard_bytes, cache_bytes: on the disk, per frame.
    """

    takes: int
    frames: int
    add: float
    first_query: float
    query: float
    one_more: float
    found: int
    sample: float
    statistics: float
    compact: float
    shard_bytes: float
    cache_bytes: float

    def facts(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


def bench_database(folder: Path, takes: int, frames: int, progress: Progress = silent) -> DatabaseSpeed:
    """Fill a new database with made-up takes and use it.

    Args:
        folder: for the database. takes: how many. frames: of each.

    Raises:
        InputError, DiskError: the folder is not empty or cannot be written.
    """
    database, _ = Database.open_or_make(folder)
    query = Query(QUERY)

    def fill() -> None:
        for number in range(takes):
            database.add(made_up(number, frames))
            progress(number + 1, takes, "adding")

    add = _timed(fill)[1]
    mask, first = _timed(lambda: query.mask(look(database)))
    again = min(_timed(lambda: query.mask(look(database)))[1] for _ in range(3))
    sample = _timed(lambda: draw(look(database), SampleWish(min(SAMPLED, takes * frames), balanced=True)))[1]
    statistics = _timed(lambda: describe(look(database)))[1]
    shard_bytes, cache_bytes = _size(database.shards), _size(database.cache)
    database.add(made_up(takes, frames))
    one_more = _timed(lambda: query.mask(look(database)))[1]
    made_anew = _timed(lambda: compact(database))[1]
    total = takes * frames
    return DatabaseSpeed(
        takes,
        total,
        add,
        first,
        again,
        one_more,
        int(mask.sum()),
        sample,
        statistics,
        made_anew,
        shard_bytes / total,
        cache_bytes / total,
    )


def made_up(number: int, frames: int) -> Shard:
    """A take of smooth random weights, mostly near rest, as faces are; another one for each number."""
    rng = np.random.default_rng(number)
    rows = np.zeros(frames, dtype=ROW)
    rows["frame"] = np.arange(_FIRST, _FIRST + frames)
    rows["expression"] = np.clip(_wander(rng, frames, len(ARKIT_SHAPES)) * 0.35 - 0.1, 0.0, 1.0)
    for part, size in (("head_world", 0.2), ("head", 0.1), ("left_eye", 0.2), ("head_origin", 0.02)):
        rows[part] = _wander(rng, frames, 3) * size
    rows["right_eye"] = rows["left_eye"]
    for part, usual in (("residual_px", 3.0), ("residual_sigma", 0.5), ("uncertainty", 1e-3)):
        rows[part] = usual * np.exp(0.1 * rng.normal(size=frames))
    rows["expression_sigma"], rows["views"] = 0.1, 17
    subject = f"subject{number // TAKES_PER_SUBJECT:03d}"
    source = hashlib.sha256(f"{number}".encode()).hexdigest()
    origin = Provenance(source, "made up", "bench", "makehuman", "dense320", "face", "0", 24.0)
    return Shard(ShardHeader(subject, f"take{number:05d}", origin, runs_of(rows["frame"]), {}, {}, ""), rows)


def _wander(rng: np.random.Generator, frames: int, columns: int) -> NDArray[np.float64]:
    """(frames, columns) smooth random curves of unit spread."""
    keys = rng.normal(size=(frames // _SMOOTH + 2, columns))
    at = np.arange(frames) / _SMOOTH
    low, share = np.floor(at).astype(int), (at % 1.0)[:, None]
    return np.asarray(keys[low] * (1 - share) + keys[low + 1] * share)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def _size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
