"""vultus jobs status."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jobs.watching.record import JobRecord
    from jobs.watching.summary import JobSummary

_PAUSE = 2.0
_PAUSE_OF_LOOKS = 10
"""A large job takes long to look at: it is left alone for so many times as long."""


@click.command("status", epilog="Example:  vultus jobs status vultus-jobs/day3 --watch")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")
@click.option("--watch", is_flag=True, help="Look again and again until nobody is at the job.")
@click.pass_context
def command(context: click.Context, folder: Path | None, as_json: bool, watch: bool) -> None:
    """Tell where a job stands: what is done, what runs where, what failed and why.

    FOLDER is a job's folder, or its name below vultus-jobs; without it, the newest job there. Any machine
    that sees the folder can look, while the job runs or after.

    Exit status: 0 all done, or still running; 4 some failed, or it was left before its end; 1 all failed.
    """
    from jobs.watching.reading import find_job
    from jobs.watching.status_text import status_facts, status_lines, status_of

    place = find_job(folder)
    record, summary = _watched(place) if watch else _look(place)
    if as_json:
        click.echo(json.dumps(status_facts(record, summary), indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(status_lines(record, summary)))
    context.exit(status_of(record, summary))


def _look(folder: Path) -> tuple[JobRecord, JobSummary]:
    from jobs.watching.reading import read_record
    from jobs.watching.summaries import left_with
    from jobs.watching.summary import summarise

    record = read_record(folder)
    return record, left_with(summarise(record))


def _watched(folder: Path) -> tuple[JobRecord, JobSummary]:
    """Look until nobody is at the job: on a terminal at what there is, else as lines of progress."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from jobs.watching.status_text import fraction_done, status_lines
    from pipeline.progress import ProgressLines

    lines = ProgressLines()
    console = Console(stderr=True)
    live = Live(console=console, auto_refresh=False, transient=True)
    if sys.stdout.isatty():
        live.start()
    try:
        while True:
            begun = time.monotonic()
            record, summary = _look(folder)
            if live.is_started:
                live.update(
                    Text("\n".join(status_lines(record, summary)[: console.height - 1])), refresh=True
                )
            else:
                lines(int(100 * fraction_done(record)), 100, "")
            if not record.client and not record.running():
                return record, summary
            time.sleep(max(_PAUSE, _PAUSE_OF_LOOKS * (time.monotonic() - begun)))
    finally:
        live.stop()
