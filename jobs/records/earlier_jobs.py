"""What earlier jobs of the same folder measured, for the estimates of one that begins."""

from __future__ import annotations

from pathlib import Path

from calibration.errors import DiskError, InputError
from jobs.records.ledger import FILE, LedgerView, Measure

_JOBS = 3


def measured_before(folder: Path, stage: str) -> list[Measure]:
    """What the tasks of a stage took in the last few jobs beside this one.

    A ledger that cannot be read is passed over.

    Args:
        folder: of this job.
        stage: of the tasks.
    """
    others = [path for path in folder.parent.glob(f"*/{FILE}") if path.parent.name != folder.name]
    newest = sorted(others, key=_changed, reverse=True)[:_JOBS]
    return [measure for path in newest for measure in _measured(path.parent, stage)]


def _measured(folder: Path, stage: str) -> list[Measure]:
    try:
        with LedgerView(folder) as view:
            return view.measured(stage)
    except (InputError, DiskError):
        return []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
