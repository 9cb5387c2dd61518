"""Adding many performances: one that cannot be added does not keep the others out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from calibration.errors import VultusError
from pipeline.database.folder import Added, Database
from pipeline.database.gates import QualityGates
from pipeline.database.intake import Source, find_source, take_in


@dataclass(frozen=True)
class AddOptions:
    """How performances are added.

    Attributes:
        gates: which frames are good enough.
        subject, take: names instead of those of the shoot file.
        replacing, readmit: see :meth:`pipeline.database.folder.Database.add`.
    """

    gates: QualityGates = field(default_factory=QualityGates)
    subject: str | None = None
    take: str | None = None
    replacing: bool = False
    readmit: bool = False


@dataclass(frozen=True)
class AddReport:
    """What became of one performance.

    Attributes:
        path: that was given. name: subject and take, "" where they are not known.
        result: None where nothing was added.
        accepted, total: frames. refused: frames by reason.
        error: what kept it out, if anything did.
    """

    path: Path
    name: str
    result: Added | None
    accepted: int = 0
    total: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    error: VultusError | None = None

    def lines(self) -> list[str]:
        """For a person; the first begins with what became of it."""
        if self.error is not None:
            return [f"failed  {self.error}"]
        reasons = [f"  refused {count}: {reason}" for reason, count in self.refused.items()]
        if self.result is None:
            return [f"refused  {self.name}: none of {self.total} frames is good enough", *reasons]
        return [f"{self.result.value}  {self.name}: {self.accepted} of {self.total} frames", *reasons]


def add_performances(database: Database, paths: Sequence[Path], options: AddOptions) -> Iterator[AddReport]:
    """Add the performances of shoots, or performance files, one after the other.

    Yields:
        a report as soon as its frames are on the disk, or cannot be.
    """
    for path in paths:
        try:
            source = find_source(path, options.subject, options.take)
            yield _add(database, source, path, options)
        except VultusError as error:
            yield AddReport(path, "", None, error=error)


def _add(database: Database, source: Source, path: Path, options: AddOptions) -> AddReport:
    shard, total = take_in(source, options.gates)
    name, refused = f"{source.subject} {source.take}", shard.header.refused
    if not len(shard.rows):
        return AddReport(path, name, None, 0, total, refused)
    result, _ = database.add(shard, replacing=options.replacing, readmit=options.readmit)
    return AddReport(path, name, result, len(shard.rows), total, refused)
