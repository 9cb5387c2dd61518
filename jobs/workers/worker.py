"""Doing a task of a job on a worker.

A task is safe to be done again at any moment, by several workers at once too: its step is locked, its results
are files that get their names when they are whole, and what is up to date is not done again. So it does not
matter whether a process was killed before or after it published a result or wrote its receipt.
"""

from __future__ import annotations

from jobs.conducting.graph import left_out
from jobs.tasks import ENDED_WELL, JobContext, Receipt, State, Task
from jobs.workers.attempt import Ending, Hands, attempt
from jobs.workers.provenance import inputs_fingerprint
from jobs.workers.step_lock import hold_step
from jobs.workers.survey import survey
from jobs.workers.task_shoot import open_shoot
from pipeline.shoot.shoot import Shoot
from pipeline.steps import StepDone, run_step
from pipeline.stores.outcome import read_outcome

__all__ = ["execute", "survey"]


def execute(task: Task, context: JobContext, *needed: Receipt) -> Receipt:
    """Do a task, if those that it needs have ended well.

    Args:
        task: of any stage but the survey.
        context: of the job.
        needed: receipts of the tasks that it needs or comes after.

    Returns:
        what became of it: a failure is a receipt too, and so is a task that is not tried.

    Raises:
        PassingTroubleError, Reschedule: as of :func:`jobs.workers.attempt.attempt`.
    """
    missing = [each for each in needed if each.key in task.needs and each.state not in ENDED_WELL]
    if missing:
        return attempt(task, context, lambda hands: _left_out(task, missing[0]))
    return attempt(task, context, lambda hands: _done(task, context, hands))


def _left_out(task: Task, cause: Receipt) -> Ending:
    told = left_out(task, cause)
    return Ending(told.state, told.exit_status, told.code, told.message)


def _done(task: Task, context: JobContext, hands: Hands) -> Ending:
    shoot = open_shoot(task, context)
    hold_step(shoot, task, hands)
    step = run_step(shoot, task.stage, task.frames, progress=hands.progress)
    state = State.DONE if step.worked else State.CURRENT
    if task.stage == "report":
        return _reported(shoot, step, state)
    inputs = inputs_fingerprint(shoot.output, task.stage, step.path)
    return Ending(state, output=str(step.path), inputs=inputs)


def _reported(shoot: Shoot, step: StepDone, state: State) -> Ending:
    """The report's ending is that of its shoot."""
    outcome = read_outcome(shoot)
    message = f"{outcome.frames} frames, {outcome.reprojection_px:.2f} px"
    if outcome.failures:
        message += f", {len(outcome.failures)} failed"
    message += "".join(f"; {line}" for line in (*outcome.warnings, *outcome.drift, *outcome.unreliable))
    status = outcome.exit_status
    return Ending(
        State.PARTIAL if status else state,
        status,
        message=message,
        output=str(step.path),
        inputs=inputs_fingerprint(shoot.output, "fit", shoot.performance_file),
    )
