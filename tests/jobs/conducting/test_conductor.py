"""Conducting a job on a small cluster, with cheap tasks in the place of the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.conducting.assignment import Functions
from jobs.records.cancelling import cancel, read_cancellation
from jobs.records.ledger import Ledger
from jobs.tasks import State, Task
from pipeline.interruption import InterruptedRunError, TerminatedRunError
from tests.jobs.crews import NotingWatch, SmallCluster, a_job, run, small_cluster
from tests.jobs.fake_duties import Plan, executions, make_sequence, results

STEPS = 8  # of a sequence with two chunks


@pytest.fixture(scope="module")
def cluster() -> Iterator[SmallCluster]:
    with small_cluster() as cluster:
        yield cluster


def test_all_steps_of_all_sequences_are_done_once(tmp_path: Path, cluster: SmallCluster) -> None:
    """Each step leaves its result, the ledger has its receipt, and the exit status is 0."""
    shoots = [make_sequence(tmp_path / f"take{i}", Plan()) for i in range(3)]
    watch = NotingWatch()
    outcome = run(a_job(tmp_path, shoots), cluster, watch)
    assert outcome.exit_status == 0
    assert outcome.counts == {State.DONE: 3}
    assert len(results(shoots)) == 3 * STEPS
    assert set(executions(tmp_path / "job").values()) == {1}
    assert len(watch.ends) == len(watch.tasks) == 3 * (1 + STEPS)
    assert sorted(watch.starts) == sorted(each.key for each in watch.ends)
    with Ledger(tmp_path / "job") as ledger:
        assert set(ledger.states().values()) == {State.DONE}


def test_the_same_job_again_does_only_what_is_missing(tmp_path: Path, cluster: SmallCluster) -> None:
    """What stands is found current; a result that was deleted is made again, and nothing else."""
    shoots = [make_sequence(tmp_path / f"take{i}", Plan()) for i in range(2)]
    run(a_job(tmp_path, shoots), cluster, NotingWatch())
    (shoots[1] / "results" / "export").unlink()
    outcome = run(a_job(tmp_path, shoots), cluster, NotingWatch())
    assert outcome.exit_status == 0
    done = executions(tmp_path / "job")
    assert done.pop("take1/export") == 2
    assert set(done.values()) == {1}


def test_a_sequence_that_fails_stops_no_other_and_only_what_needs_it(
    tmp_path: Path, cluster: SmallCluster
) -> None:
    """Its later steps are skipped with the reason; another whose footage is missing is told apart."""
    fails = make_sequence(tmp_path / "fails", Plan(fails={"fit": "no landmarks"}))
    good = make_sequence(tmp_path / "good", Plan())
    watch = NotingWatch()
    outcome = run(a_job(tmp_path, [fails, tmp_path / "missing", good]), cluster, watch)
    assert outcome.exit_status == 4
    assert outcome.counts == {State.FAILED: 2, State.DONE: 1}
    assert watch.receipt("fails/report").state is State.SKIPPED
    assert watch.receipt("fails/report").message == "Not tried, because fails/fit failed: no landmarks"
    assert watch.receipt("fails/detect").state is State.DONE
    assert watch.receipt("missing/survey").exit_status == 3


def test_a_job_of_which_everything_is_missing_says_so(tmp_path: Path, cluster: SmallCluster) -> None:
    """Exit status 3, as of a single run."""
    outcome = run(a_job(tmp_path, [tmp_path / "a", tmp_path / "b"]), cluster, NotingWatch())
    assert outcome.exit_status == 3


def test_what_failed_is_tried_again_by_the_same_job(tmp_path: Path, cluster: SmallCluster) -> None:
    """The rest stands."""
    shoot = make_sequence(tmp_path / "take", Plan(fails={"fit": "no licence"}))
    run(a_job(tmp_path, [shoot]), cluster, NotingWatch())
    (shoot / "plan.json").unlink()
    shoot.rename(tmp_path / "old")
    make_sequence(shoot, Plan())
    (tmp_path / "old" / "results").rename(shoot / "results")
    assert run(a_job(tmp_path, [shoot]), cluster, NotingWatch()).exit_status == 0
    assert set(executions(tmp_path / "job").values()) == {1}


def test_a_job_in_which_all_fail_of_the_same_stops_early(tmp_path: Path, cluster: SmallCluster) -> None:
    """A night is not spent on finding out forty times that a file is missing; names and paths may differ."""
    shoots = [
        make_sequence(tmp_path / f"take{i}", Plan(fails={"fit": f"{tmp_path}/take{i}/x: No weights"}))
        for i in range(40)
    ]
    job = a_job(tmp_path, shoots)
    watch = NotingWatch()
    outcome = run(replace(job, limits=replace(job.limits, ahead=4)), cluster, watch)
    assert outcome.exit_status == 1
    assert "first 3 sequences all failed of the same" in outcome.stopped
    assert outcome.counts[State.CANCELLED] > 25
    assert sum(outcome.counts.values()) == 40
    assert any("Stopped early" in text for text in watch.words)


def test_different_failures_do_not_stop_a_job(tmp_path: Path, cluster: SmallCluster) -> None:
    """As many reasons as sequences are no common cause."""
    reasons = ("too dark", "too bright", "no face", "two faces")
    shoots = [make_sequence(tmp_path / f"take{i}", Plan(fails={"fit": r})) for i, r in enumerate(reasons)]
    outcome = run(a_job(tmp_path, shoots), cluster, NotingWatch())
    assert outcome.counts == {State.FAILED: 4}
    assert not outcome.stopped


def test_sequences_of_a_rig_wait_for_the_first_to_calibrate(tmp_path: Path, cluster: SmallCluster) -> None:
    """A shared calibration is made once, and the others do not stand in line for its lock."""
    shoots = [make_sequence(tmp_path / f"take{i}", Plan(rig="stage", seconds=0.05)) for i in range(3)]
    watch = NotingWatch()
    run(a_job(tmp_path, shoots), cluster, watch)
    keys = [each.key for each in watch.ends]
    first = next(key for key in keys if key.endswith("/calibrate"))
    others = [key for key in watch.starts if key.endswith("/calibrate") and key != first]
    assert len(others) == 2
    assert all(watch.starts.index(key) > watch.starts.index(first) for key in others)


def test_a_failed_calibration_of_a_rig_lets_the_others_try(tmp_path: Path, cluster: SmallCluster) -> None:
    """They come after it, but do not need it."""
    first = make_sequence(tmp_path / "take0", Plan(rig="stage", fails={"calibrate": "no board"}))
    other = make_sequence(tmp_path / "take1", Plan(rig="stage"))
    outcome = run(a_job(tmp_path, [first, other]), cluster, NotingWatch())
    assert outcome.counts == {State.FAILED: 1, State.DONE: 1}


def test_a_task_too_large_for_every_worker_is_a_named_failure(tmp_path: Path, cluster: SmallCluster) -> None:
    """It is not given to a worker to die of."""
    shoot = make_sequence(tmp_path / "take", Plan())

    def size(task: Task) -> float:
        return 9 * 2**30 if task.stage == "fit" else 2**30

    job = a_job(tmp_path, [shoot])
    job = replace(job, functions=Functions(job.functions.survey, job.functions.execute, size))
    watch = NotingWatch()
    outcome = run(job, cluster, watch)
    assert outcome.exit_status == 1
    assert watch.receipt("take/fit").code == "memory"
    assert "about 9.0 GiB of memory, and the largest worker has 4.0" in watch.receipt("take/fit").message
    assert watch.receipt("take/detect").state is State.DONE
    assert watch.receipt("take/report").state is State.SKIPPED
    assert "take/fit" not in watch.starts


def test_a_trouble_that_stays_is_a_failure_in_the_end(tmp_path: Path, cluster: SmallCluster) -> None:
    """Dask tries it again as often as it is told to; what needs it is skipped, not failed too."""
    shoot = make_sequence(tmp_path / "take", Plan(trouble=["detect 1001-1010"]))
    watch = NotingWatch()
    outcome = run(a_job(tmp_path, [shoot]), cluster, watch)
    assert outcome.counts == {State.FAILED: 1}
    assert watch.starts.count("take/detect 1001-1010") == 2
    assert watch.receipt("take/detect 1001-1010").state is State.FAILED
    assert "the share went away" in watch.receipt("take/detect 1001-1010").message
    assert watch.receipt("take/detect 1011-1020").state is State.DONE
    assert watch.receipt("take/fit").state is State.SKIPPED


def test_a_sequence_can_be_cancelled_while_others_go_on(tmp_path: Path, cluster: SmallCluster) -> None:
    """The marker in the job's folder stops what runs and what waits of it; the next run does it."""
    shoots = [make_sequence(tmp_path / f"take{i}", Plan(seconds=0.2 * (i == 0))) for i in range(2)]

    class Cancelling(NotingWatch):
        def started(self, key: str, worker: str) -> None:
            super().started(key, worker)
            if key == "take0/calibrate":
                cancel(tmp_path / "job", ["take0"])

    outcome = run(a_job(tmp_path, shoots), cluster, Cancelling())
    assert outcome.counts == {State.CANCELLED: 1, State.DONE: 1}
    assert outcome.exit_status == 4
    assert run(a_job(tmp_path, shoots), cluster, NotingWatch()).exit_status == 0
    assert set(executions(tmp_path / "job").values()) == {1}


