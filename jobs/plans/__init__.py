"""Plans as the farm managers want them written: one module each, from a plan to the texts of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calibration.errors import UsageError
from jobs.plans import deadline, json_tasks, lines, opencue, slurm, tractor
from jobs.plans.farm import FarmOptions
from jobs.plans.plan import Plan

Writer = Callable[[Plan, FarmOptions], dict[str, str]]


@dataclass(frozen=True)
class PlanFormat:
    """A way to write a plan.

    Attributes:
        write: file names and their texts, of a plan.
        alone: whether it is one file, which can be printed.
    """

    write: Writer
    alone: bool = True


FORMATS: dict[str, PlanFormat] = {
    "lines": PlanFormat(lines.write),
    "json": PlanFormat(json_tasks.write),
    "slurm": PlanFormat(slurm.write, alone=False),
    "deadline": PlanFormat(deadline.write, alone=False),
    "tractor": PlanFormat(tractor.write),
    "opencue": PlanFormat(opencue.write),
}


def plan_format(name: str) -> PlanFormat:
    """The format of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in FORMATS:
        raise UsageError(f"'{name}' is not a format of plans", fix=f"There are {', '.join(FORMATS)}")
    return FORMATS[name]
