"""Reading what a job's folder tells, from any machine, while the job runs or after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from calibration.errors import InputError, UsageError
from jobs.records.cancelling import read_cancellation
from jobs.records.client_lock import has_client
from jobs.records.ledger import FILE, LedgerView
from jobs.records.receipts import read_receipt, receipt_file
from jobs.records.request import JobRequest
from jobs.records.running_notes import read_notes
from jobs.sequences import name_sequences
from jobs.tasks import ENDED_WELL, Receipt, Task
from jobs.watching.record import JobRecord

JOBS = Path("vultus-jobs")
"""Below the current folder: where the folders of jobs are."""


def find_job(given: Path | None) -> Path:
    """The folder of a job: the given one, or the newest below ``vultus-jobs``.

    Raises:
        InputError: there is none.
    """
    if given is not None:
        folder = _job_at(given)
        if folder is None:
            raise InputError(
                "There is no job in this folder", where=str(given), fix="vultus jobs run makes one"
            )
        return folder
    ledgers = sorted(JOBS.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime_ns)
    if not ledgers:
        raise InputError(
            "There is no job below this folder",
            where=str(JOBS),
            fix="Go to the folder in which vultus jobs run was called, or name the folder of the job",
        )
    return ledgers[-1].parent.resolve()


def split_arguments(arguments: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """The folder of a job, and names of its sequences, from arguments as ``[FOLDER] [SEQUENCE...]``.

    The first argument is the folder where a job is in it (or in that name below ``vultus-jobs``); without one
    it is the newest job.

    Raises:
        InputError: there is no job.
    """
    if arguments and (folder := _job_at(Path(arguments[0]))) is not None:
        return folder, tuple(arguments[1:])
    return find_job(None), tuple(arguments)


def check_sequences(folder: Path, names: Iterable[str]) -> None:
    """Refuse names of sequences that a job has not.

    Raises:
        UsageError: the job has no such sequence.
        InputError, DiskError: as of :func:`sequence_names`.
    """
    known = sequence_names(folder)
    for name in names:
        if name not in known:
            raise UsageError(
                f"The job has no sequence '{name}'", where=str(folder), fix=f"It has {_few(sorted(known))}"
            )


def sequence_names(folder: Path) -> dict[str, str]:
    """Path of each sequence of a job, by its name.

    Raises:
        InputError: there is no job in the folder, or its ledger is damaged.
        DiskError: the ledger cannot be opened.
    """
    with LedgerView(folder) as ledger:
        return _shoots(ledger.request())


def stored_request(folder: Path) -> JobRequest:
    """What a job was asked for last, for whoever goes on with it; its folder may have been moved since.

    Raises:
        InputError: there is no job in the folder, or its ledger is damaged.
        DiskError: the ledger cannot be opened.
    """
    with LedgerView(folder) as ledger:
        request = ledger.request()
    if Path(request.context.folder).exists():
        return request  # As workers know it, not as links lead to it.
    return replace(request, context=replace(request.context, folder=str(folder)))


def read_record(folder: Path) -> JobRecord:
    """All that the folder of a job tells.

    Raises:
        InputError: there is no job in the folder, or its ledger is damaged.
        DiskError: the ledger cannot be opened.
    """
    client = has_client(folder)
    with LedgerView(folder) as ledger:
        request, tasks = ledger.request(), ledger.tasks()
        ended = {each.key: each for each in ledger.receipts()}
        worked = {each.key: each for each in ledger.worked()}
    if client:
        ended = {key: each for key, each in ended.items() if _holds(each, request)}
    else:
        ended |= {each.key: each for each in _unseen(folder, tasks, ended)}
    receipts = {key: worked.get(key, each) for key, each in ended.items()}
    return JobRecord(
        folder=folder,
        shoots=_shoots(request),
        tasks=tasks,
        receipts=receipts,
        notes=read_notes(folder),
        cancellation=read_cancellation(folder),
        client=client,
    )


def _job_at(given: Path) -> Path | None:
    for folder in (given, JOBS / given):
        if (folder / FILE).exists():
            return folder.resolve()
    return None


def _shoots(request: JobRequest) -> dict[str, str]:
    return {each.name: each.path for each in name_sequences(request.shoots, Path(request.context.current))}


def _holds(receipt: Receipt, request: JobRequest) -> bool:
    """Whether a task will not be done again by the client that is at the job."""
    if receipt.run == request.context.run or (request.only and receipt.sequence not in request.only):
        return True
    return receipt.state in ENDED_WELL and not request.context.force


def _unseen(folder: Path, tasks: Iterable[Task], seen: Iterable[str]) -> Iterator[Receipt]:
    """Receipts that workers have left since the client was killed."""
    known = set(seen)
    places = {receipt_file(folder, task.key): task.key for task in tasks if task.key not in known}
    for sequence in {place.parent for place in places}:
        there = set(sequence.glob("*.json"))
        for place in there & places.keys():
            receipt = read_receipt(place)
            if receipt is not None:
                yield receipt


def _few(names: list[str]) -> str:
    most = 8
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