@pytest.mark.parametrize(("error", "status"), [(InterruptedRunError, 130), (TerminatedRunError, 143)])
def test_an_interrupted_job_ends_in_good_order_and_goes_on(
    tmp_path: Path, cluster: SmallCluster, error: type[InterruptedRunError], status: int
) -> None:
    """Workers get to a safe place, everything has a receipt, and the same job does the rest, once."""
    shoots = [make_sequence(tmp_path / f"take{i}", Plan(seconds=0.1)) for i in range(4)]

    class Interrupting(NotingWatch):
        def check(self) -> None:
            if sum(each.stage == "detect" for each in self.ends) > 1:
                raise error("Stopped on request")

    watch = Interrupting()
    outcome = run(a_job(tmp_path, shoots), cluster, watch)
    assert outcome.exit_status == status
    assert outcome.counts[State.CANCELLED] == 4
    assert {each.key for each in watch.ends} == {each.key for each in watch.tasks}
    assert not read_cancellation(tmp_path / "job").whole
    assert run(a_job(tmp_path, shoots), cluster, NotingWatch()).exit_status == 0
    assert set(executions(tmp_path / "job").values()) == {1}
    assert len(results(shoots)) == 4 * STEPS


def test_only_a_part_of_a_large_job_is_at_work_at_a_time(tmp_path: Path, cluster: SmallCluster) -> None:
    """Sequences begin in their order, and no more than a window of them is open."""
    shoots = [make_sequence(tmp_path / f"take{i:02d}", Plan(chunks=1)) for i in range(20)]
    job = a_job(tmp_path, shoots)
    watch = NotingWatch()
    run(replace(job, limits=replace(job.limits, ahead=2)), cluster, watch)
    opened: set[str] = set()
    most = 0
    for receipt in watch.ends:
        if receipt.stage == "calibrate":
            opened.add(receipt.sequence)
        elif receipt.stage == "report":
            opened.discard(receipt.sequence)
        most = max(most, len(opened))
    assert most <= 8  # four for each of two workers
