"""Running a job from its request: its folder, its ledger, its cluster, and the summary at its end."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.errors import InputError
from jobs.clusters.opening import open_cluster
from jobs.clusters.profile import ClusterProfile, read_profile
from jobs.conducting import duties
from jobs.conducting.assignment import Functions
from jobs.conducting.conductor import conduct
from jobs.conducting.desk import Job, Limits
from jobs.conducting.verdict import JobOutcome
from jobs.estimates import Estimates
from jobs.records.ledger import Ledger
from jobs.records.request import JobRequest
from jobs.records.running_notes import sweep_notes
from jobs.sequences import name_sequences
from jobs.tasks import State
from jobs.watching.summaries import write_summaries
from jobs.watching.terminal import watching

if TYPE_CHECKING:
    from jobs.watching.summary import JobSummary


def run_job(request: JobRequest) -> tuple[JobOutcome, JobSummary]:
    """Do a job, or what is left of it, and leave its summaries in its folder.

    Args:
        request: what is asked for.

    Returns:
        how it ended, and the summary.

    Raises:
        UsageError: another client is at this job, or the cluster's profile makes no sense.
        InputError, DiskError: the job's folder cannot be written.
        VultusError: the cluster does not start, or its scheduler was lost and did not come back.
    """
    profile = read_profile(
        request.cluster, Path(request.profile) if request.profile else None, request.workers
    )
    folder = Path(request.context.folder)
    with Ledger(folder) as ledger:
        request = replace(request, context=replace(request.context, run=_run(ledger, request)))
        ledger.begin(request)
        sweep_notes(folder)
        with watching(folder) as watch, open_cluster(profile, watch.said) as cluster:
            outcome = conduct(_job(request, profile, ledger), cluster, ledger, watch)
    return outcome, write_summaries(folder, outcome.exit_status if outcome.stopped else None)


def _job(request: JobRequest, profile: ClusterProfile, ledger: Ledger) -> Job:
    failures = profile.failures
    sequences = name_sequences(request.shoots, Path(request.context.current))
    return Job(
        tuple(each for each in sequences if not request.only or each.name in request.only),
        request.context,
        Functions(duties.survey, duties.execute, Estimates(ledger)),
        run=secrets.token_hex(8),
        limits=Limits(retries=failures.retries, deaths=failures.allowed + 1),
    )


def _run(ledger: Ledger, request: JobRequest) -> str:
    """An identity of this run; one that does all again and did not come to its end is gone on with."""
    try:
        before = ledger.request().context
    except InputError:
        return secrets.token_hex(8)
    if not (before.force and request.context.force):
        return secrets.token_hex(8)
    names = {each.name for each in name_sequences(request.shoots, Path(request.context.current))}
    ended = {
        each.key for each in ledger.receipts() if each.run == before.run and each.state is not State.CANCELLED
    }
    open_tasks = [task for task in ledger.tasks() if task.sequence in names and task.key not in ended]
    return before.run if open_tasks else secrets.token_hex(8)
