"""A plan as batch scripts of SLURM, an array for the chunks of a stage, and a script that submits them.

Tried with SLURM on one node, where every job ended well.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from jobs.plans.farm import FarmOptions, plain, plain_names, refuse
from jobs.plans.plan import FRAMES, Plan, PlannedStage

SUBMIT = "submit.sh"
LOGS = "logs"
_NOTICE_SECONDS = 60
_VARIABLE = "VULTUS_CHUNK"

_HEAD = """#!/bin/bash
# Submits {count} jobs of SLURM, each after those that it needs. Options for all of them may be given, such as
#   ./{submit} --account=show1 --mem=8G
# What is done is not done again: after a failure, submit once more.
set -euo pipefail
cd -- "$(dirname -- "${{BASH_SOURCE[0]}}")"
mkdir -p {logs}
"""


def write(plan: Plan, options: FarmOptions) -> dict[str, str]:
    """A script for each stage, and ``submit.sh``.

    Raises:
        UsageError: a path has a line break.
    """
    refuse(plan, r"[\r\n]", "A script of SLURM")
    names = plain_names(plan)
    files = {f"{names[stage.id]}.sbatch": _script(stage, options) for stage in plan.stages}
    lines = [_HEAD.format(count=len(plan.stages), submit=SUBMIT, logs=LOGS)]
    variables = {stage.id: f"job{number}" for number, stage in enumerate(plan.stages, start=1)}
    for stage in plan.stages:
        needs = "".join(f":${{{variables[needed]}}}" for needed in stage.needs)
        after = f' --dependency="afterok{needs}" --kill-on-invalid-dep=yes' if needs else ""
        own = variables[stage.id]
        lines.append(f'{own}=$(sbatch --parsable{after} "$@" {names[stage.id]}.sbatch)')
        lines.append(f"{own}=${{{own}%%;*}}  # without the name of the cluster")
    return {**files, SUBMIT: "\n".join([*lines, 'echo "Submitted; see: squeue --me"', ""])}


def _script(stage: PlannedStage, options: FarmOptions) -> str:
    lines = ["#!/bin/bash", *(f"#SBATCH {each}" for each in _directives(stage, options))]
    if stage.chunks:
        lines.append(f"chunks=({' '.join(stage.chunks)})")
        lines.append(f"{_VARIABLE}=${{chunks[$SLURM_ARRAY_TASK_ID]}}")
    words = (f'"${_VARIABLE}"' if word == FRAMES else shlex.quote(word) for word in stage.command)
    # exec: the signal before the end of the walltime is to reach vultus, not a shell about it
    return "\n".join([*lines, f"exec {' '.join(words)}", ""])


def _directives(stage: PlannedStage, options: FarmOptions) -> Iterator[str]:
    yield f"--job-name={plain(stage.id)}"
    if stage.chunks:
        yield f"--array=0-{len(stage.chunks) - 1}"
        yield f"--output={LOGS}/%x.%A_%a.log"
    else:
        yield f"--output={LOGS}/%x.%j.log"
    if options.walltime:
        yield f"--time={options.walltime}"
        yield f"--signal=B:TERM@{_NOTICE_SECONDS}"
    if queue := options.queue_of(stage.gpu):
        yield f"--partition={queue}"
    if stage.gpu and options.gpu_queue:
        yield "--gres=gpu:1"
