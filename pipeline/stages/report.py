"""vultus report: what became of a shoot, to look at and to be read by programs."""

from __future__ import annotations

from pathlib import Path

from pipeline.progress import Progress, silent
from pipeline.shoot.shoot import Shoot
from pipeline.stores.outcome import read_outcome, write_outcome


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Leave ``outcome.json`` beside the results.

    Args:
        shoot: whose performance is fitted.
        force: write it again, even if it is up to date.
        progress: called when it is written.

    Returns:
        the file.

    Raises:
        InputError: landmarks or performance are missing or damaged.
    """
    path = write_outcome(shoot, read_outcome(shoot))
    progress(1, 1, "report")
    return path
