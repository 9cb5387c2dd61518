"""What workers do for a job, as a client names it: without loading the libraries that do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.tasks import JobContext, Receipt, Task

if TYPE_CHECKING:
    from jobs.survey import Survey


def survey(task: Task, context: JobContext) -> Survey:
    """On a worker: :func:`jobs.worker.survey`."""
    from jobs.worker import survey as work

    return work(task, context)


def execute(task: Task, context: JobContext, *needed: Receipt) -> Receipt:
    """On a worker: :func:`jobs.worker.execute`."""
    from jobs.worker import execute as work

    return work(task, context, *needed)
