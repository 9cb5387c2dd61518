"""The steps of a shoot: what is done, in what order, as a whole or in chunks of frames.

``vultus run`` goes through them in one process, ``vultus jobs`` on a cluster, and ``vultus jobs plan`` writes
them down as command lines: one list, so that all three do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from calibration.errors import UsageError
from pipeline.progress import WAITING, Progress, silent
from pipeline.shoot.shoot import Shoot
from pipeline.stages import calibrate, detect, export, fit, overlay, report


class StageFunction(Protocol):
    """A stage as a whole. It calls ``progress`` when it works, and never when it finds its result current."""

    def __call__(self, shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
        """Do the stage and return what it wrote."""
        ...


WHOLE: dict[str, StageFunction] = {
    "calibrate": calibrate.main,
    "detect": detect.main,
    "identity": fit.identity,
    "fit": fit.main,
    "export": export.main,
    "overlay": overlay.main,
    "report": report.main,
}
"""The stages, in their order."""

ChunkFunction = Callable[[Shoot, str, Progress], Path]

CHUNKS: dict[str, ChunkFunction] = {"detect": detect.chunk, "fit": fit.chunk}
"""How a chunk of frames of a stage is done; the stage as a whole puts its chunks together."""

SHARES = {"calibrate": 0.05, "detect": 0.5, "fit": 0.25, "export": 0.05, "overlay": 0.13, "report": 0.02}
"""Of the whole work, roughly, for the progress, where one process does it all; the fit finds the identity."""


@dataclass(frozen=True)
class Step:
    """A stage of a shoot, or a chunk of it.

    Attributes:
        stage: a name of :data:`WHOLE`.
        frames: the frame range of a chunk; empty for the stage as a whole, which puts chunks together.
        needs: names of the steps that come before it.
    """

    stage: str
    frames: str = ""
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Unique in a shoot, such as ``detect`` or ``detect 1001-1240``."""
        return f"{self.stage} {self.frames}".rstrip()


@dataclass(frozen=True)
class StepDone:
    """What a step came to.

    Attributes:
        path: what it wrote.
        worked: whether it did anything; otherwise its result was up to date.
    """

    path: Path
    worked: bool


def shoot_steps(shoot: Shoot) -> tuple[Step, ...]:
    """The steps of a shoot, each after those that it needs.

    Raises:
        InputError: the images are missing.
    """
    parts = tuple(Step("detect", frames, needs=("calibrate",)) for frames in detect.chunks(shoot))
    return (
        Step("calibrate"),
        *parts,
        Step("detect", needs=tuple(part.name for part in parts) or ("calibrate",)),
        *_fit_steps(shoot),
        Step("export", needs=("fit",)),
        Step("overlay", needs=("fit",)),
        Step("report", needs=("export", "overlay")),
    )


def _fit_steps(shoot: Shoot) -> tuple[Step, ...]:
    """The fit; of a long take what all frames share, then stretches of it."""
    parts = tuple(Step("fit", frames, needs=("identity",)) for frames in fit.chunks(shoot))
    if not parts:
        return (Step("fit", needs=("detect",)),)
    whole = Step("fit", needs=tuple(part.name for part in parts))
    return (Step("identity", needs=("detect",)), *parts, whole)


def check(shoot: Shoot) -> None:
    """Refuse settings that a later step would stumble over, before any work is done.

    Raises:
        UsageError: there is no such layout, format or topology.
        InputError: the weights are missing.
    """
    detect.check(shoot)
    export.check(shoot)


def run_step(
    shoot: Shoot, stage: str, frames: str = "", *, force: bool = False, progress: Progress = silent
) -> StepDone:
    """Do one step; what is up to date is not done again.

    Args:
        shoot: whose step it is.
        stage: a name of :data:`WHOLE`.
        frames: a chunk of the shoot's frames; the whole stage if empty.
        force: do it again all the same.
        progress: of the step.

    Raises:
        UsageError: there is no such stage, or it has no chunks; or a chunk is forced.
        VultusError: whatever the stage raises.
    """
    check_step(stage, frames, force)
    noting = _Noting(progress)
    if frames:
        path = CHUNKS[stage](shoot, frames, noting)
    else:
        path = WHOLE[stage](shoot, force=force, progress=noting)
    return StepDone(path, noting.called)


def check_step(stage: str, frames: str, force: bool) -> None:
    """Refuse what is no step.

    Raises:
        UsageError: there is no such stage, or it has no chunks; or a chunk is forced.
    """
    if stage not in WHOLE:
        raise UsageError(f"'{stage}' is not a stage", fix=f"There are {', '.join(WHOLE)}")
    if frames and stage not in CHUNKS:
        raise UsageError(
            f"The stage {stage} is not done in chunks of frames",
            fix=f"Leave the frames out; {' and '.join(CHUNKS)} can be done in chunks",
        )
    if frames and force:
        raise UsageError(
            "A chunk of frames is not done again by force", fix="Force the stage as a whole, without frames"
        )


class _Noting:
    """A progress that notes whether it was called."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.called = progress, False

    def __call__(self, done: int, total: int, label: str) -> None:
        self.called |= label != WAITING
        self.progress(done, total, label)
