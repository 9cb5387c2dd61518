"""What a job consists of: tasks, and the receipt of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SURVEY = "survey"
"""The stage of a task that looks at the footage of a sequence, before its steps are known."""


@dataclass(frozen=True)
class Work:
    """How large a task is, for estimates of its time and memory.

    Attributes:
        frames: of the task.
        cameras: of the shoot.
        landmarks: per image.
        pixels: of one image.
    """

    frames: int = 0
    cameras: int = 0
    landmarks: int = 0
    pixels: int = 0


@dataclass(frozen=True)
class Task:
    """One step of one sequence.

    Attributes:
        sequence: name of the sequence, unique in the job.
        shoot: the absolute path that it was asked for by.
        stage: of :data:`pipeline.steps.WHOLE`, or :data:`SURVEY`.
        frames: the chunk; empty for the whole stage.
        needs: keys of the tasks that must have ended well before it.
        after: keys of the tasks that must have ended before it, however they did.
        work: its size.
    """

    sequence: str
    shoot: str
    stage: str
    frames: str = ""
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    work: Work = field(default_factory=Work)

    @property
    def step(self) -> str:
        """The name of the step in its shoot, such as ``detect 1001-1240``."""
        return f"{self.stage} {self.frames}".rstrip()

    @property
    def key(self) -> str:
        """Unique in the job, such as ``take1/detect 1001-1240``."""
        return f"{self.sequence}/{self.step}"


class State(StrEnum):
    """What became of a task."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CURRENT = "current"
    """It was found up to date, and nothing was done."""
    PARTIAL = "partial"
    """Done, but some frames failed or the solver did not reach its gate; the exit status says which."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried, because one that it needs failed."""
    CANCELLED = "cancelled"


ENDED_WELL = frozenset({State.DONE, State.CURRENT, State.PARTIAL})
ENDED = ENDED_WELL | {State.FAILED, State.SKIPPED, State.CANCELLED}


@dataclass(frozen=True)
class Receipt:
    """What became of a task, and where: it travels from the worker, and lies in the job's folder.

    Attributes:
        key: of the task.
        sequence, stage, frames: as in the task.
        state: one of :data:`ENDED`.
        exit_status: as ``vultus run`` would leave with.
        code: of the error's kind, such as "input" or "disk"; empty where there was none.
        message: in words.
        attempt: 1 for the first.
        host, worker, process: where it ran.
        started: ISO 8601 in UTC, by the clock of the disk with the job's folder, the same for all;
            by the worker's own where that could not be told. To be shown; nothing is decided by it.
        seconds: it took, by a clock that only goes forward.
        cpu_seconds: of all threads.
        peak_bytes: the most memory that the process held during the task; 0 where it cannot be told.
        inputs: fingerprint of settings and inputs.
        versions: of vultus and the libraries that the result depends on.
        work: the size of the task.
        output: what it wrote.
        log: its log file, relative to the job's folder.
        run: as in the job's context.
    """

    key: str
    sequence: str
    stage: str
    frames: str
    state: State
    exit_status: int = 0
    code: str = ""
    message: str = ""
    attempt: int = 1
    host: str = ""
    worker: str = ""
    process: int = 0
    started: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    inputs: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    work: Work = field(default_factory=Work)
    output: str = ""
    log: str = ""
    run: str = ""


@dataclass(frozen=True)
class Survey:
    """What a worker found of a shoot. The client reads it, so it stands apart from what looks.

    Attributes:
        sequence, shoot: as in the task.
        receipt: of the survey; it says why where it failed.
        tasks: the steps of the shoot, each after those that it needs; empty where the survey failed.
        rig: the same for all sequences that share a calibration, which is made but once; empty for others.
    """

    sequence: str
    shoot: str
    receipt: Receipt
    tasks: tuple[Task, ...] = ()
    rig: str = ""


@dataclass(frozen=True)
class JobContext:
    """What a worker has to know of the job, beside its task.

    Attributes:
        job: its identity.
        folder: of the job: ledger, receipts, logs; absolute, and seen by all workers.
        current: the user's current folder, in which shoot files of read-only footage lie.
        device: instead of the shoot files'.
        output: not empty where results go to ``output/<sequence>`` instead of where the shoot file says.
        force: do again what is up to date, but once in a run.
        run: an identity that no other run of the job has, unless it goes on with that one.
    """

    job: str
    folder: str
    current: str
    device: str | None = None
    output: str = ""
    force: bool = False
    run: str = ""
