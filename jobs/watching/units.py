"""How large tasks are beside each other, for progress and estimates of time."""

from __future__ import annotations

from jobs.tasks import Work

_BY_IMAGE = frozenset({"detect", "overlay"})
_BY_FRAME = frozenset({"fit", "export"})

USUAL_SECONDS = {"detect": 0.1, "overlay": 0.05, "fit": 0.2, "export": 0.05, "calibrate": 5.0, "report": 2.0}
"""Of one unit of a stage on a common machine: it weighs stages in the progress until they are measured, and
is never a promise of time."""

OTHERS_SECONDS = 1.0


def units(stage: str, work: Work) -> float:
    """The size of a task: images for stages that look at each, frames for those that take them together,
    else 1; at least 1."""
    if stage in _BY_IMAGE:
        return float(max(1, work.frames * max(1, work.cameras)))
    return float(max(1, work.frames)) if stage in _BY_FRAME else 1.0
