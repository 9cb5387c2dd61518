"""A plan as jobs of Thinkbox Deadline's CommandLine plugin, and a script that submits them one after another.

Written after Deadline's page "Manual Job Submission". A job's number is known only once it is submitted, so
that the script adds the dependencies. Not tried on a farm.
"""

from __future__ import annotations

import json
from importlib.resources import files

from jobs.plans.farm import FarmOptions, plain_names, refuse
from jobs.plans.plan import Plan, PlannedStage

SUBMIT, ORDER = "submit.py", "jobs.json"
CHUNK = "<STARTFRAME>-<ENDFRAME>"


def write(plan: Plan, options: FarmOptions) -> dict[str, str]:
    """Two files of settings for each stage, the order of the jobs, and ``submit.py``.

    Raises:
        UsageError: a path has a line break, or a word in angle brackets, which Deadline replaces.
    """
    refuse(plan, r"[\r\n]|<\w+(%\d+)?>", "Deadline")
    names = plain_names(plan)
    texts: dict[str, str] = {}
    order = []
    for stage in plan.stages:
        name = names[stage.id]
        texts[f"{name}.job"] = _settings(_job(plan, stage, options))
        texts[f"{name}.plugin"] = _settings(_plugin(stage))
        order.append({"name": name, "needs": [names[each] for each in stage.needs]})
    texts[ORDER] = json.dumps(order, indent=1) + "\n"
    texts[SUBMIT] = files("jobs.plans").joinpath("deadline_submit.py").read_text(encoding="utf-8")
    return texts


def _job(plan: Plan, stage: PlannedStage, options: FarmOptions) -> dict[str, str]:
    first, last = stage.frames
    settings = {
        "Plugin": "CommandLine",
        "Name": stage.id,
        "BatchName": plan.name,
        "Frames": f"{first}-{last}" if stage.chunks else str(first),
        "ChunkSize": str(stage.chunk if stage.chunks else 1),
    }
    if queue := options.queue_of(stage.gpu):
        settings["Pool"] = queue
    return settings


def _plugin(stage: PlannedStage) -> dict[str, str]:
    program, *arguments = stage.words(CHUNK)
    return {"Executable": program, "Arguments": " ".join(map(quoted, arguments)), "ShellExecute": "False"}


def _settings(settings: dict[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def quoted(word: str) -> str:
    """A word of a command line that no shell reads: in double quotes, unless it is plain."""
    if word and all(letter.isalnum() or letter in "-_./:=+,<>" for letter in word):
        return word
    body = word.replace('"', '\\"')
    ending = body[len(body.rstrip("\\")) :]
    return f'"{body}{ending}"'
