"""All that a job's folder tells of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.records.cancelling import Cancellation
from jobs.records.running_notes import Life, RunningNote
from jobs.tasks import Receipt, Task
from jobs.watching.standing import Standing


@dataclass(frozen=True)
class JobRecord:
    """What is known of a job at a moment.

    Attributes:
        folder: of the job.
        shoots: path of each sequence, by its name, in the order in which they were asked for.
        tasks: those that are planned.
        receipts: of the tasks that have ended, by key.
        notes: what workers say they run, and whether they live.
        cancellation: what has been asked to stop.
        client: whether a client runs the job now; None where that cannot be told.
    """

    folder: Path
    shoots: Mapping[str, str]
    tasks: Sequence[Task]
    receipts: Mapping[str, Receipt]
    notes: Sequence[tuple[RunningNote, Life]] = ()
    cancellation: Cancellation = field(default_factory=Cancellation)
    client: bool | None = None

    @property
    def job(self) -> str:
        """Its name."""
        return self.folder.name

    def standing(self) -> Standing:
        """The same, counted."""
        standing = Standing()
        standing.plan(self.tasks)
        for receipt in self.receipts.values():
            standing.end(receipt)
        for note in self.running():
            standing.start(note.key, note.worker or note.host)
        return standing

    def running(self) -> list[RunningNote]:
        """The tasks that run now, as far as can be told: those whose process is known to be gone are not."""
        keys = {task.key for task in self.tasks}
        return [note for note, life in self.notes if life is not Life.LOST and note.key in keys]

    def lost(self) -> list[RunningNote]:
        """The tasks whose process was killed, and that nobody has taken up since."""
        taken_up = {note.key for note in self.running()} | set(self.receipts)
        return [note for note, life in self.notes if life is Life.LOST and note.key not in taken_up]
