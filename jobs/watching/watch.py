"""What a conductor tells whoever watches its job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from jobs.tasks import Receipt, Task


class Watch(Protocol):
    """Told of everything that happens in a job, in the order in which it happens, from one thread."""

    def planned(self, tasks: Sequence[Task]) -> None:
        """Tasks have joined the job; those of a sequence come when its survey has ended."""
        ...

    def started(self, key: str, worker: str) -> None:
        """A task runs on a worker, where that is known; again if it is tried again."""
        ...

    def progressed(self, key: str, fraction: float) -> None:
        """A running task is so far, 0 to 1, where it tells."""
        ...

    def ended(self, receipt: Receipt) -> None:
        """A task has come to its end."""
        ...

    def found(self, receipts: Sequence[Receipt]) -> None:
        """These planned tasks had ended before this run of the job, and are not done again."""
        ...

    def workers(self, alive: int) -> None:
        """So many workers there are now."""
        ...

    def said(self, text: str) -> None:
        """Something that a person should read, in one line."""
        ...

    def check(self) -> None:
        """Look whether the work shall stop, and redraw if it is time to; to be called a few times a second.

        Raises:
            InterruptedRunError: the user or the machine asks for an end.
        """
        ...


class Unwatched:
    """A watch that looks away."""

    def planned(self, tasks: Sequence[Task]) -> None:
        """Pass by."""

    def started(self, key: str, worker: str) -> None:
        """Pass by."""

    def progressed(self, key: str, fraction: float) -> None:
        """Pass by."""

    def ended(self, receipt: Receipt) -> None:
        """Pass by."""

    def found(self, receipts: Sequence[Receipt]) -> None:
        """Pass by."""

    def workers(self, alive: int) -> None:
        """Pass by."""

    def said(self, text: str) -> None:
        """Pass by."""

    def check(self) -> None:
        """Never stop."""
