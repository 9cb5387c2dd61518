"""vultus run: all stages for one shoot. What is up to date is not done again."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.progress import Progress, silent, span
from pipeline.shoot.shoot import Shoot
from pipeline.stages import calibrate, detect, export, fit, overlay
from pipeline.stores.outcome import read_outcome, write_outcome

log = logging.getLogger(__name__)

STAGES = (
    (calibrate.main, 0.05),
    (detect.main, 0.55),
    (fit.main, 0.80),
    (export.main, 0.85),
    (overlay.main, 1.0),
)
"""Each stage and the share of the whole work that is done when it ends, roughly."""


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Calibrate, detect, fit, export and draw overlays.

    Args:
        shoot: to process.
        force: do everything again.
        progress: over all stages.

    Returns:
        the folder of the results; ``outcome.json`` in it says what became of the shoot.

    Raises:
        VultusError: whatever a stage raises.
    """
    detect.check(shoot)
    export.check(shoot)
    start = 0.0
    for stage, end in STAGES:
        stage(shoot, force=force, progress=span(progress, start, end))
        start = end
    write_outcome(shoot, read_outcome(shoot))
    return shoot.output
