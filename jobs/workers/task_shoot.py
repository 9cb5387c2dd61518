"""The shoot of a task, as its job wants it."""

from __future__ import annotations

from pathlib import Path

from jobs.tasks import JobContext, Task
from pipeline.shoot.files import find_shoot
from pipeline.shoot.shoot import Shoot


def open_shoot(task: Task, context: JobContext) -> Shoot:
    """The shoot that a task is of, with the device and the folder of results that the job says.

    The process stays in its own current folder: workers do tasks of several users' folders.

    Raises:
        InputError: there is none, or it makes no sense.
        UsageError: the device makes no sense.
    """
    current = Path(context.current)
    found = find_shoot(current / task.shoot, current)
    # Only detection asks for a GPU. A fit goes to any worker, and has to come to the same bytes on each.
    fit = context.device or ("cpu" if found.settings.fit.device == "auto" else None)
    output = str(current / context.output / task.sequence) if context.output else None
    return found.with_changes(
        shoot={"output": output}, detect={"device": context.device}, fit={"device": fit}
    )
