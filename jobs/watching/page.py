"""A job's summary as one HTML page that works from disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from jobs.tasks import Receipt, State
from jobs.watching.boxes import Box, boxes
from jobs.watching.log_tail import tail
from jobs.watching.summary import JobSummary, SequenceSummary, StageSummary
from jobs.watching.summary_text import verdict
from jobs.watching.timeline import timeline
from jobs.watching.words import duration, memory, rate

_LOG_LINES = 15
_LOGS = 50
_SHEET = Path("overlay") / "sheet.jpg"
_REPORT = Path("report.html")
_MARKS = {
    State.DONE: "\u2713",
    State.CURRENT: "\u2713",
    State.PARTIAL: "!",
    State.FAILED: "\u2715",
    State.SKIPPED: "\u2013",
    State.CANCELLED: "\u25a0",
    State.RUNNING: "\u25b8",
    State.WAITING: "\u00b7",
}


@dataclass(frozen=True)
class _Sequence:
    """A sequence with what the page shows of it; links are relative, and empty where there is nothing."""

    facts: SequenceSummary
    time: str
    picture: str
    report: str
    results: str
    log: str
    log_lines: tuple[str, ...]


@dataclass(frozen=True)
class _Stage:
    facts: StageSummary
    whole: str
    usual: str
    longest: str
    seconds: Box | None
    memory: str
    peaks: Box | None
    speed: str


def job_page(summary: JobSummary, receipts: Mapping[str, Receipt]) -> str:
    """The page.

    Args:
        summary: of the job; links lead from its folder to the results, relative.
        receipts: for the timeline, by key.
    """
    environment = Environment(
        loader=PackageLoader("jobs.watching", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    sequences = [
        _shown(each, summary.folder, with_log=index < _LOGS) for index, each in enumerate(summary.sequences)
    ]
    return environment.get_template("page.html.j2").render(
        summary=summary,
        verdict=verdict(summary),
        counts={state: summary.counts[state] for state in State if summary.counts[state]},
        marks=_MARKS,
        missing=[each for each in sequences if each.facts.outcome is not State.DONE],
        sequences=sequences,
        by_name={each.facts.sequence: each for each in sequences},
        stages=_stages(summary.stages),
        timeline=timeline(receipts.values()),
        duration=duration,
    )


def _shown(sequence: SequenceSummary, folder: Path, *, with_log: bool) -> _Sequence:
    results = Path(sequence.results) if sequence.results else None
    failed = sequence.outcome is State.FAILED
    lines = tail(folder / sequence.log, _LOG_LINES) if failed and with_log and sequence.log else []
    return _Sequence(
        facts=sequence,
        time=duration(sum(sequence.seconds.values())) if sequence.seconds else "-",
        picture=_link(results / _SHEET, folder) if results else "",
        report=_link(results / _REPORT, folder) if results else "",
        results=_link(results, folder) if results else "",
        log=_link(folder / sequence.log, folder) if sequence.log else "",
        log_lines=tuple(lines),
    )


def _link(path: Path, folder: Path) -> str:
    """From the page to a file, if it is there."""
    if not path.exists():
        return ""
    return quote(Path(os.path.relpath(path, folder)).as_posix())


def _stages(stages: Sequence[StageSummary]) -> list[_Stage]:
    worked = [each for each in stages if each.tasks]
    seconds, peaks = boxes(each.seconds for each in worked), boxes(each.peak_bytes for each in worked)
    return [
        _Stage(
            facts=each,
            whole=duration(sum(each.seconds)),
            usual=duration(median(each.seconds)),
            longest=duration(max(each.seconds)),
            seconds=of_time,
            memory=memory(max(each.peak_bytes, default=0)),
            peaks=of_memory,
            speed=rate(each.frames_per_second),
        )
        for each, of_time, of_memory in zip(worked, seconds, peaks, strict=True)
    ]
