"""Looking at the footage of a sequence, before its steps are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.tasks import SURVEY, JobContext, State, Work
from jobs.workers.survey import survey
from jobs.workers.worker import execute
from tests.jobs.small_shoot import job_in, task_of, write_small_shoot


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    return write_small_shoot(tmp_path / "take")


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    return job_in(tmp_path)


def test_a_survey_lists_the_steps_of_a_sequence_and_how_large_they_are(
    shoot: Path, context: JobContext
) -> None:
    """Each after those that it needs, by their keys in the job."""
    found = survey(task_of(shoot, SURVEY), context)
    assert found.receipt.state is State.DONE
    assert "2 cameras, 3 frames: 1001-1003" in found.receipt.message
    keys = [task.key for task in found.tasks]
    assert keys[0] == "take/calibrate"
    assert "take/report" in keys
    for position, task in enumerate(found.tasks):
        assert set(task.needs) <= set(keys[:position])
        assert task.work == Work(frames=3, cameras=2, landmarks=68, pixels=32 * 40)
    assert found.rig == ""


@pytest.mark.parametrize(
    ("harm", "status"), [("[export]\nformats = ['fbx']\n", 2), ("[export]\nformat = 'obj'\n", 3)]
)
def test_settings_without_sense_end_a_sequence_at_its_survey(
    shoot: Path, context: JobContext, harm: str, status: int
) -> None:
    """Nothing is computed for hours first; the receipt says what is wrong."""
    with (shoot / "shoot.toml").open("a") as file:
        file.write(harm)
    found = survey(task_of(shoot, SURVEY), context)
    assert (found.receipt.state, found.receipt.exit_status) == (State.FAILED, status)
    assert found.tasks == ()


def test_the_shoot_file_of_read_only_footage_is_found_in_the_users_folder(tmp_path: Path) -> None:
    """And the worker stays in its own folder: it may do another user's task next."""
    footage = write_small_shoot(tmp_path / "share" / "take")
    user = tmp_path / "user"
    (user / "take").mkdir(parents=True)
    text = (footage / "shoot.toml").read_text()
    (footage / "shoot.toml").unlink()
    (user / "take" / "shoot.toml").write_text(f"[shoot]\nroot = '{footage}'\n{text}")
    before = Path.cwd()
    found = survey(task_of(footage, SURVEY), job_in(user))
    assert found.receipt.state is State.DONE, found.receipt.message
    assert found.receipt.output == str(user / "take" / "results")
    assert Path.cwd() == before


def test_takes_that_share_a_board_have_one_rig(tmp_path: Path) -> None:
    """So that it is calibrated but once; a take of a later rig has another."""
    rigs = "".join(
        f"[[rigs]]\nname = '{name}'\ntakes = ['{takes}']\nsource = 'board'\n"
        "[rigs.board]\ncolumns = 9\nrows = 6\nsquare_mm = 30\nimages = { left = 'board/left' }\n"
        for name, takes in (("morning", "a*"), ("evening", "b*"))
    )
    (tmp_path / "rigs.toml").write_text(rigs)
    found = []
    for name in ("a1", "a2", "b1"):
        folder = write_small_shoot(tmp_path / name)
        file = folder / "shoot.toml"
        file.write_text(file.read_text().replace('"file"', '"rigs"').replace("cameras.json", "../rigs.toml"))
        surveyed = survey(task_of(folder, SURVEY), job_in(tmp_path))
        assert surveyed.tasks, surveyed.receipt.message
        found.append(surveyed.rig)
    assert found[0] == found[1] != found[2]
    assert "" not in found


def test_doing_all_of_it_again_is_done_once_in_a_run(shoot: Path, tmp_path: Path) -> None:
    """However often Dask starts a survey, it does not take away what was done since."""
    first = job_in(tmp_path)
    survey(task_of(shoot, SURVEY), first)
    assert execute(task_of(shoot), first).state is State.DONE
    again = job_in(tmp_path, force=True, run="second")
    survey(task_of(shoot, SURVEY), again)
    assert execute(task_of(shoot), again).state is State.DONE
    survey(task_of(shoot, SURVEY), again)
    assert execute(task_of(shoot), again).state is State.CURRENT


def test_a_survey_reads_one_image_however_many_there_are(
    shoot: Path, context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rig of seventeen cameras is looked at by its listings alone, but for the size of an image."""
    read: list[Path] = []

    def counted(path: Path, **options: object) -> object:
        read.append(path)
        return np.zeros((40, 32, 3), np.uint8)

    monkeypatch.setattr("pipeline.frames.sources.read_image", counted)
    survey(task_of(shoot, SURVEY), context)
    assert len(read) == 1
