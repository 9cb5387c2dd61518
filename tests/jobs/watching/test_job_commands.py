"""``vultus jobs status``, ``logs``, ``cancel`` and ``retry``, called as a user calls them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs import run_job
from jobs.conducting.verdict import JobOutcome
from jobs.records.cancelling import read_cancellation
from jobs.records.ledger import Ledger
from jobs.records.receipts import log_file, write_receipt
from jobs.records.request import JobRequest
from jobs.records.running_notes import RunningNote, running
from jobs.tasks import State
from jobs.watching.following import follow_logs
from jobs.watching.reading import read_record
from jobs.watching.summary import JobSummary, summarise
from pipeline.cli import main
from tests.jobs.watching.made_up_job import (
    Trouble,
    endings,
    make_job,
    receipt_of,
    request_for,
    survey_of,
    tasks_of,
    write_log,
)

Call = Callable[..., Result]
BROKEN = {"take2": Trouble("fit", "No face was found in any frame")}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call ``vultus jobs`` in a folder below which jobs are."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["jobs", *arguments])

    return invoke


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A job of three sequences, of which the second failed."""
    return make_job(tmp_path / "vultus-jobs" / "day3", ["take1", "take2", "take3"], BROKEN)


@contextmanager
def _at_work(folder: Path, names: list[str]) -> Iterator[None]:
    """A job whose client is at it: the first sequence runs, the others wait."""
    with Ledger(folder) as ledger:
        ledger.begin(request_for(folder, names))
        ledger.add(survey_of(name) for name in names)
        ledger.add(tasks_of(names[0]))
        ledger.record([receipt_of(survey_of(names[0]))])
        task = tasks_of(names[0])[0]
        with running(folder, RunningNote(task.key, 2, worker="w0", log="logs/x.log")):
            yield


def test_without_a_job_the_error_says_where_to_go(call: Call) -> None:
    """And the status is that of missing input."""
    result = call("status")
    assert result.exit_code == 3
    assert "vultus-jobs: There is no job below this folder. Go to the folder in which vultus jobs run" in (
        result.stderr
    )
    assert call("status", "nowhere").exit_code == 3


def test_status_tells_what_failed_and_where_its_log_is(call: Call, day: Path) -> None:
    """From the files alone; the exit status is that of the job."""
    result = call("status")
    assert result.exit_code == 4
    assert result.stdout.startswith("day3: 2 of 3 sequences are done; 1 failed\nThe job is at its end\n")
    assert (
        "take2: fit failed on node01: No face was found in any frame Log: logs/take2/fit.log" in result.stdout
    )
    assert f"Logs: {day}/logs" in result.stdout


def test_a_job_is_found_by_its_folder_its_name_or_its_age(call: Call, day: Path, tmp_path: Path) -> None:
    """The newest is meant where none is named."""
    make_job(tmp_path / "vultus-jobs" / "day4", ["b"])
    assert call("status").stdout.startswith("day4")
    assert call("status", "day3").stdout.startswith("day3")
    assert call("status", str(day)).stdout.startswith("day3")


def test_status_while_a_job_runs_names_what_runs_where_and_ends_with_0(call: Call, tmp_path: Path) -> None:
    """Nothing is known to be wrong yet."""
    with _at_work(tmp_path / "vultus-jobs" / "j", ["a", "b"]):
        result, facts = call("status"), json.loads(call("status", "--json").stdout)
    assert result.exit_code == 0
    assert "The job is running" in result.stdout
    assert facts["client"] is True
    assert [(note["key"], note["attempt"]) for note in facts["running"]] == [("a/calibrate", 2)]
    assert {each["sequence"]: each["outcome"] for each in facts["sequences"]} == {
        "a": "running",
        "b": "waiting",
    }


def test_a_job_that_was_left_says_how_to_go_on(call: Call, tmp_path: Path) -> None:
    """Its client was killed: it is neither running nor at its end."""
    with _at_work(tmp_path / "vultus-jobs" / "j", ["a", "b"]):
        pass
    result = call("status")
    assert result.exit_code == 4
    assert "Nobody is at the job, and it is not at its end. Go on with: vultus jobs retry" in result.stdout


def test_a_task_whose_worker_was_killed_is_told_from_one_that_runs(call: Call, tmp_path: Path) -> None:
    """Its note is still there, but nobody holds it; no clocks are compared."""
    folder = tmp_path / "vultus-jobs" / "j"
    with _at_work(folder, ["a", "b"]):
        note = {"key": "b/survey", "attempt": 1, "host": "node9", "worker": "w1", "process": 9, "log": ""}
        (folder / "running" / "node9.9.json").write_text(json.dumps(note))
        facts = json.loads(call("status", "--json").stdout)
    assert [each["key"] for each in facts["running"]] == ["a/calibrate"]
    assert [each["key"] for each in facts["lost"]] == ["b/survey"]


def test_what_workers_did_after_the_client_was_killed_counts(tmp_path: Path) -> None:
    """Their receipts lie in the folder, though no ledger has them yet."""
    folder = tmp_path / "j"
    with _at_work(folder, ["a"]):
        pass
    for task, receipt in endings("a"):
        if task.stage != "report":
            write_receipt(folder, receipt)
    assert summarise(read_record(folder)).tasks == {State.DONE: 8, State.WAITING: 1}


