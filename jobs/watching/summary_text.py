"""A job's summary as text, for a terminal or a mail, and as JSON, for programs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from statistics import median

from calibration.text_table import text_table
from jobs.tasks import State
from jobs.watching.causes import Cause
from jobs.watching.summary import JobSummary, SequenceSummary, StageSummary
from jobs.watching.words import duration, memory, rate

_NAMES = 6
_LONGEST = 100


def summary_lines(summary: JobSummary) -> list[str]:
    """What is there, what is missing and why, and how long it took."""
    lines = [verdict(summary), ""]
    for cause in summary.causes:
        lines += [cause_line(cause)]
    lines += [""] * bool(summary.causes)
    if summary.missing:
        lines += [*sequence_table(summary.missing), ""]
    lines += _stage_table(summary.stages)
    failed = [each.sequence for each in summary.sequences if each.outcome is State.FAILED]
    if failed:
        folder = shlex.quote(str(summary.folder))
        lines += ["", f"Logs:  vultus jobs logs {folder} {shlex.quote(failed[0])} --failed"]
        lines += [f"Again: vultus jobs retry {folder}"]
    return lines


def verdict(summary: JobSummary) -> str:
    """In one sentence, such as ``day3: 193 of 200 sequences are done; 7 failed``."""
    counts = summary.counts
    done = counts.pop(State.DONE, 0)
    rest = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    return f"{summary.job}: {done} of {len(summary.sequences)} sequences are done" + (rest and f"; {rest}")


def cause_line(cause: Cause) -> str:
    """Which sequences failed, where and why."""
    names = ", ".join(cause.sequences[:_NAMES])
    more = f" and {len(cause.sequences) - _NAMES} more" if len(cause.sequences) > _NAMES else ""
    return f"{cause.stage} failed: {cause.message} ({names}{more})"


def summary_facts(summary: JobSummary) -> dict[str, object]:
    """The summary as JSON values.

    Keys: ``schema`` (1), ``job``, ``folder``, ``exit_status`` (null while the job is not at its end),
    ``counts`` (sequences by outcome), ``tasks`` (by state), ``sequences``, ``stages``, ``causes``.

    Of a sequence: ``sequence``, ``shoot``, ``outcome`` (done, partial, failed, cancelled, running, waiting),
    ``exit_status`` (as of ``vultus run``; null while it is not at its end), ``stages`` (state of each),
    ``seconds`` (of each stage), ``frames`` and ``failed_frames`` (null where it is not known), ``code`` and
    ``message`` (what went wrong, or what the report says), ``step`` (that failed), ``results`` (folder),
    ``log`` (relative to ``folder``).

    Of a stage: ``stage``, ``tasks``, ``seconds`` (in all), ``median_seconds`` and ``longest_seconds`` (of a
    task), ``peak_bytes`` (the most of a task), ``frames``, ``frames_per_second`` (of one worker); null where
    nothing was measured. Of a cause: ``stage``, ``code``, ``message``, ``sequences`` (names).
    """
    return {
        "schema": 1,
        "job": summary.job,
        "folder": str(summary.folder),
        "exit_status": summary.exit_status,
        "counts": {str(state): count for state, count in summary.counts.items()},
        "tasks": {str(state): count for state, count in summary.tasks.items()},
        "sequences": [_sequence_facts(each) for each in summary.sequences],
        "stages": [_stage_facts(each) for each in summary.stages],
        "causes": [{**vars(each), "sequences": list(each.sequences)} for each in summary.causes],
    }


def _sequence_facts(sequence: SequenceSummary) -> dict[str, object]:
    states = {stage: str(state) for stage, state in sequence.stages.items()}
    return {**vars(sequence), "outcome": str(sequence.outcome), "stages": states}


def _stage_facts(stage: StageSummary) -> dict[str, object]:
    return {
        "stage": stage.stage,
        "tasks": stage.tasks,
        "seconds": round(sum(stage.seconds), 3),
        "median_seconds": round(median(stage.seconds), 3) if stage.seconds else None,
        "longest_seconds": round(max(stage.seconds), 3) if stage.seconds else None,
        "peak_bytes": max(stage.peak_bytes, default=None),
        "frames": stage.frames,
        "frames_per_second": stage.frames_per_second,
    }


def sequence_table(sequences: Sequence[SequenceSummary]) -> list[str]:
    """A line for each sequence: how it ended and why; nothing of none."""
    rows = [("sequence", "outcome", "status", "step", "what")]
    for each in sequences:
        status = "" if each.exit_status is None else str(each.exit_status)
        rows.append((each.sequence, str(each.outcome), status, each.step, _shortened(each.message)))
    return text_table(rows) if sequences else []


def _stage_table(stages: Sequence[StageSummary]) -> list[str]:
    rows = [("stage", "tasks", "time in all", "a task", "longest", "memory", "frames/s per worker")]
    for each in stages:
        if each.tasks:
            usual, longest = duration(median(each.seconds)), duration(max(each.seconds))
            peak, speed = memory(max(each.peak_bytes, default=0)), rate(each.frames_per_second)
            rows.append(
                (each.stage, str(each.tasks), duration(sum(each.seconds)), usual, longest, peak, speed)
            )
    return text_table(rows) if len(rows) > 1 else []


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
