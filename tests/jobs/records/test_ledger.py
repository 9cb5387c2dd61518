"""The ledger of a job survives its client, tells one client from two, and can be made again."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from calibration.errors import InputError, UsageError
from jobs.records.earlier_jobs import measured_before
from jobs.records.ledger import FILE, Ledger, LedgerView, Measure
from jobs.records.receipts import receipt_file, write_receipt
from jobs.records.request import JobRequest
from jobs.tasks import JobContext, Receipt, State, Task, Work

FORK = multiprocessing.get_context("fork")
LIMIT_S = 60.0
BATCH = 20

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def request_in(folder: Path) -> JobRequest:
    return JobRequest("night", ("/footage/take",), JobContext("night", str(folder), "/home"), "slurm")


def receipt_of(key: str, state: State = State.DONE, *, attempt: int = 1, process: int = 7) -> Receipt:
    """As a worker makes it; without a process, as the client does."""
    sequence, step = key.split("/")
    work, gib = Work(frames=240, cameras=6), 1 << 30
    return Receipt(
        key,
        sequence,
        step,
        "",
        state,
        attempt=attempt,
        process=process,
        seconds=5.0,
        peak_bytes=gib,
        work=work,
    )


def test_what_was_noted_can_be_read_while_the_client_is_at_work(tmp_path: Path) -> None:
    """The request, the tasks in their order, what became of them, each attempt at them."""
    tasks = [
        Task("take", "/footage/take", "detect"),
        Task("take", "/footage/take", "fit", needs=("take/detect",)),
    ]
    with Ledger(tmp_path) as ledger:
        ledger.begin(request_in(tmp_path))
        ledger.add(tasks)
        failed, done = receipt_of("take/detect", State.FAILED), receipt_of("take/detect", attempt=2)
        ledger.record([failed])
        ledger.record([done, done])
        with LedgerView(tmp_path) as view:
            assert view.request() == request_in(tmp_path)
            assert view.tasks() == tuple(tasks)
            assert view.states() == {"take/detect": State.DONE, "take/fit": State.WAITING}
            assert view.attempts("take/detect") == (failed, done)
            assert view.receipts() == view.receipts("take") == (done,)
            assert view.receipts("another") == ()
            assert view.measured("detect") == [(done.work, 5.0, 1 << 30)]


def test_tasks_that_are_added_again_keep_their_place(tmp_path: Path) -> None:
    """The survey of a job that goes on finds the same tasks, larger perhaps."""
    names = [Task(name, "/footage", "fit") for name in "abc"]
    with Ledger(tmp_path) as ledger:
        ledger.add(names)
        larger = Task("a", "/footage", "fit", work=Work(frames=9))
        ledger.add([Task("d", "/footage", "fit"), larger])
        assert ledger.tasks() == (larger, *names[1:], Task("d", "/footage", "fit"))


def test_a_second_client_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    """Two clients would do everything twice. One that has ended, or was killed, holds up nobody."""
    with (
        Ledger(tmp_path) as ledger,
        pytest.raises(UsageError, match=rf"process {os.getpid()} on .*vultus jobs status"),
    ):
        Ledger(tmp_path)
    ledger.close()
    Ledger(tmp_path).close()


def test_receipts_that_no_client_has_seen_are_taken_in(tmp_path: Path) -> None:
    """A worker went on after the client was killed, and its receipt says how it ended."""
    with Ledger(tmp_path) as ledger:
        ledger.record([receipt_of("take/detect", State.FAILED), receipt_of("take/fit", State.FAILED)])
    write_receipt(tmp_path, receipt_of("take/detect", attempt=2))
    with Ledger(tmp_path) as ledger:
        assert [each.state for each in ledger.receipts()] == [State.FAILED, State.DONE]
        assert ledger.gather() == ()


def test_a_receipt_of_a_worker_that_was_given_up_for_lost_is_kept_but_is_not_the_last_word(
    tmp_path: Path,
) -> None:
    """It had done the work, and died before it told; another found that done."""
    done, found = receipt_of("take/detect"), receipt_of("take/detect", State.CURRENT, attempt=2)
    with Ledger(tmp_path) as ledger:
        ledger.record([found])
        write_receipt(tmp_path, done)
        assert ledger.gather() == (done,)
        assert ledger.receipts() == (found,)
        assert ledger.attempts("take/detect") == (done, found)


def test_who_did_what_another_found_up_to_date_is_known_at_once(tmp_path: Path) -> None:
    """The ledger looks into the job's folder where it is told that there was nothing to do."""
    done, found = receipt_of("take/detect"), receipt_of("take/detect", State.CURRENT, attempt=2)
    with Ledger(tmp_path) as ledger:
        write_receipt(tmp_path, done)
        ledger.record([found])
        assert ledger.attempts("take/detect") == (done, found)
        assert ledger.receipts() == (found,)


