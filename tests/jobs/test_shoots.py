"""Many shoots on a cluster: each is told apart, and one that fails does not stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from calibration.errors import InputError
from jobs.shoots import ClusterOptions, ShootResult, run_shoot, run_shoots
from pipeline.cli import main
from pipeline.commands.jobs.run import summary

BROKEN = """
[cameras.left]
images = "left"
[calibration]
source = "file"
file = "cameras.json"
[export]
formats = ["fbx"]
"""


@pytest.fixture
def shoots(tmp_path: Path) -> list[Path]:
    """One folder without a shoot file, and one whose settings make no sense."""
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.mkdir()
    broken.mkdir()
    (broken / "shoot.toml").write_text(BROKEN)
    return [empty, broken]


def test_a_shoot_that_fails_is_a_result_with_its_status_and_reason(
    shoots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``vultus run`` would have said and left with."""
    monkeypatch.chdir(shoots[0].parent)
    result = run_shoot(str(shoots[0]), None, str(shoots[0].parent))
    assert result.exit_status == 3
    assert "vultus init" in result.message


def test_all_shoots_are_tried_and_the_exit_status_is_partial(
    shoots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night's work ends with a table: a file that is missing is 3, a setting without sense is 2."""
    monkeypatch.chdir(shoots[0].parent)
    result = CliRunner().invoke(main, ["jobs", "run", *map(str, shoots), "--workers", "1"])
    assert result.exit_code == 4
    assert "Progress: 100%" in result.stdout
    lines = result.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith(str(shoots[0].parent))] == ["3", "2"]


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    """No traceback of the network library."""
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9: The scheduler does not answer"):
        run_shoots(
            [Path("x")], ClusterOptions(scheduler="tcp://127.0.0.1:9", timeout=0.5), lambda result: None
        )


def test_the_table_has_a_row_per_shoot() -> None:
    """Status, seconds and what became of it."""
    table = summary(
        [ShootResult("take1", 0, "12 frames, 0.90 px", 61.0), ShootResult("t2", 3, "no file", 0.2)]
    )
    assert table.splitlines()[1].split() == ["take1", "0", "61", "12", "frames,", "0.90", "px"]
    assert len(table.splitlines()) == 3
