"""The sequences of a job: their names, lists of them, and what failures have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.errors import InputError, UsageError
from jobs.conducting.breaker import Breaker
from jobs.conducting.demands import priority
from jobs.conducting.graph import Ended, ended_here
from jobs.conducting.verdict import judge
from jobs.sequences import job_name, name_sequences, read_arguments
from jobs.tasks import State, Task


def names(*paths: str) -> list[str]:
    return [each.name for each in name_sequences(paths, Path("/shots"))]


def test_a_sequence_goes_by_its_folder_or_by_as_many_above_as_tell_it_apart() -> None:
    """Short names where they are enough, in the order in which they were given."""
    assert names("take1", "take2/shoot.toml") == ["take1", "take2"]
    assert names("a/x/take1", "b/x/take1", "take2") == ["a/x/take1", "b/x/take1", "take2"]
    assert names("take1", "b/take1") == ["shots/take1", "b/take1"]


def test_a_path_that_is_given_twice_is_one_sequence() -> None:
    """However it is written."""
    found = name_sequences(["take1", "./take1/", "/shots/take1/shoot.toml"], Path("/shots"))
    assert [(each.name, each.path) for each in found] == [("take1", "/shots/take1")]


def test_a_list_of_shoots_is_read_from_a_text_file(tmp_path: Path) -> None:
    """One path a line, with comments; a list that is not there is said."""
    file = tmp_path / "monday.txt"
    file.write_text("# Monday\ntake1\n\n/far/take 2\n")
    assert read_arguments([f"@{file}", "take3"]) == [Path("take1"), Path("/far/take 2"), Path("take3")]
    with pytest.raises(InputError, match="list of shoots cannot be read"):
        read_arguments(["@nowhere.txt"])
    file.write_text("# none\n")
    with pytest.raises(UsageError, match="No shoot is named"):
        read_arguments([f"@{file}"])


def test_the_same_command_names_the_same_job() -> None:
    """So that it goes on with it; a list lends its name, and other shoots make another job."""
    day = name_sequences(["day/take1", "day/take2"], Path("/shots"))
    assert job_name(["day/take1", "day/take2"], day) == job_name(["day/take2", "day/take1"], day[::-1])
    assert job_name(["x"], day).startswith("day-")
    assert job_name(["x"], day) != job_name(["x"], day[:1])
    assert job_name(["@lists/monday.txt"], day) == "monday"


def test_surveys_come_first_then_sequences_in_order_and_later_stages_before_new_sequences() -> None:
    """What is missing is known early, and what is begun is brought to its end."""
    task = Task("take", "/take", "fit")
    order = [
        priority(Task("take", "/take", "survey"), 1999, 1, 1),
        priority(task, 0, 4, 1),
        priority(task, 0, 2, 1),
        priority(task, 0, 2, 2),
        priority(task, 1, 6, 1),
        priority(task, 1, 1, 1),
    ]
    assert order == sorted(order, reverse=True)


def failed(sequence: str, message: str, stage: str = "fit", status: int = 1) -> Ended:
    task = Task(sequence, f"/shots/{sequence}", stage)
    return Ended(sequence, ended_here(task, State.FAILED, "input", message, status))


def test_one_cause_is_told_though_names_and_paths_differ() -> None:
    """With many workers as many have to fail as are tried side by side."""
    breaker = Breaker(100)
    reasons = [
        breaker.reason(failed(f"take{i}", f"/a/take{i}/w: No weights for take{i}"), 5, ()) for i in range(5)
    ]
    assert reasons[:4] == [""] * 4
    assert "The first 5 sequences all failed of the same" in reasons[4]


@pytest.mark.parametrize("went_well", [(), ("fit",)])
def test_a_stage_that_others_got_through_is_no_common_cause(went_well: tuple[str, ...]) -> None:
    """Three bad takes in a row are not a missing model."""
    breaker = Breaker(3)
    reasons = [breaker.reason(failed(f"take{i}", "No face"), 1, went_well) for i in range(3)]
    assert bool(reasons[2]) == (not went_well)


def test_the_exit_status_says_what_became_of_all() -> None:
    """As of a single run where they agree, else partial."""
    done = Ended("a", ended_here(Task("a", "/a", "report"), State.DONE, "", ""))
    partial = Ended("a", ended_here(Task("a", "/a", "report"), State.PARTIAL, "", ""))
    missing = failed("b", "There is no such shoot", "survey", 3)
    broken = failed("c", "no")
    statuses = [[done], [done, partial], [done, missing], [missing, missing], [missing, broken], [broken]]
    assert [judge(each).exit_status for each in statuses] == [0, 4, 4, 3, 1, 1]
    assert judge([done, broken], "Stopped early").exit_status == 1
    assert judge([done], "The job was stopped", 143).exit_status == 143
