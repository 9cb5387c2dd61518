"""Frame ranges as studios write them: ``1001-1520``, ``1001-1520x2``, ``1001,1005-1010``."""

from __future__ import annotations

from collections.abc import Iterable

import fileseq

from calibration.errors import UsageError


def parse_frames(text: str, *, where: str = "") -> tuple[int, ...]:
    """The frame numbers of a range, ascending and without repetition.

    Args:
        text: a range in the grammar of fileseq; both ends are inclusive.
        where: the file or option that holds it, for the message.

    Raises:
        UsageError: the text is not a frame range.
    """
    try:
        numbers = {int(number) for number in fileseq.FrameSet(text)}
    except ValueError as error:  # every fileseq exception is a ValueError
        raise UsageError(
            f"'{text}' is not a frame range",
            where=where,
            fix="Write it like 1001-1520, 1001-1520x2 or 1001,1005-1010",
        ) from error
    return tuple(sorted(numbers))


def format_frames(frames: Iterable[int]) -> str:
    """The shortest text for frame numbers, such as ``1001-1006,1010``; empty for none."""
    return str(fileseq.framesToFrameRange(frames, compress=False))
