"""A plan as lines for a shell, in an order in which they can simply be run."""

from __future__ import annotations

import shlex

from jobs.plans.farm import FarmOptions, refuse
from jobs.plans.plan import Plan, PlannedTask

FILE = "plan.sh"

_HEAD = """# {count} commands. Those under one heading can run side by side, once all above it are done.
# The first that fails ends it: what comes after would miss it. Run it again to go on; what is done stays.
set -e
status=0"""
# The last of a take tells by its status what became of it; the other takes go on.
_ENDINGS = {"report": " || status=$?"}


def write(plan: Plan, options: FarmOptions) -> dict[str, str]:
    """A shell script; what stands under one heading can run side by side.

    Raises:
        UsageError: a path has a line break.
    """
    refuse(plan, r"[\r\n]", "A line")
    waves = _waves(plan)
    total = sum(map(len, waves))
    text = [_HEAD.format(count=total)]
    for number, wave in enumerate(waves, start=1):
        stages = dict.fromkeys(task.of.stage for task in wave)
        text += ["", f"# {number}: {', '.join(stages)}"]
        text += [shlex.join(task.command) + _ENDINGS.get(task.of.stage, "") for task in wave]
    return {FILE: "\n".join([*text, "", 'exit "$status"', ""])}


def _waves(plan: Plan) -> list[list[PlannedTask]]:
    """The tasks by how many others must come before each, one after another."""
    depth: dict[str, int] = {}
    waves: list[list[PlannedTask]] = []
    for task in plan.tasks():
        at = depth[task.id] = 1 + max((depth[needed] for needed in task.needs), default=-1)
        if at == len(waves):
            waves.append([])
        waves[at].append(task)
    return waves
