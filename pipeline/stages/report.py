"""vultus report: what became of a shoot, as a page to look at, and to be read by programs."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path

from calibration.whole_file import write_text
from pipeline.progress import Progress, silent
from pipeline.report.facts import read_facts
from pipeline.report.files import listing
from pipeline.report.page import page, template_text
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import file_digest, fingerprint
from pipeline.stores.landmarks import landmark_fingerprint
from pipeline.stores.outcome import write_outcome
from pipeline.stores.performance import performance_fingerprint
from pipeline.stores.stamps import clear_stamp, is_current, write_stamp

log = logging.getLogger(__name__)

STAGE = "report"


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Leave ``report.html`` and ``outcome.json`` beside the results.

    Args:
        shoot: whose performance is fitted.
        force: write them again, even if they are up to date.
        progress: called when the work begins and when it is done.

    Returns:
        the page.

    Raises:
        InputError: landmarks or performance are missing or damaged.
    """
    path = shoot.report_file
    work = _fingerprint(shoot)
    if not force and is_current(shoot.output, STAGE, work):
        log.info("Report: up to date (%s)", path)
        return path
    clear_stamp(shoot.output, STAGE)
    progress(0, 1, STAGE)
    facts = read_facts(shoot)
    files = [write_outcome(shoot, facts.outcome), path]
    write_text(path, page(facts))
    write_stamp(shoot.output, STAGE, work, files)
    progress(1, 1, STAGE)
    return path


def _fingerprint(shoot: Shoot) -> str:
    read = (shoot.drift_file, shoot.cameras_file)
    return fingerprint(
        performance=performance_fingerprint(shoot.performance_file),
        landmarks=[landmark_fingerprint(shoot.landmark_file(name)) for name in shoot.camera_names],
        settings=shoot.settings.model_dump(exclude={"shoot": {"output"}}),
        cameras=[file_digest(file) if file.is_file() else None for file in read],
        files=listing(shoot),
        vultus=version("vultus"),
        page=[template_text(name) for name in ("page.html", "style.css")],
    )
