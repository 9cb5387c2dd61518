"""One worker at a time at a step of a shoot, wherever it is started again."""

from __future__ import annotations

import logging
from pathlib import Path

from jobs.tasks import Task
from jobs.workers.attempt import Hands
from pipeline.shoot.shoot import Shoot
from pipeline.stores.lock import alone

log = logging.getLogger(__name__)

FOLDER = Path(".vultus") / "steps"
"""Below the folder of the results."""


def hold_step(shoot: Shoot, task: Task, hands: Hands) -> None:
    """Hold a step until the receipt of this attempt is written; another worker that is at it is waited for.

    Raises:
        InputError: the folder of the results cannot be written.
        CancelledRunError, WorkerLeavingError: asked to stop while waiting.
    """
    hands.held.enter_context(alone(step_folder(shoot, task.stage, task.frames), _Waiting(task, hands)))


def step_folder(shoot: Shoot, stage: str, frames: str) -> Path:
    """The folder that is held while a step is done, by workers and by tasks of a farm without Dask."""
    return shoot.output / FOLDER / (f"{stage}.{frames}" if frames else stage)


class _Waiting:
    """Says once that another worker is at the same step, and lets a cancellation through."""

    def __init__(self, task: Task, hands: Hands) -> None:
        self.task, self.hands, self.said = task, hands, False

    def __call__(self) -> None:
        if not self.said:
            log.info("Another worker is at %s; waiting for it", self.task.key)
            self.said = True
        self.hands.progress.check()