def test_while_it_is_run_again_what_failed_before_is_waiting(call: Call, day: Path) -> None:
    """And what was done counts as done."""
    with Ledger(day) as ledger:
        ledger.begin(request_for(day, ["take1", "take2", "take3"], run="second"))
        result = call("status")
    assert result.stdout.startswith("day3: 2 of 3 sequences are done; 1 running")
    assert "failed" not in result.stdout


def test_logs_are_printed_by_sequence_and_step(call: Call, day: Path) -> None:
    """A heading names each; the folder may be left out."""
    write_log(day, receipt_of(survey_of("take1")), "INFO looked")
    for receipt in map(receipt_of, tasks_of("take1")[1:3]):
        write_log(day, receipt, f"INFO {receipt.frames}")
    assert call("logs", "take1", "survey").stdout.splitlines() == [
        "==> take1/survey <==",
        "==== attempt 1: take1/survey",
        "INFO looked",
    ]
    assert "INFO 1001-1240\n==> take1/detect 1241-1480 <==" in call("logs", "day3", "take1", "detect").stdout
    assert "INFO 1241-1480" not in call("logs", "take1", "detect", "1001-1240").stdout


def test_logs_of_all_that_failed(call: Call, day: Path) -> None:
    """Without naming a sequence."""
    result = call("logs", "--failed")
    assert result.stdout.splitlines()[0] == "==> take2/fit <=="
    assert result.stdout.splitlines()[-1] == "ERROR No face was found in any frame"


def test_logs_that_are_not_there_are_an_error_that_names_what_is(call: Call, day: Path) -> None:
    """A misspelt step is answered with the steps."""
    result = call("logs", "take1", "fitt")
    assert result.exit_code == 3
    assert "The steps of take1 are survey, calibrate, detect, fit" in result.stderr
    assert call("logs").exit_code == 2


def test_following_logs_ends_when_nobody_is_at_the_job(call: Call, day: Path) -> None:
    """All that is there is printed first."""
    assert "ERROR No face was found in any frame" in call("logs", "take2", "--follow").stdout


def test_a_followed_log_goes_on_with_whole_lines_as_they_are_written(tmp_path: Path) -> None:
    """For as long as the task runs, though another process writes it."""
    folder, task = tmp_path / "j", tasks_of("a")[0]
    with _at_work(folder, ["a"]):
        write_log(folder, receipt_of(task), "INFO one")
        lines = follow_logs(folder, [task])
        assert [next(lines) for _ in range(3)][-1] == "INFO one"
        with log_file(folder, task.key).open("a") as log:
            log.write("INFO two\nINFO thr")
            log.flush()
            assert next(lines) == "INFO two"
            log.write("ee\n")
    assert list(lines) == ["INFO three"]


def test_cancel_leaves_a_marker_that_workers_and_client_honour(call: Call, tmp_path: Path) -> None:
    """For the sequences that are named, or the whole job; those that ended are left alone."""
    folder = tmp_path / "vultus-jobs" / "j"
    with _at_work(folder, ["a", "b"]):
        result = call("cancel", "a")
        assert result.stdout.startswith("Asked to stop: 1 sequence of j\n1 task running now")
        assert not read_cancellation(folder).covers("b")
        assert read_cancellation(folder).covers("a")
        call("cancel", "j")
        assert read_cancellation(folder).covers("b")
        assert json.loads(call("status", "--json").stdout)["cancelled"] == "job"


def test_there_is_nothing_to_cancel_where_nobody_works(call: Call, day: Path) -> None:
    """No marker is left that would stop the next run."""
    assert "nothing to stop" in call("cancel").stdout
    assert not (day / "cancel").exists()


def test_a_sequence_that_the_job_has_not_is_refused_with_those_it_has(call: Call, day: Path) -> None:
    """Before anything is done."""
    for command in ("cancel", "retry"):
        result = call(command, "take9")
        assert result.exit_code == 2
        assert "The job has no sequence 'take9'. It has take1, take2, take3." in result.stderr


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, day: Path) -> list[JobRequest]:
    """What would be run, instead of running it."""
    requests: list[JobRequest] = []

    def run(request: JobRequest) -> tuple[JobOutcome, JobSummary]:
        requests.append(request)
        return JobOutcome({}, 0), summarise(read_record(day))

    monkeypatch.setattr(run_job, "run_job", run)
    return requests


def test_retry_runs_what_failed_with_the_stored_request(call: Call, asked: list[JobRequest]) -> None:
    """Nothing has to be typed again, and the exit status is that of the whole job."""
    result = call("retry")
    assert result.exit_code == 4
    assert [each.only for each in asked] == [("take2",)]
    assert asked[0].shoots == ("/takes/take1", "/takes/take2", "/takes/take3")


def test_retry_runs_the_sequences_that_are_named(call: Call, asked: list[JobRequest]) -> None:
    """Whether or not they failed."""
    call("retry", "day3", "take1", "take3")
    assert [each.only for each in asked] == [("take1", "take3")]


def test_retry_has_nothing_to_do_for_a_job_that_is_done(
    call: Call, asked: list[JobRequest], tmp_path: Path
) -> None:
    """It says so, and starts no cluster."""
    make_job(tmp_path / "vultus-jobs" / "fine", ["a"])
    result = call("retry", "fine")
    assert (result.exit_code, asked) == (0, [])
    assert "Nothing of fine is left" in result.stdout
