"""Stand-ins for what workers do: cheap tasks that leave files, receipts and a line for each execution.

What a sequence does is said by ``plan.json`` in its folder, so that each test makes the sequences it wants.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from distributed import get_worker

from calibration.whole_file import write_text
from jobs.records.cancelling import CancelledRunError, stopping
from jobs.records.receipts import write_receipt
from jobs.tasks import ENDED_WELL, JobContext, Receipt, State, Survey, Task, Work
from pipeline.stores.lock import alone

EXECUTIONS = "executions.log"


@dataclass(frozen=True)
class Plan:
    """What a sequence does.

    Attributes:
        chunks: of its detection.
        rig: that it shares.
        seconds: that each task takes, in steps of a hundredth.
        fails: what a step says that fails.
        kills: steps that kill their worker.
        trouble: steps that raise, as passing troubles do.
    """

    chunks: int = 2
    rig: str = ""
    seconds: float = 0.0
    fails: dict[str, str] = field(default_factory=dict)
    kills: Sequence[str] = ()
    trouble: Sequence[str] = ()


def make_sequence(folder: Path, plan: Plan) -> Path:
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(asdict(plan)))
    return folder


def survey(task: Task, context: JobContext) -> Survey:
    path = Path(task.shoot) / "plan.json"
    if not path.exists():
        message = f"{task.shoot}: There is no shoot. Make one with: vultus init."
        return Survey(task.sequence, task.shoot, _receipt(task, context, State.FAILED, "input", message, 3))
    plan = _read_plan(task)
    _act(task, plan, lambda: None)
    if task.step in plan.fails:
        return Survey(task.sequence, task.shoot, _failed(task, context, plan))
    chunks = [f"detect {1001 + 10 * i}-{1010 + 10 * i}" for i in range(plan.chunks)]
    needs = {
        "calibrate": [],
        **{chunk: ["calibrate"] for chunk in chunks},
        "detect": chunks,
        "fit": ["detect"],
        "export": ["fit"],
        "overlay": ["fit"],
        "report": ["export", "overlay"],
    }
    tasks = []
    for step, needed in needs.items():
        stage, _, frames = step.partition(" ")
        keys = tuple(f"{task.sequence}/{each}" for each in needed)
        tasks.append(Task(task.sequence, task.shoot, stage, frames, keys, work=Work(10, 17)))
    return Survey(task.sequence, task.shoot, _receipt(task, context, State.DONE), tuple(tasks), plan.rig)


def execute(task: Task, context: JobContext, *needed: Receipt) -> Receipt:
    assert {each.key for each in needed} == set(task.needs)
    if not all(each.state in ENDED_WELL for each in needed):
        return _receipt(task, context, State.SKIPPED, "skipped", "a need has failed")
    plan, check = _read_plan(task), stopping(Path(context.folder), task.sequence)
    result = Path(task.shoot) / "results" / task.step.replace(" ", ".")
    with alone(result.parent / f"{result.name}.lock", check):
        if result.exists():
            return _receipt(task, context, State.CURRENT)
        try:
            check()
            _act(task, plan, check)
        except CancelledRunError as error:
            return _receipt(task, context, State.CANCELLED, error.code, str(error), 130)
        if task.step in plan.fails:
            return _failed(task, context, plan)
        write_text(result, f"{task.step}\n" * 100)
        _log(Path(context.folder), task.key)
        return _receipt(task, context, State.DONE)


def executions(folder: Path) -> Counter[str]:
    """How often each task came to its end, by its own work."""
    file = folder / EXECUTIONS
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()


def results(sequences: Sequence[Path]) -> dict[str, bytes]:
    """All result files."""
    files = [file for each in sequences for file in sorted((each / "results").glob("*")) if file.is_file()]
    return {f"{file.parts[-3]}/{file.name}": file.read_bytes() for file in files}


def _act(task: Task, plan: Plan, check: Callable[[], None]) -> None:
    if task.step in plan.kills:
        os._exit(1)
    if task.step in plan.trouble:
        raise ConnectionResetError("the share went away")
    for _ in range(round(plan.seconds * 100)):
        time.sleep(0.01)
        check()


def _read_plan(task: Task) -> Plan:
    return Plan(**json.loads((Path(task.shoot) / "plan.json").read_text()))


def _log(folder: Path, key: str) -> None:
    with (folder / EXECUTIONS).open("a") as lines:
        lines.write(f"{key}\n")


def _failed(task: Task, context: JobContext, plan: Plan) -> Receipt:
    return _receipt(task, context, State.FAILED, "input", plan.fails[task.step], 3)


def _receipt(
    task: Task, context: JobContext, state: State, code: str = "", message: str = "", status: int = 0
) -> Receipt:
    receipt = Receipt(
        task.key,
        task.sequence,
        task.stage,
        task.frames,
        state,
        exit_status=status,
        code=code,
        message=message,
        worker=str(get_worker().name),
        process=os.getpid(),
        started=str(time.time()),
        work=task.work,
    )
    write_receipt(Path(context.folder), receipt)
    return receipt
