"""How a job ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from calibration.errors import InputError, VultusError
from jobs.conducting.graph import Ended
from jobs.tasks import SURVEY, State
from pipeline.exit_status import DONE, PARTIAL

_WELL = frozenset({State.DONE, State.CURRENT})


@dataclass(frozen=True)
class JobOutcome:
    """What became of a job.

    Attributes:
        counts: of sequences, by how they ended.
        exit_status: 0 all done; 4 some failed, are partial or were cancelled; 1 all failed, or the job was
            stopped early; 3 the footage of all is missing; 130 or 143 interrupted.
        stopped: why it ended early, in words; empty where it did not.
    """

    counts: dict[State, int]
    exit_status: int
    stopped: str = ""


def judge(sequences: Iterable[Ended], stopped: str = "", exit_status: int = 0) -> JobOutcome:
    """The outcome of a job.

    Args:
        sequences: how each ended.
        stopped: why the job ended early.
        exit_status: with which it is to be left, where that is told already.
    """
    ended = list(sequences)
    counts = dict(Counter(each.state for each in ended))
    return JobOutcome(counts, exit_status or _exit_status(ended, stopped), stopped)


def _exit_status(ended: list[Ended], stopped: str) -> int:
    if all(_missing(each) for each in ended):
        return InputError.exit_status
    if stopped or all(each.state is State.FAILED for each in ended):
        return VultusError.exit_status
    return DONE if all(each.state in _WELL for each in ended) else PARTIAL


def _missing(ended: Ended) -> bool:
    receipt = ended.receipt
    return (
        receipt.state is State.FAILED
        and receipt.stage == SURVEY
        and receipt.exit_status == InputError.exit_status
    )
