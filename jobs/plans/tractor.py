"""A plan as a job file of Pixar's Tractor, for tractor-spool.

Written after Pixar's page "Job Scripting": the file is Tcl; a task runs its commands once its subtasks are
done, and Instance stands for a task that is written out elsewhere. Not tried on a farm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobs.plans.farm import FarmOptions, refuse
from jobs.plans.plan import Plan, PlannedTask

FILE = "plan.alf"
_SPECIAL = set('{}[]$"\\;# \t')
_INDENT = "  "


def write(plan: Plan, options: FarmOptions) -> dict[str, str]:
    """A job file.

    Raises:
        UsageError: a path has a line break, or a percent sign, after which Tractor replaces letters.
    """
    refuse(plan, r"[\r\n]|%", "Tractor")
    tasks = {task.id: task for task in plan.tasks()}
    needed = {each for task in tasks.values() for each in task.needs}
    last = [task for task in tasks.values() if task.id not in needed]
    tree = _Tree(tasks, options)
    body = [line for task in last for line in tree.lines(task, 1)]
    return {FILE: "\n".join([f"Job -title {word(plan.name)} -subtasks {{", *body, "}", ""])}


class _Tree:
    """Writes each task where it is needed first, and an Instance of it wherever else."""

    def __init__(self, tasks: dict[str, PlannedTask], options: FarmOptions) -> None:
        self._tasks, self._options = tasks, options
        self._written: set[str] = set()

    def lines(self, task: PlannedTask, depth: int) -> Iterator[str]:
        """A task with all that it needs, indented."""
        margin = _INDENT * depth
        if task.id in self._written:
            yield f"{margin}Instance {word(task.id)}"
            return
        self._written.add(task.id)
        yield f"{margin}Task {word(task.id)} -subtasks {{"
        for needed in task.needs:
            yield from self.lines(self._tasks[needed], depth + 1)
        service = self._options.queue_of(task.of.gpu)
        key = f" -service {word(service)}" if service else ""
        yield f"{margin}}} -cmds {{"
        yield f"{margin}{_INDENT}RemoteCmd {{{_list(task.command)}}}{key}"
        yield f"{margin}}}"


def _list(words: Iterable[str]) -> str:
    return " ".join(map(word, words))


def word(text: str) -> str:
    """A text as one word of Tcl, in which nothing is replaced; it may stand in braces.

    Every special character has a backslash before it, since braces around a text do not bear one that opens
    a brace and does not close it.
    """
    if not text:
        return "{}"
    return "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in text)
