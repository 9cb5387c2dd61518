"""What workers do for a job, as a client names it: without loading the libraries that do the work."""

from __future__ import annotations

from jobs.tasks import JobContext, Receipt, Survey, Task


def survey(task: Task, context: JobContext) -> Survey:
    """On a worker: :func:`jobs.workers.worker.survey`."""
    from jobs.workers.worker import survey as work

    return work(task, context)


def execute(task: Task, context: JobContext, *needed: Receipt) -> Receipt:
    """On a worker: :func:`jobs.workers.worker.execute`."""
    from jobs.workers.worker import execute as work

    return work(task, context, *needed)
