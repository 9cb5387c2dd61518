"""How large tasks are beside each other, for progress and estimates of time."""

from __future__ import annotations

from jobs.tasks import Task

_BY_IMAGE = frozenset({"detect", "overlay"})
_BY_FRAME = frozenset({"fit", "export"})

USUAL_SECONDS = {"detect": 0.1, "overlay": 0.05, "fit": 0.2, "export": 0.05, "calibrate": 5.0, "report": 2.0}
"""Of one unit of a stage on a common machine: it weighs stages in the progress until they are measured, and
is never a promise of time."""

OTHERS_SECONDS = 1.0


def units(task: Task) -> float:
    """The size of a task: images for stages that look at each, frames for those that take them together,
    else 1; at least 1."""
    cameras = max(1, task.work.cameras) if task.stage in _BY_IMAGE else 1
    counted = task.stage in _BY_IMAGE | _BY_FRAME
    return float(max(1, new_frames(task) * cameras)) if counted else 1.0


def new_frames(task: Task) -> int:
    """The frames that a task works on; none where it only puts together what the chunks of its stage did."""
    chunk = f"{task.sequence}/{task.stage} "
    return 0 if any(need.startswith(chunk) for need in task.needs) else task.work.frames
