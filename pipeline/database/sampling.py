"""Drawing frames to learn from, so that what faces rarely do is not drowned by what they do all the time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from detector.synthetic.expression_library import ExpressionLibrary
from fitting.arkit import ARKIT_SHAPES
from pipeline.database.cache import look
from pipeline.database.columns import LEVELS, MOTION_COLUMNS
from pipeline.database.durable import make_folder, write_durably
from pipeline.database.folder import Database
from pipeline.database.view import View

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

COMMON = 0.05
"""Each shape at each of the :data:`LEVELS` is a kind of frame. A kind of less than this share of them is
rare, and is brought up to it."""
MOST = 50.0
"""No frame is drawn so many times as often as a common one, or more: two stray frames are no expression."""
TRAINED_ON = 50_000
"""Frames of a database that a training sees at most."""


@dataclass(frozen=True)
class SampleWish:
    """What is to be drawn.

    Attributes:
        count: frames, all different.
        balanced: whether rare expressions are drawn more often.
        seed: the same seed draws the same frames of the same database.
    """

    count: int
    balanced: bool = False
    seed: int = 0


def draw(view: View, wish: SampleWish, where: Mask | None = None) -> NDArray[np.int64]:
    """Positions (count,) of frames, ascending, all different.

    Args:
        view: the database. wish: how many and how. where: (N,) frames to draw from; all if None.

    Raises:
        UsageError: there are not so many.
    """
    positions = np.arange(len(view)) if where is None else np.flatnonzero(where)
    if not 0 < wish.count <= len(positions):
        raise UsageError(
            f"{wish.count} frames cannot be drawn: there are {len(positions)}",
            fix="Ask for fewer, or let more in with --where",
        )
    # The order in which shards came into the cache must not matter to what a seed draws.
    rank = np.argsort(np.argsort(np.array(view.shards, dtype=np.str_)))
    positions = positions[np.lexsort((view.frame[positions], rank[view.shard[positions]]))]
    rng = np.random.default_rng(wish.seed)
    # Drawing without putting back, by weight: the greatest keys of log weight plus Gumbel noise.
    keys = rng.gumbel(size=len(positions))
    if wish.balanced:
        keys += np.log(rarity(view.expression(positions)))
    return np.sort(positions[np.argpartition(-keys, wish.count - 1)[: wish.count]])


def rarity(expression: NDArray[np.float32]) -> Array:
    """How many times as often each frame (N, 52) is to be drawn as a common one, 1 to :data:`MOST`.

    A frame is as rare as the rarest kind that it is of, in the manner of repeat factors (Gupta et al. 2019,
    LVIS, section 5), but by the inverse share itself and not by its root.
    """
    count = len(expression)
    factors = np.ones(count)
    for weights in expression.T:
        for low, high in zip(LEVELS, (*LEVELS[1:], np.inf), strict=True):
            kind = (weights > low) & (weights <= high)
            share = int(kind.sum()) / max(1, count)
            if 0.0 < share < COMMON:
                factors[kind] = np.maximum(factors[kind], min(COMMON / share, MOST))
    return factors


def library_of(view: View, positions: NDArray[np.int64]) -> ExpressionLibrary:
    """Drawn frames as the synthetic engine takes them."""
    eyes = [[f"{side}_eye_{axis}" for axis in "xyz"] for side in ("left", "right")]
    gaze = np.stack([view.table(names, positions) for names in eyes], axis=1)
    return ExpressionLibrary(ARKIT_SHAPES, np.nan_to_num(view.expression(positions)), gaze)


def write_sample(path: Path, view: View, positions: NDArray[np.int64]) -> Path:
    """Write frames as a NumPy archive that the training and other programs read.

    It holds ``names`` (52,), ``expression`` (n, 52), ``eyes`` (n, 2, 3) rotation vectors of the left and the
    right eye in the head, the columns of the motion by name, ``subject``, ``take`` and ``frame``.

    Raises:
        UsageError: the file is not to end in .npz. DiskError: it cannot be written.
    """
    if path.suffix.lower() != ".npz":
        raise UsageError("samples are NumPy archives", where=str(path), fix="Name a file that ends in .npz")
    owner = view.shard[positions]
    arrays: dict[str, Any] = library_of(view, positions).arrays()
    arrays |= {name: view.floats(name)[positions] for name in MOTION_COLUMNS}
    arrays |= {name: view.per_shard(name)[owner] for name in ("subject", "take")}
    arrays["frame"] = view.frame[positions]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    make_folder(path.parent)
    write_durably(path, buffer.getvalue())
    return path


def training_expressions(source: Path, output: Path, *, resumed: bool) -> Path:
    """The archive of expressions that a training mixes in: itself, or a balanced sample of a database.

    The sample stays in the training's folder, so that a training that is resumed goes on with the same.

    Raises:
        InputError: there is neither an archive nor a database with frames.
    """
    if source.is_file():
        return source
    view, path = look(Database.open(source)), output / "expressions.npz"
    if resumed and path.exists():
        return path
    if not len(view):
        raise InputError("The database has no frames to train on", where=str(source))
    return write_sample(path, view, draw(view, SampleWish(min(TRAINED_ON, len(view)), balanced=True)))
