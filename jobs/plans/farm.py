"""What a farm wants to know beside the commands, and names as farm managers bear them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from calibration.errors import UsageError
from jobs.plans.plan import Plan, unique_names

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class FarmOptions:
    """Where commands run, in the words of the farm.

    Attributes:
        queue: partition of SLURM, pool of Deadline, service key of Tractor, tag of OpenCue; the farm's own if
            empty.
        gpu_queue: the same for commands that gain from a GPU; `queue` if empty.
        walltime: of each command, as ``HH:MM:SS``; the farm's own if empty.
        show: the production, for OpenCue.
        user: who submits, for OpenCue.
    """

    queue: str = ""
    gpu_queue: str = ""
    walltime: str = ""
    show: str = "vultus"
    user: str = ""

    def queue_of(self, gpu: bool) -> str:
        """The queue of a command."""
        return self.gpu_queue if gpu and self.gpu_queue else self.queue


def plain_names(plan: Plan) -> dict[str, str]:
    """For the id of each stage a name of letters, digits, dots, dashes and underscores, unique too."""
    ids = [stage.id for stage in plan.stages]
    return dict(zip(ids, unique_names([plain(each.replace("/", ".")) for each in ids]), strict=True))


def plain(text: str) -> str:
    """A text with nothing in it that a farm manager or a file system might take amiss."""
    return _PLAIN.sub("_", text).strip("._") or "_"


def refuse(plan: Plan, pattern: str, manager: str) -> None:
    """Refuse commands with texts that a farm manager would replace by something else, or cannot take.

    Raises:
        UsageError: naming the word.
    """
    for word in _words(plan):
        found = re.search(pattern, word)
        if found:
            raise UsageError(
                f"{manager} cannot be given the text {found.group()!r} as it is",
                where=word,
                fix="Rename the file or folder, or choose another --format",
            )


def _words(plan: Plan) -> Iterable[str]:
    return (word for stage in plan.stages for word in stage.command)
