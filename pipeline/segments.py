"""Segments of a take: stretches of frames that are detected each for itself, on one machine or on many.

A segment begins with nothing remembered, so that what comes of it depends on nothing before it. Where they
lie follows from the take alone, not from who asks for which frames: so any way of cutting a take into tasks
does each segment once, and comes to the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from pipeline.frames.ranges import parse_frames

SEGMENT = 240
"""Frames of a segment. A search takes the time of 16 looks at an image (0.58 s against 0.037 s, a thread):
that is 6 percent of a segment for a camera alone, and 2.5 for a calibrated rig of 8, of which 3 search."""

BLOCK = 8
"""Frames of a lane between two visits to the disk, after each of which a detection can be interrupted."""

FILL = 16
"""Images that a GPU is to look at together: a guess of where fewer take no less time, not measured yet."""

MOST_LANES, LEAST_LANE = 4, 60
"""Lanes of a segment; and frames of each, so that its own search is worth it."""


class Begins(Protocol):
    """Something that begins at a position in a take's frames."""

    @property
    def start(self) -> int:
        """The position."""


S = TypeVar("S", bound=Begins)


@dataclass(frozen=True)
class Segment:
    """A stretch of a take.

    Attributes:
        start, end: positions in the take's frames, the end not included.
        lanes: stretches of it that are looked at side by side, each beginning with nothing remembered.
    """

    start: int
    end: int
    lanes: int = 1

    def __len__(self) -> int:
        return self.end - self.start

    def with_lanes(self, lanes: int) -> Segment:
        """The segment with at most so many lanes; each has to be worth its own search."""
        return replace(self, lanes=max(1, min(lanes, len(self) // LEAST_LANE)))

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """Of each lane, its first position and its end, counted from the segment's start."""
        length = -(-len(self) // (self.lanes * BLOCK)) * BLOCK
        return tuple((at, min(at + length, len(self))) for at in range(0, len(self), length))


def segments(frames: int) -> tuple[Segment, ...]:
    """The segments of a take of so many frames; a short rest goes with the one before it."""
    count = max(1, (frames + SEGMENT // 2) // SEGMENT)
    starts = [SEGMENT * i for i in range(count)]
    return tuple(Segment(start, end) for start, end in zip(starts, [*starts[1:], frames], strict=True))


def lanes_for(device: str, cameras: int) -> int:
    """How many lanes suit a device of this kind (``cpu``, ``cuda``) and a take of so many cameras.

    A processor takes as long for images together as for one after the other, and has one lane.
    """
    return 1 if device == "cpu" else max(1, min(MOST_LANES, FILL // cameras))


def begun_in(all_segments: Sequence[S], frames: Sequence[int], text: str) -> list[S]:
    """The segments whose first frame is in a range such as ``1001-1240``.

    Args:
        all_segments: of the take, or what else it is cut into.
        frames: the frame numbers of the take.
        text: the range.

    Raises:
        UsageError: the text is not a frame range.
    """
    wanted = set(parse_frames(text))
    return [segment for segment in all_segments if frames[segment.start] in wanted]
