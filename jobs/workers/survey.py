"""Looking at a shoot, on a worker: which steps it has, and how large they are."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from detector.layouts import layout
from fitting.head_models.store import find_head_model
from jobs.records.receipts import read_receipt, receipt_file
from jobs.tasks import ENDED_WELL, JobContext, State, Survey, Task, Work
from jobs.workers.attempt import Ending, Hands, attempt
from jobs.workers.step_lock import hold_step
from jobs.workers.task_shoot import open_shoot
from pipeline.forgetting import forget
from pipeline.frames.ranges import format_frames, parse_frames
from pipeline.shoot.shoot import Shoot
from pipeline.steps import WHOLE, Step, check, shoot_steps
from pipeline.stores.fingerprint import file_digest


def survey(task: Task, context: JobContext) -> Survey:
    """Look at the footage of a shoot: which files there are, and one image; and check its settings.

    Where the job shall do again what is up to date, the results are removed, so that every step does its
    work once.

    Args:
        task: of stage :data:`jobs.tasks.SURVEY`.
        context: of the job.

    Raises:
        PassingTroubleError, Reschedule: as of :func:`jobs.workers.attempt.attempt`.
    """
    found: list[tuple[tuple[Task, ...], str]] = []

    def look(hands: Hands) -> Ending:
        shoot = open_shoot(task, context)
        hold_step(shoot, task, hands)
        check(shoot)
        whole = _work(shoot)
        tasks = tuple(_task(task, step, shoot, whole) for step in shoot_steps(shoot))
        _forget_once(shoot, task, context)
        found.append((tasks, _shared_rig(shoot)))
        frames = f"{len(shoot.camera_names)} cameras, {whole.frames} frames: {format_frames(shoot.frames)}"
        inputs = file_digest(shoot.file)
        return Ending(State.DONE, message=frames, output=str(shoot.output), inputs=inputs, work=whole)

    receipt = attempt(task, context, look)
    tasks, rig = found[0] if found else ((), "")
    return Survey(task.sequence, task.shoot, receipt, tasks, rig)


def _forget_once(shoot: Shoot, task: Task, context: JobContext) -> None:
    """Let go of what was done, where it shall be done again: once in a run, however often this is started."""
    before = read_receipt(receipt_file(Path(context.folder), task.key))
    surveyed = before is not None and before.run == context.run and before.state in ENDED_WELL
    if context.force and not surveyed:
        forget(shoot, WHOLE)


def _task(survey_task: Task, step: Step, shoot: Shoot, whole: Work) -> Task:
    sequence = survey_task.sequence
    work = whole
    if step.frames:
        work = replace(whole, frames=len(set(parse_frames(step.frames)).intersection(shoot.frames)))
    needs = tuple(f"{sequence}/{name}" for name in step.needs)
    return Task(sequence, survey_task.shoot, step.stage, step.frames, needs, work=work)


def _work(shoot: Shoot) -> Work:
    width, height = next(iter(shoot.sources.values())).size
    landmarks = _landmarks(shoot.layout, shoot.settings.fit.model)
    return Work(len(shoot.frames), len(shoot.camera_names), landmarks, width * height)


@lru_cache(maxsize=16)
def _landmarks(name: str, model: str) -> int:
    """How many a layout has; to know it, the layout is built."""
    return len(layout(name, find_head_model(model)))


def _shared_rig(shoot: Shoot) -> str:
    choice = shoot.rig_choice
    return str(choice.folder(choice.name)) if choice is not None and choice.made else ""
