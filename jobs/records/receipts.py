"""Receipts on disk: what became of each task, written whole by the worker that did it.

They outlive client, scheduler and ledger: whoever goes on with a job reads them again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from calibration.errors import InputError
from calibration.whole_file import write_bytes
from jobs.tasks import ENDED_WELL, Receipt, State

log = logging.getLogger(__name__)

FOLDER = "receipts"
LOGS = "logs"

_LONGEST = 100  # of a step's name as a file name; a chunk may be a long list of frames

RECEIPT: TypeAdapter[Receipt] = TypeAdapter(Receipt)
"""To and from JSON; keys that a later version added are passed over."""


def receipt_file(folder: Path, key: str) -> Path:
    """Where the receipt of a task lies.

    Args:
        folder: of the job.
        key: of the task, such as ``take1/detect 1001-1240``.
    """
    return folder / FOLDER / _place(key, ".json")


def log_file(folder: Path, key: str) -> Path:
    """Where the log of a task lies, to which each attempt appends."""
    return folder / LOGS / _place(key, ".log")


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Write a receipt, whole or not at all.

    A task that was found up to date leaves the receipt of the one that did it: that says who, where and when.

    Raises:
        InputError: the job's folder cannot be written.
    """
    path = receipt_file(folder, receipt.key)
    before = read_receipt(path) if receipt.state is State.CURRENT else None
    if before is None or before.state not in ENDED_WELL:
        write_bytes(path, RECEIPT.dump_json(receipt, indent=1))


def read_receipt(path: Path) -> Receipt | None:
    """A receipt; None where there is none, or where a crash of the machine left something else."""
    try:
        return RECEIPT.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("The receipt %s cannot be read and is passed over (%s)", path, _first_line(error))
        return None


def read_receipts(folder: Path) -> Iterator[Receipt]:
    """All receipts of a job; those that cannot be read are passed over with a warning.

    Args:
        folder: of the job.
    """
    for path in sorted((folder / FOLDER).rglob("[!.]*.json")):
        receipt = read_receipt(path)
        if receipt is not None:
            yield receipt


def _place(key: str, suffix: str) -> Path:
    """A file of a task below a folder: one folder for each sequence."""
    sequence, _, step = key.rpartition("/")
    if not sequence or ".." in Path(sequence).parts or Path(sequence).is_absolute():
        raise InputError(f"'{key}' cannot be the name of a task", fix="Name it SEQUENCE/STEP")
    name = step.replace(" ", ".")
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}.{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return Path(sequence) / f"{name}{suffix}"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
