"""vultus run: all steps for one shoot. What is up to date is not done again."""

from __future__ import annotations

from pathlib import Path

from pipeline.progress import Progress, silent, span
from pipeline.shoot.shoot import Shoot
from pipeline.steps import SHARES, check, run_step


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Calibrate, detect, fit, export, draw overlays and report.

    Args:
        shoot: to process.
        force: do everything again.
        progress: over all stages.

    Returns:
        the folder of the results; ``outcome.json`` in it says what became of the shoot.

    Raises:
        VultusError: whatever a stage raises.
    """
    check(shoot)
    start = 0.0
    for stage, share in SHARES.items():
        end = start + share
        run_step(shoot, stage, force=force, progress=span(progress, start, end))
        start = end
    return shoot.output
