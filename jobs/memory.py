"""How much memory a task takes, before it is given to a worker: from its size, and from what others took.

The formulas say what each stage holds at once. What they do not know (the images' format, the libraries of a
machine) is made good by what like tasks of the job were measured to take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from jobs.records.ledger import Measure
from jobs.tasks import SURVEY, Task, Work
from pipeline.detection_memory import detect_memory
from pipeline.fit_memory import fit_memory, identity_memory, joining_memory
from pipeline.frames.sources import READ_THREADS

MIB = 1 << 20

PROCESS = 1150 * MIB
"""Of a worker that has done tasks of all stages before (measured: 1152 MiB; 1056 before its first)."""

MARGIN = 1.1
_ALIKE = 4.0  # tasks are, whose sizes differ by less than this factor
_WORST = 4.0  # no task is believed to take more than so many times what its formula says

_PICTURE = 3  # bytes of a pixel
_DECODING = 15  # while it is read: as floats, and as a picture
_OVERLAP = 48  # frames that a stretch is fitted with and that are not its own
_MESH = 5051 * 3 * 8 * 4  # of a frame: vertices and normals, on their way to a file
_FILES = 100 * MIB
_MOVIES = 150 * MIB


def _reading(work: Work) -> int:
    """Images that are decoded at once."""
    return READ_THREADS * _DECODING * work.pixels


def _survey(work: Work) -> int:
    return _DECODING * work.pixels


def _calibrate(work: Work) -> int:
    return _reading(work) + 2 * work.cameras * _PICTURE * work.pixels


def _detect(work: Work) -> int:
    return detect_memory(work.frames, work.cameras, work.landmarks, work.pixels)


def _fit(work: Work) -> int:
    frames = work.frames + _OVERLAP
    return fit_memory(frames, work.cameras, work.landmarks, found_cameras=True)


def _identity(work: Work) -> int:
    return identity_memory(work.frames, work.cameras, work.landmarks)


def _export(work: Work) -> int:
    return _FILES + _MESH * work.frames


def _overlay(work: Work) -> int:
    return _MOVIES + _reading(work) + 4 * _DECODING * work.pixels + _MESH * work.frames


def _report(work: Work) -> int:
    return _MOVIES + 24 * work.frames * work.cameras * work.landmarks


FORMULAS: dict[str, Callable[[Work], int]] = {
    SURVEY: _survey,
    "calibrate": _calibrate,
    "detect": _detect,
    "identity": _identity,
    "fit": _fit,
    "export": _export,
    "overlay": _overlay,
    "report": _report,
}
"""Bytes that each stage holds besides the process itself."""


def estimate(task: Task, measured: Iterable[Measure] = ()) -> int:
    """The most memory that a task will hold, in bytes, its worker process included.

    Args:
        task: of any stage.
        measured: what tasks of the same stage took; those alike correct the formula upwards, never down.
    """
    formula, held = FORMULAS[task.stage], _held(task)
    ratios = [
        each.peak_bytes / (PROCESS + formula(each.work))
        for each in measured
        if each.peak_bytes and _alike(formula(each.work), held)
    ]
    ratio = min(_WORST, max([1.0, *ratios]))
    return int(MARGIN * ratio * (PROCESS + held))


def _held(task: Task) -> int:
    """What a task holds besides its process: a fit that puts stretches together does not fit all at once."""
    work, stretch = task.work, f"{task.sequence}/fit "
    stretches = sum(need.startswith(stretch) for need in task.needs) if task.stage == "fit" else 0
    if not stretches:
        return FORMULAS[task.stage](work)
    longest = replace(work, frames=-(-work.frames // stretches))
    return _fit(longest) + joining_memory(work.frames, work.cameras, work.landmarks)


def advice(task: Task) -> str:
    """What to do about a task that no worker has the memory for, as a sentence without its full stop."""
    if task.stage == "fit":
        smaller = "Fit it in shorter chunks ([fit] chunk), or find fewer landmarks ([detect] layout)"
    elif task.stage in ("detect", "identity"):
        smaller = "Find fewer landmarks ([detect] layout)"
    else:
        smaller = "Run fewer frames at once ([shoot] frames)"
    return f"{smaller}, or give the workers more memory: fewer of them on each machine"


def _alike(one: int, other: int) -> bool:
    return max(one, other) <= _ALIKE * min(one, other)
