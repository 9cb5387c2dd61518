"""Where a job stands is counted rightly as its tasks start, end, and are tried again."""

from __future__ import annotations

from jobs.tasks import State
from jobs.watching.standing import Standing
from tests.jobs.watching.made_up_job import Trouble, endings, receipt_of, survey_of, tasks_of


def _surveyed(*names: str) -> Standing:
    standing = Standing()
    standing.plan([survey_of(name) for name in names])
    for name in names:
        standing.end(receipt_of(survey_of(name)))
        standing.plan(tasks_of(name))
    return standing


def test_a_sequence_waits_until_one_of_its_steps_runs_and_is_done_when_all_have_ended() -> None:
    """A survey alone is no work on a sequence yet."""
    standing = _surveyed("a", "b")
    assert standing.counts == {State.WAITING: 2}
    first, *others = tasks_of("a")
    standing.start(first.key, "w0")
    assert standing.states_of(State.RUNNING) == ["a"]
    for task in (first, *others):
        standing.end(receipt_of(task))
    assert standing.sequences["a"].state is State.DONE
    assert +standing.counts == {State.WAITING: 1, State.DONE: 1}
    assert standing.running == {}


def test_a_stage_in_chunks_tells_how_much_of_it_is_done() -> None:
    """Running tasks count by what they tell, and 100 % is said only when all have ended."""
    standing = _surveyed("a")
    one, two, whole = (task for task in tasks_of("a") if task.stage == "detect")
    standing.start(one.key, "w0")
    standing.progress(one.key, 0.6)
    assert standing.sequences["a"].cells["detect"].percent == 20
    standing.end(receipt_of(one))
    standing.start(two.key, "w1")
    standing.progress(two.key, 1.0)
    assert standing.sequences["a"].cells["detect"].percent == 66
    standing.end(receipt_of(two))
    standing.end(receipt_of(whole))
    assert standing.sequences["a"].cells["detect"].percent == 100
    assert standing.sequences["a"].cells["detect"].state is State.DONE


def test_a_failed_task_that_is_tried_again_and_succeeds_leaves_no_trace() -> None:
    """Its sequence is no longer failed, and it is counted once."""
    standing = _surveyed("a")
    task = tasks_of("a")[0]
    standing.end(receipt_of(task, State.FAILED))
    assert +standing.counts == {State.FAILED: 1}
    assert list(standing.failures) == [task.key]
    standing.start(task.key, "w1")
    standing.end(receipt_of(task))
    assert +standing.counts == {State.RUNNING: 1}
    assert standing.failures == {}
    assert standing.left == len(tasks_of("a")) - 1


def test_partial_failed_and_skipped_sequences_are_told_apart() -> None:
    """What was skipped for a failure of its own sequence is a failure; frames that failed make it partial."""
    standing = Standing()
    for name, trouble in {
        "a": Trouble("report", "", exit_status=4),
        "b": Trouble("fit", ""),
        "c": None,
    }.items():
        for task, receipt in endings(name, trouble):
            standing.plan([task])
            standing.end(receipt)
    assert [standing.sequences[name].state for name in "abc"] == [State.PARTIAL, State.FAILED, State.DONE]
    assert standing.sequences["b"].cells["export"].state is State.SKIPPED


def test_a_task_that_only_puts_chunks_together_adds_no_frames() -> None:
    """Otherwise rates would count each frame twice."""
    standing = _surveyed("a")
    for task in tasks_of("a"):
        standing.end(receipt_of(task))
    assert standing.stages["detect"].frames == 480