def test_what_the_client_says_itself_counts_each_time(tmp_path: Path) -> None:
    """A task whose worker was lost, then cancelled, then lost again: the last is what holds."""
    states = [State.FAILED, State.CANCELLED, State.FAILED]
    with Ledger(tmp_path) as ledger:
        for state in states:
            ledger.record([receipt_of("take/fit", state, process=0)])
        assert [each.state for each in ledger.receipts()] == [State.FAILED]
        assert [each.state for each in ledger.attempts("take/fit")] == states


@pytest.mark.parametrize("harm", ["junk", "cut", "torn page"])
def test_a_damaged_ledger_is_made_again_from_the_receipts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    """With a warning; the damaged one is kept, and what was asked for is not lost with it."""
    with Ledger(tmp_path) as ledger:
        ledger.begin(request_in(tmp_path))
        receipts = [receipt_of(f"take{number}/fit") for number in range(100)]
        ledger.record(receipts)
    write_receipt(tmp_path, receipts[0])
    receipt_file(tmp_path, "take1/fit").parent.mkdir(parents=True)
    receipt_file(tmp_path, "take1/fit").write_bytes(b"")
    path = tmp_path / FILE
    whole = path.read_bytes()
    harmed = {
        "junk": b"junk" * 5000,
        "cut": whole[: len(whole) // 2],
        "torn page": whole[:8192] + bytes(8192),
    }
    path.write_bytes(harmed[harm])
    with Ledger(tmp_path) as ledger:
        assert ledger.request() == request_in(tmp_path)
        assert ledger.receipts() == (receipts[0],)
    assert "damaged" in caplog.text
    assert "take1/fit.json cannot be read" in caplog.text
    assert (tmp_path / f"damaged.{FILE}").read_bytes() == harmed[harm]


def test_a_folder_without_a_job_and_a_ledger_of_a_newer_version_are_named(tmp_path: Path) -> None:
    """Nothing is made where somebody only looks, and nothing is lost to an older version."""
    with pytest.raises(InputError, match="no job"):
        LedgerView(tmp_path)
    assert not list(tmp_path.iterdir())
    Ledger(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as rows:
        rows.execute("PRAGMA user_version = 99")
    for opened in (Ledger, LedgerView):
        with pytest.raises(InputError, match="schema 99"):
            opened(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as rows:
        rows.execute("PRAGMA application_id = 0")
    with pytest.raises(InputError, match="not the ledger"):
        LedgerView(tmp_path)


def _write(folder: Path, first: int, acknowledge: Connection) -> None:
    """A client that writes batches until it is killed, and says which are on the disk."""
    with Ledger(folder) as ledger:
        for batch in range(first, first + 10_000):
            receipts = [receipt_of(f"take{batch}/step{each}") for each in range(BATCH)]
            ledger.add([Task(each.sequence, "/footage", each.stage) for each in receipts])
            ledger.record(receipts)
            acknowledge.send(batch)


def test_a_client_killed_at_any_moment_loses_nothing_that_it_had_noted(tmp_path: Path) -> None:
    """Each batch is there as a whole or not at all, and whoever only looks can read on at once."""
    chance, noted = random.Random(3), set[int]()
    for attempt in range(8):
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=_write, args=(tmp_path, 10_000 * attempt, theirs))
        process.start()
        assert ours.poll(LIMIT_S)
        time.sleep(chance.uniform(0.0, 0.05))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(LIMIT_S)
        theirs.close()
        while ours.poll():
            try:
                noted.add(ours.recv())
            except EOFError:
                break
        ours.close()
        with LedgerView(tmp_path) as view:
            found = [int(each.sequence.removeprefix("take")) for each in view.receipts()]
        assert noted <= set(found)
        assert len(found) == BATCH * len(set(found))
    with Ledger(tmp_path) as ledger:
        assert set(ledger.states().values()) <= {State.DONE, State.WAITING}
    assert not (tmp_path / f"damaged.{FILE}").exists()


def test_what_earlier_jobs_took_is_known_to_the_next(tmp_path: Path) -> None:
    """Those beside it, as far as their ledgers can be read; not its own, which it asks itself."""
    for name in ("monday", "tuesday", "now"):
        with Ledger(tmp_path / name) as ledger:
            ledger.record([receipt_of(f"{name}/fit")])
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FILE).write_bytes(b"junk")
    found = measured_before(tmp_path / "now", "fit")
    assert found == [Measure(Work(frames=240, cameras=6), 5.0, 1 << 30)] * 2
    assert measured_before(tmp_path / "now", "detect") == []
