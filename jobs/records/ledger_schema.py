"""The tables of a job's ledger, and opening its file: SQLite, with the rollback journal.

The write-ahead log would be quicker, but its shared memory does not work between machines.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from calibration.errors import DiskError, InputError

log = logging.getLogger(__name__)

SCHEMA = 1
APPLICATION = 0x76756C74
"""What tells the file from other databases: "vult"."""

_BUSY_S = 60.0

_TABLES = """
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL
);
CREATE TABLE tasks (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    sequence TEXT NOT NULL,
    stage TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    started TEXT NOT NULL,
    receipt TEXT NOT NULL
);
CREATE TABLE latest (
    key TEXT PRIMARY KEY,
    id INTEGER NOT NULL REFERENCES attempts (id)
) WITHOUT ROWID;
CREATE INDEX attempts_of_key ON attempts (key);
CREATE INDEX attempts_of_stage ON attempts (stage, state);
CREATE UNIQUE INDEX attempts_of_workers ON attempts (key, attempt, state, host, process, started)
    WHERE process != 0;
"""
"""A worker's receipt may come to the client twice, by the network and by the job's folder; what the client
says itself (its process is 0) comes once."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a ledger, which is made where there is none.

    Raises:
        InputError: it is of a newer version of vultus, or of another program.
        DiskError: it cannot be written.
        sqlite3.DatabaseError: it is damaged.
    """
    with explained(path):
        connection = sqlite3.connect(path, timeout=_BUSY_S)
    try:
        with explained(path):
            connection.execute("PRAGMA journal_mode = DELETE")
            if connection.execute("PRAGMA user_version").fetchone() == (0,) and not _tables(connection):
                _make(connection)
            _check(connection, path)
    except (sqlite3.Error, InputError, DiskError):
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger to look at, from any machine, while its client writes or after it was killed.

    Raises:
        InputError: there is none, it is damaged, or of a newer version of vultus.
        DiskError: it cannot be opened.
    """
    if not path.exists():
        raise InputError("There is no job in this folder", where=str(path.parent))
    # Not read-only: whoever opens it undoes what a killed client left half written, where that may be done.
    with explained(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", timeout=_BUSY_S, uri=True)
    try:
        with explained(path):
            _check(connection, path)
    except (InputError, DiskError):
        connection.close()
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        raise InputError(
            f"The ledger is damaged ({error})", where=str(path), fix="Run the job again: it is made anew"
        ) from error
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Tell what the machine did wrong as an error that a person understands; damage is passed on as it is.

    Raises:
        DiskError: the disk is full, or the file cannot be opened, locked or written.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            raise DiskError(
                "The disk is full; what was in the ledger before is kept",
                where=str(path.parent),
                fix="Free some space and run the same command again",
            ) from error
        raise DiskError(f"The ledger cannot be used ({error})", where=str(path)) from error


def is_damaged(path: Path) -> bool:
    """Whether a file is there that is no whole ledger.

    Raises:
        InputError, DiskError: as of :func:`open_to_write`.
    """
    if not path.exists():
        return False
    try:
        with closing(open_to_write(path)) as connection, explained(path):
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError:
        return True


def _make(connection: sqlite3.Connection) -> None:
    marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {marks} COMMIT;")
    except sqlite3.Error:
        connection.rollback()
        raise


def _tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,))


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise InputError("This is not the ledger of a job", where=str(path))
    if schema > SCHEMA:
        raise InputError(
            f"The ledger has schema {schema}, this version reads up to {SCHEMA}",
            where=str(path),
            fix="Use the version of vultus that the job was begun with",
        )
