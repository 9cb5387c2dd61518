"""Stopping early where all sequences fail of the same: a missing model, a share that is not there."""

from __future__ import annotations

import re
from collections.abc import Collection

from jobs.conducting.graph import Ended
from jobs.tasks import State

FEWEST = 3

_PATH = re.compile(r"\S*/\S*")
_ELSEWHERE = "..."


class Breaker:
    """Watches how the first sequences end.

    Args:
        sequences: how many the job has; with too few of them nothing is stopped.
    """

    def __init__(self, sequences: int) -> None:
        self._sequences = sequences
        self._ended: list[Ended] = []
        self._open = True

    def reason(self, ended: Ended, workers: int, went_well: Collection[str]) -> str:
        """Why the job shall stop, in words, now that a sequence has ended; mostly empty.

        Args:
            ended: the sequence.
            workers: how many there are: as many sequences fail side by side.
            went_well: stages of which a task ended well, in any sequence.
        """
        if not self._open:
            return ""
        self._ended.append(ended)
        first = self._ended[0]
        if ended.state is not State.FAILED or _likeness(ended) != _likeness(first):
            self._open = False
            return ""
        enough = max(FEWEST, workers)
        if len(self._ended) < enough or enough > self._sequences:
            return ""
        self._open = False
        if first.receipt.stage in went_well:
            return ""
        return f"The first {enough} sequences all failed of the same: {first.receipt.message}"


def _likeness(ended: Ended) -> tuple[str, str, str]:
    """What failures of the same cause have in common: not the names and paths in the message."""
    receipt = ended.receipt
    message = receipt.message.replace(ended.sequence, _ELSEWHERE)
    for part in ended.sequence.split("/"):
        message = re.sub(rf"\b{re.escape(part)}\b", _ELSEWHERE, message)
    return receipt.stage, receipt.code, _PATH.sub(_ELSEWHERE, message)
