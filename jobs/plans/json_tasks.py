"""A plan for scripts that submit to other farm managers."""

from __future__ import annotations

import json

from jobs.plans.farm import FarmOptions
from jobs.plans.plan import Plan

FILE = "plan.json"
VERSION = 1


def write(plan: Plan, options: FarmOptions) -> dict[str, str]:
    """A list of commands as words, each after those that it needs."""
    tasks = [
        {
            "id": task.id,
            "sequence": task.of.sequence,
            "stage": task.of.stage,
            "frames": task.frames,
            "command": task.command,
            "needs": task.needs,
            "gpu": task.of.gpu,
        }
        for task in plan.tasks()
    ]
    document = {"version": VERSION, "name": plan.name, "tasks": tasks}
    return {FILE: json.dumps(document, indent=1, ensure_ascii=False) + "\n"}
