"""Where a job stands, as text and as JSON, from its record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from calibration.text_table import text_table
from jobs.records.running_notes import RunningNote
from jobs.tasks import State
from jobs.watching.pace import Pace
from jobs.watching.record import JobRecord
from jobs.watching.standing import Standing
from jobs.watching.summary import JobSummary
from jobs.watching.summary_text import sequence_table, summary_facts, verdict
from jobs.watching.words import failure_line
from pipeline.exit_status import DONE, PARTIAL

_ROWS = 40
_FAILURES = 20


def status_lines(record: JobRecord, summary: JobSummary) -> list[str]:
    """What is done, what runs where, what failed and why, and where the logs are."""
    standing = record.standing()
    lines = [verdict(summary), whose_turn(record, summary)]
    lines += _section("", _table(standing, summary))
    lines += _section("Running:", _note_table(record.running()))
    lines += _section("Lost with their workers, to be done again:", _note_table(record.lost()))
    lines += _section("Failed:", _failures(record))
    lines += _section("", sequence_table([each for each in summary.sequences if each.outcome in _TOLD]))
    return [*lines, "", f"Logs: {record.folder / 'logs'}"]


_TOLD = (State.PARTIAL, State.CANCELLED)


def whose_turn(record: JobRecord, summary: JobSummary) -> str:
    """Whether somebody works at the job, and what to do if nobody does."""
    if summary.exit_status is not None and not record.client:
        return "The job is at its end"
    if record.client:
        stopping = "; it was asked to stop" if record.cancellation.whole else ""
        return f"The job is running{stopping}; {_percent(record.standing())}% of the work is behind it"
    if record.client is None and record.running():
        return "Workers are at the job"
    return f"Nobody is at the job, and it is not at its end. Go on with: vultus jobs retry {record.folder}"


def status_of(record: JobRecord, summary: JobSummary) -> int:
    """The exit status of ``vultus jobs status``: the job's; 0 while it runs, 4 if it was left as it is."""
    if record.client or record.running():
        return DONE
    return PARTIAL if summary.exit_status is None else summary.exit_status


def status_facts(record: JobRecord, summary: JobSummary) -> dict[str, object]:
    """As :func:`jobs.watching.summary_text.summary_facts`, and what is so at the moment besides.

    Keys: ``client`` (whether one runs the job; null where it cannot be told), ``percent`` of the work,
    ``running`` and ``lost`` (tasks, each with ``key``, ``attempt``, ``host``, ``worker``, ``process`` and
    ``log``; lost ones were killed with their workers and have not been taken up since), ``cancelled`` (null,
    "job", or names of sequences that were asked to stop).
    """
    asked = record.cancellation
    return {
        **summary_facts(summary),
        "client": record.client,
        "percent": _percent(record.standing()),
        "running": [asdict(note) for note in record.running()],
        "lost": [asdict(note) for note in record.lost()],
        "cancelled": "job" if asked.whole else sorted(asked.sequences) or None,
    }


def fraction_done(record: JobRecord) -> float:
    """Of the work of a job, 0 to 1."""
    return Pace(record.standing(), 0.0).fraction()


def _percent(standing: Standing) -> int:
    return 100 if not standing.left else min(99, int(100 * Pace(standing, 0.0).fraction()))


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", *([title] if title else []), *lines] if lines else []


def _table(standing: Standing, summary: JobSummary) -> list[str]:
    """Sequences that are neither done nor waiting, by stages."""
    stages = list(standing.stages)
    shown = [each for each in summary.sequences if each.outcome in (State.FAILED, State.RUNNING)]
    if not shown:
        return []
    rows = [("sequence", *stages)]
    for each in shown[:_ROWS]:
        cells = standing.sequences[each.sequence].cells
        rows.append(
            (each.sequence, *(_word(cells[s].state, cells[s].percent) if s in cells else "" for s in stages))
        )
    more = [f"... and {len(shown) - _ROWS} more"] if len(shown) > _ROWS else []
    return [*text_table(rows), *more]


def _word(state: State, percent: int) -> str:
    return {State.RUNNING: f"{percent}%", State.WAITING: ".", State.SKIPPED: "-", State.CURRENT: "done"}.get(
        state, str(state)
    )


def _note_table(notes: Iterable[RunningNote]) -> list[str]:
    rows = [("task", "where", "process", "attempt", "log")]
    for note in sorted(notes, key=lambda note: note.key):
        where = f"{note.host} {note.worker}".rstrip()
        rows.append((note.key, where, str(note.process), str(note.attempt), note.log))
    return text_table(rows) if len(rows) > 1 else []


def _failures(record: JobRecord) -> list[str]:
    failed = [each for each in record.receipts.values() if each.state is State.FAILED]
    lines = [f"{failure_line(each)}{f' [{each.code}]' if each.code else ''}" for each in failed[:_FAILURES]]
    return lines + ([f"... and {len(failed) - _FAILURES} more"] if len(failed) > _FAILURES else [])
