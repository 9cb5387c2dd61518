"""Progress over work of several kinds."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from calibration.boards.detection import Progress


@dataclass
class Steps:
    """Counts the steps of different kinds of work as those of one.

    Attributes:
        progress: told (done, total, what); None tells nobody.
        total: how many steps there may be.
    """

    progress: Progress | None
    total: int
    _done: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def step(self, label: str) -> None:
        """One step is done; may be called by any thread."""
        with self._lock:
            self._done = min(self._done + 1, self.total)
            if self.progress is not None:
                self.progress(self._done, self.total, label)

    def of_many(self, done: int, total: int, label: str) -> None:
        """The same, to be called as a :data:`Progress` by work that has steps of its own."""
        self.step(label)

    def finish(self, label: str) -> None:
        """All steps are done, those that were not needed too."""
        self._done = self.total
        if self.progress is not None:
            self.progress(self.total, self.total, label)
