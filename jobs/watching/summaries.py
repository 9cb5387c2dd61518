"""The summaries that are left in a job's folder at its end."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

from calibration.errors import VultusError
from calibration.whole_file import write_text
from jobs.watching.page import job_page
from jobs.watching.reading import read_record
from jobs.watching.summary import JobSummary, summarise
from jobs.watching.summary_text import summary_facts, summary_lines

log = logging.getLogger(__name__)

TEXT, FACTS, PAGE = "summary.txt", "summary.json", "summary.html"


def write_summaries(folder: Path, exit_status: int | None = None) -> JobSummary:
    """Write ``summary.txt``, ``summary.json`` and ``summary.html``, each whole or not at all.

    Where they cannot be written, that is told, and the summary is returned all the same.

    Args:
        folder: of the job.
        exit_status: with which the job was left, where that says more than what became of its sequences.

    Raises:
        InputError: there is no job in the folder.
        DiskError: the ledger cannot be opened.
    """
    record = read_record(folder)
    summary = summarise(record)
    if exit_status is not None:
        summary = replace(summary, exit_status=exit_status)
    facts = json.dumps(summary_facts(summary), indent=1, ensure_ascii=False)
    for name, text in (
        (TEXT, "\n".join(summary_lines(summary))),
        (FACTS, facts),
        (PAGE, job_page(summary, record.receipts)),
    ):
        try:
            write_text(folder / name, f"{text}\n")
        except VultusError as error:
            log.warning("The summary is not left in the job's folder: %s", error)
            break
    return summary


def left_with(summary: JobSummary) -> JobSummary:
    """A summary with the exit status with which the job was left, where nothing has happened since."""
    try:
        facts = json.loads((summary.folder / FACTS).read_text(encoding="utf-8"))
        if facts["tasks"] == summary_facts(summary)["tasks"]:
            return replace(summary, exit_status=facts["exit_status"])
    except (OSError, ValueError, KeyError, TypeError):
        return summary
    return summary
