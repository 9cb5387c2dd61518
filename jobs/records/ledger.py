"""The ledger of a job: what was asked for, its tasks, and what became of each attempt at them.

The client alone writes it, and anyone may look at it meanwhile. What the workers did does not depend on it:
their receipts lie beside it, and a ledger that is lost or damaged is made again from them.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pydantic import TypeAdapter

from calibration.errors import InputError
from calibration.whole_file import write_bytes
from jobs.records.client_lock import only_client
from jobs.records.ledger_schema import explained, is_damaged, open_to_read, open_to_write
from jobs.records.receipts import RECEIPT, read_receipt, read_receipts, receipt_file
from jobs.records.request import JobRequest
from jobs.tasks import Receipt, State, Task, Work

log = logging.getLogger(__name__)

FILE = "ledger.sqlite"
REQUEST_FILE = "request.json"
"""The request once more, as a text file: it outlives a damaged ledger."""

_TASK: TypeAdapter[Task] = TypeAdapter(Task)
_REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)
_NEWEST = 200


class Measure(NamedTuple):
    """What a task took that was done, not merely found up to date.

    Attributes:
        work: its size.
        seconds: it took.
        peak_bytes: the most memory that its process held.
    """

    work: Work
    seconds: float
    peak_bytes: int


class LedgerView:
    """A ledger to look at, from any machine, whether or not its client is at work.

    Args:
        folder: of the job.

    Raises:
        InputError: there is no job in the folder, or its ledger is damaged.
        DiskError: it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / FILE
        self._rows = self._open()

    def _open(self) -> sqlite3.Connection:
        return open_to_read(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._rows.close()

    def request(self) -> JobRequest:
        """What was asked for last.

        Raises:
            InputError: nothing was yet.
        """
        found = self._select("SELECT request FROM job ORDER BY id DESC LIMIT 1")
        if not found:
            raise InputError("This job was never begun", where=str(self.folder))
        return _REQUEST.validate_json(found[0][0])

    def tasks(self) -> tuple[Task, ...]:
        """All tasks that are known, in the order in which they were added."""
        found = self._select("SELECT task FROM tasks ORDER BY position")
        return tuple(_TASK.validate_json(task) for (task,) in found)

    def states(self) -> dict[str, State]:
        """What became of each task, by its key; those that have not ended are waiting."""
        found = self._select(
            "SELECT tasks.key, attempts.state FROM tasks LEFT JOIN latest ON latest.key = tasks.key "
            "LEFT JOIN attempts ON attempts.id = latest.id ORDER BY tasks.position"
        )
        return {key: State.WAITING if state is None else State(state) for key, state in found}

    def receipts(self, sequence: str | None = None) -> tuple[Receipt, ...]:
        """The last receipt of each task that has ended.

        Args:
            sequence: of this one alone.
        """
        given = () if sequence is None else (sequence,)
        where = "" if sequence is None else "WHERE attempts.sequence = ?"
        return self._receipts(
            f"SELECT receipt FROM attempts JOIN latest USING (id) {where} ORDER BY attempts.id", given
        )

    def attempts(self, key: str) -> tuple[Receipt, ...]:
        """All receipts of a task, the oldest first; retries that came to no receipt are in its log."""
        return self._receipts("SELECT receipt FROM attempts WHERE key = ? ORDER BY attempt, id", (key,))

    def worked(self) -> tuple[Receipt, ...]:
        """The last receipt of the work of each task that has since been found up to date."""
        return self._receipts(
            "SELECT receipt FROM attempts WHERE id IN (SELECT max(attempts.id) FROM attempts "
            "JOIN latest ON latest.key = attempts.key JOIN attempts AS last ON last.id = latest.id "
            "WHERE last.state = ? AND attempts.state IN (?, ?) GROUP BY attempts.key)",
            (State.CURRENT, State.DONE, State.PARTIAL),
        )

    def measured(self, stage: str) -> list[Measure]:
        """What the tasks of a stage took that were done, the newest first, of the last 200."""
        found = self._receipts(
            "SELECT receipt FROM attempts WHERE stage = ? AND state IN (?, ?) ORDER BY id DESC LIMIT ?",
            (stage, State.DONE, State.PARTIAL, _NEWEST),
        )
        return [Measure(each.work, each.seconds, each.peak_bytes) for each in found]

    def _receipts(self, query: str, given: tuple[object, ...]) -> tuple[Receipt, ...]:
        return tuple(RECEIPT.validate_json(receipt) for (receipt,) in self._select(query, given))

    def _select(self, query: str, given: tuple[object, ...] = ()) -> list[tuple[str, ...]]:
        with explained(self.path):
            return self._rows.execute(query, given).fetchall()


class Ledger(LedgerView):
    """A ledger to write to. Each call is one transaction: it is on the disk as a whole or not at all.

    When it is opened, receipts that no client has seen are taken in; a damaged ledger is put aside and made
    again.

    Args:
        folder: of the job; made where it is absent.

    Raises:
        UsageError: another client is at this job.
        InputError: the folder cannot be written, or its ledger is of a newer version.
        DiskError: the disk is full, or the file cannot be opened or locked.
    """

    def __init__(self, folder: Path) -> None:
        with ExitStack() as held:
            held.enter_context(only_client(folder))
            super().__init__(folder)
            held.callback(self._rows.close)
            self._restore_request()
            self.gather()
            self._held = held.pop_all()

    def _open(self) -> sqlite3.Connection:
        if is_damaged(self.path):
            aside = self.path.with_name(f"damaged.{FILE}")
            log.warning("The ledger is damaged; it is kept as %s and made again from the receipts", aside)
            self.path.replace(aside)
        return open_to_write(self.path)

    def close(self) -> None:
        """Let the job go."""
        self._held.close()

    def begin(self, request: JobRequest) -> None:
        """Note what is asked for; what was asked for before is kept too.

        Raises:
            InputError, DiskError: it cannot be written.
        """
        text = _REQUEST.dump_json(request, indent=1)
        write_bytes(self.folder / REQUEST_FILE, text)
        self._note_request(text)

    def add(self, tasks: Iterable[Task]) -> None:
        """Note tasks; one that is known already keeps its place.

        Raises:
            DiskError: it cannot be written.
        """
        query = "INSERT INTO tasks (key, task) VALUES (?, ?) ON CONFLICT DO UPDATE SET task = excluded.task"
        given = [(each.key, _TASK.dump_json(each).decode()) for each in tasks]
        with self._writing() as rows:
            rows.executemany(query, given)

    def record(self, receipts: Iterable[Receipt]) -> None:
        """Note receipts as they come; one that is known already is passed over.

        Raises:
            DiskError: it cannot be written.
        """
        with self._writing() as rows:
            for receipt in receipts:
                if receipt.state is State.CURRENT:
                    self._find_work(rows, receipt.key)
                added = _insert(rows, receipt)
                if added is not None:
                    _set_latest(rows, receipt.key, added)

    def gather(self) -> tuple[Receipt, ...]:
        """Take in the receipts in the job's folder that no client has seen; return them.

        A worker that was given up for lost may have left one, and so may any after the client was killed.
        """
        fresh = []
        with self._writing() as rows:
            for receipt in read_receipts(self.folder):
                added = _insert(rows, receipt)
                if added is None:
                    continue
                fresh.append(receipt)
                if receipt.attempt >= _latest_attempt(rows, receipt.key):
                    _set_latest(rows, receipt.key, added)
        return tuple(fresh)

    def _restore_request(self) -> None:
        """Take what was asked for from its text file, where the ledger had to be made again."""
        file = self.folder / REQUEST_FILE
        if file.exists() and not self._select("SELECT request FROM job LIMIT 1"):
            self._note_request(file.read_bytes())

    def _note_request(self, text: bytes) -> None:
        with self._writing() as rows:
            rows.execute("INSERT INTO job (request) VALUES (?)", (text.decode(),))

    def _find_work(self, rows: sqlite3.Connection, key: str) -> None:
        """Take in who did what was found up to date: a worker may have died before it could tell."""
        query = "SELECT 1 FROM attempts WHERE key = ? AND state IN (?, ?) LIMIT 1"
        if not rows.execute(query, (key, State.DONE, State.PARTIAL)).fetchone():
            left = read_receipt(receipt_file(self.folder, key))
            if left is not None:
                _insert(rows, left)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with explained(self.path), self._rows:
            self._rows.execute("BEGIN IMMEDIATE")
            yield self._rows


def _insert(rows: sqlite3.Connection, receipt: Receipt) -> int | None:
    """The row of a receipt that was not there; None for one that was."""
    given = (
        receipt.key,
        receipt.sequence,
        receipt.stage,
        receipt.state,
        receipt.attempt,
        receipt.host,
        receipt.process,
        receipt.started,
        RECEIPT.dump_json(receipt).decode(),
    )
    found = rows.execute(
        "INSERT INTO attempts (key, sequence, stage, state, attempt, host, process, started, receipt) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        given,
    ).fetchone()
    return None if found is None else int(found[0])


def _latest_attempt(rows: sqlite3.Connection, key: str) -> int:
    query = "SELECT attempt FROM attempts JOIN latest USING (id) WHERE latest.key = ?"
    found = rows.execute(query, (key,)).fetchone()
    return 0 if found is None else int(found[0])


def _set_latest(rows: sqlite3.Connection, key: str, row: int) -> None:
    rows.execute("INSERT OR REPLACE INTO latest (key, id) VALUES (?, ?)", (key, row))
