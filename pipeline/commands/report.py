"""vultus report."""

from __future__ import annotations

from pipeline.commands.common import stage_command
from pipeline.shoot.shoot import Shoot

HELP = """Write the page that tells what became of SHOOT.

report.html in the folder of the results says first whether the result may be relied on, and why not; then it
shows pictures and movies, how well the fit meets the landmarks, the performance, cameras, files and settings.
outcome.json beside it says the same to programs. The exit status is that of vultus run."""


def _status(shoot: Shoot) -> int:
    from pipeline.stores.outcome import read_outcome

    return read_outcome(shoot).exit_status


command = stage_command("report", HELP, _status)
