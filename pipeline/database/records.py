"""What the database knows of a frame, and of the performance that the frame is from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from fitting.arkit import ARKIT_SHAPES

ROW = np.dtype(
    [
        ("frame", "<i8"),
        ("expression", "<f4", (len(ARKIT_SHAPES),)),
        ("head_world", "<f4", (3,)),
        ("head", "<f4", (3,)),
        ("left_eye", "<f4", (3,)),
        ("right_eye", "<f4", (3,)),
        ("head_origin", "<f4", (3,)),
        ("residual_px", "<f4"),
        ("residual_sigma", "<f4"),
        ("uncertainty", "<f4"),
        ("expression_sigma", "<f4"),
        ("views", "u1"),
        ("status", "i1"),
        ("flags", "u1"),
    ]
)
"""A frame: its number, the weights of :data:`ARKIT_SHAPES` (NaN where the head model has no such shape), the
head motion (rotation vectors in radians of the head in the world, of the head against the neck and of the
eyes in the head, then the head's origin in metres, see :mod:`fitting.head_motion`), the median residual of
its landmarks in pixels and in sigmas, the standard deviation of its surface in metres and of its weights
(root mean square), how many cameras saw it, its FrameStatus and its FrameFlag bits. NaN where an older fit
did not say."""

Runs = tuple[tuple[int, int], ...]
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Provenance:
    """Where the frames of a shard are from.

    Attributes:
        source: digest of the performance file's content.
        path: where that file lay. shoot: name of the shoot.
        model: head model. layout: landmarks. weights: network that found them, "" where not known.
        vultus: version of vultus that fitted it. fps: frames per second.
    """

    source: str
    path: str
    shoot: str
    model: str
    layout: str
    weights: str
    vultus: str
    fps: float


@dataclass(frozen=True)
class ShardHeader:
    """What holds for all frames of a shard.

    Attributes:
        subject: the actor. take: within the subject.
        origin: where the frames are from.
        covers: the frame numbers of the performance, refused ones included, as runs (first, last).
        gates: the quality gates that its frames passed, by name.
        refused: how many frames did not pass, by reason.
        added: when, UTC, as 2026-11-22T13:00:00Z.
        replaces: names of shards that this one stands in for.
        writer: of this one writing: who takes back what they wrote takes back nothing of others.
    """

    subject: str
    take: str
    origin: Provenance
    covers: Runs
    gates: dict[str, object]
    refused: dict[str, int]
    added: str
    replaces: tuple[str, ...] = ()
    writer: str = ""

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> ShardHeader:
        """The inverse of :meth:`text`.

        Raises:
            ValueError, KeyError, TypeError: it is no header.
        """
        data = json.loads(text)
        data["origin"] = Provenance(**data["origin"])
        data["covers"] = tuple((int(first), int(last)) for first, last in data["covers"])
        data["replaces"] = tuple(data["replaces"])
        return cls(**data)


@dataclass(frozen=True, eq=False)
class Shard:
    """Accepted frames of one performance.

    Attributes:
        header: what holds for all of them.
        rows: (N,) of :data:`ROW`, ascending by frame.
    """

    header: ShardHeader
    rows: NDArray[np.void]

    def digest(self) -> str:
        """Of all that is in it, the header included."""
        content = hashlib.sha256(self.header.text().encode())
        content.update(np.ascontiguousarray(self.rows).tobytes())
        return content.hexdigest()

    def same_frames(self, other: Shard) -> bool:
        """Whether both hold the same frames through the same gates, whoever added them and when."""
        alike = self.header.gates == other.header.gates
        return alike and np.array_equal(self.rows.tobytes(), other.rows.tobytes())


def runs_of(frames: Iterable[int]) -> Runs:
    """Frame numbers as runs of consecutive ones, (first, last) each.

    >>> runs_of([1001, 1002, 1005])
    ((1001, 1002), (1005, 1005))
    """
    numbers = np.unique(np.fromiter(frames, dtype=np.int64))
    if not len(numbers):
        return ()
    parts = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return tuple((int(part[0]), int(part[-1])) for part in parts)


def within(frames: NDArray[np.int64], runs: Runs) -> NDArray[np.bool_]:
    """(N,) which frame numbers lie in runs."""
    found = np.zeros(len(frames), dtype=bool)
    for first, last in runs:
        found |= (frames >= first) & (frames <= last)
    return found


def now(after: str = "") -> str:
    """The time in UTC as text that sorts; a second past `after` where this machine's clock lags behind it."""
    time = datetime.now(UTC)
    if after and time.strftime(_TIME) <= after:
        time = datetime.fromtimestamp(
            datetime.strptime(after, _TIME).replace(tzinfo=UTC).timestamp() + 1, UTC
        )
    return time.strftime(_TIME)
